"""How long to wait before asking again, and which API is asked."""

from pathlib import Path

import pytest
import requests

from sandbox.credentials import load_or_make
from settings import SettingsError
from usage_files.asked import Refused
from usage_files.calling import Caller, Stopped, _pause
from usage_files.reach import address_and_key


def answer(retry_after: str) -> requests.Response:
    made = requests.Response()
    made.headers["Retry-After"] = retry_after
    return made


def test_the_api_says_how_long_to_wait() -> None:
    assert _pause(0, answer("7")) == _pause(9, answer("7")) == 7.0


@pytest.mark.parametrize("unclear", ["", "soon", "-1", "Wed, 21 Oct 2015 07:28:00 GMT", "9" * 400])
def test_else_the_pauses_grow_up_to_half_a_minute(unclear: str) -> None:
    for attempt, longest in [(0, 0.2), (1, 0.4), (4, 3.2), (8, 30.0), (10_000, 30.0)]:
        assert longest / 2 <= _pause(attempt, answer(unclear)) <= longest
        assert longest / 2 <= _pause(attempt, None) <= longest


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:8000", "http://"])
def test_an_address_that_is_none_is_not_asked_again(url: str) -> None:
    with pytest.raises(Refused, match="cannot be asked"):
        Caller(url, "key", patience_seconds=600).get("/v1/usage/events", {})


def test_whoever_waits_can_be_stopped() -> None:
    caller = Caller("http://127.0.0.1:1", "key", patience_seconds=600)
    caller.stop()
    with pytest.raises(Stopped):
        caller.get("/v1/usage/events", {})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("URL", "API_KEY", "STRIPE_API_KEY", "DATABASE_URL", "API_PORT"):
        monkeypatch.delenv(f"PERENNIAL_{name}", raising=False)
    monkeypatch.setenv("PERENNIAL_HOME", str(tmp_path))
    return tmp_path


def test_what_is_given_goes_before_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_URL", "http://api.test:8000")
    monkeypatch.setenv("PERENNIAL_API_KEY", "pr_test_environment")
    assert address_and_key(None, None) == ("http://api.test:8000/", "pr_test_environment")
    assert address_and_key("http://other", "pr_test_given") == ("http://other", "pr_test_given")


def test_the_stack_on_this_machine_is_asked_where_nothing_is_said(home: Path) -> None:
    with pytest.raises(Refused, match="PERENNIAL_URL is missing"):
        address_and_key(None, None)
    made = load_or_make(home, keep=True)
    assert address_and_key(None, None) == ("http://127.0.0.1:8000", made.admin_api_key)


def test_no_other_api_is_told_the_key_of_the_stack(home: Path) -> None:
    load_or_make(home, keep=True)
    with pytest.raises(Refused, match="PERENNIAL_API_KEY is missing"):
        address_and_key("http://other", None)


def test_an_address_that_is_none_is_refused_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_URL", "here")
    with pytest.raises(SettingsError, match="PERENNIAL_URL"):
        address_and_key(None, None)
