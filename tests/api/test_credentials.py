import re

import pytest

from api.credentials import digest, hint, mint, mode_of

# Made once by `mint` and kept, so that keys in use stay valid.
TEST_KEY = "pr_test_xo98mtfnWAcU5PAvMzVXnp4ulXaeGmzf4AYhTyvdr0g0M2Oza"
LIVE_KEY = "pr_live_XAK9DXYt96S2gFiB1VmPRD19h2zOTupc3Fen5sTWHgH3JJ0E6"


def test_a_minted_key_has_a_prefix_32_random_bytes_and_a_checksum() -> None:
    assert re.fullmatch(r"pr_test_[0-9A-Za-z]{43}[0-9A-Za-z]{6}", mint("test"))
    assert re.fullmatch(r"pr_live_[0-9A-Za-z]{43}[0-9A-Za-z]{6}", mint("live"))


def test_no_two_keys_are_alike() -> None:
    assert len({mint("test") for _ in range(1000)}) == 1000


def test_a_key_says_what_mode_it_is_for() -> None:
    assert mode_of(TEST_KEY) == "test"
    assert mode_of(LIVE_KEY) == "live"


@pytest.mark.parametrize("position", range(len(TEST_KEY)))
def test_a_key_with_one_letter_changed_is_no_key(position: int) -> None:
    other = "A" if TEST_KEY[position] != "A" else "B"
    assert mode_of(TEST_KEY[:position] + other + TEST_KEY[position + 1 :]) is None


@pytest.mark.parametrize("text", ["", "pr_test_", TEST_KEY + "0", TEST_KEY + "\n", TEST_KEY[1:], "sk_test_123"])
def test_other_text_is_no_key(text: str) -> None:
    assert mode_of(text) is None


def test_what_is_stored_depends_on_the_pepper() -> None:
    one, other = digest(TEST_KEY, b"p" * 32), digest(TEST_KEY, b"q" * 32)
    assert one != other
    assert len(one) == 64
    assert TEST_KEY not in one


def test_a_hint_shows_the_ends_only() -> None:
    assert hint(TEST_KEY) == "pr_test_...2Oza"
