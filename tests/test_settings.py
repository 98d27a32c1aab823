from pathlib import Path

import pytest

from settings import SettingsError, load_settings, load_stack_settings, temporal_connection, temporal_is_outside

COMPLETE = {
    "PERENNIAL_DATABASE_URL": "postgresql://ledger@db.internal:5432/ledger",
    "PERENNIAL_STRIPE_API_KEY": "sk_test_51JxQ8zL0vYp3Wn7",
    "PERENNIAL_STRIPE_WEBHOOK_SECRETS": "whsec_9aT4kLm2Qe8Rz6Xv, whsec_0bU5lMn3Rf9Sa7Yw",
    "PERENNIAL_API_KEY_PEPPER": "k3V9xQ2mB7nL5tR8wZ1yC4fH6jP0sD3g",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment with what is needed to start, and nothing else of ours."""
    for name in COMPLETE:
        monkeypatch.setenv(name, COMPLETE[name])
    for name in ("STRIPE_BASE_URL", "HOME", "WORKERS", "API_PORT"):
        monkeypatch.delenv(f"PERENNIAL_{name}", raising=False)
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", "TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "temporal.toml"))
    return monkeypatch


def test_a_complete_environment_starts() -> None:
    settings = load_settings()
    assert settings.database_url.get_secret_value() == "postgresql+psycopg://ledger@db.internal:5432/ledger"
    assert [secret.get_secret_value() for secret in settings.stripe_webhook_secrets] == [
        "whsec_9aT4kLm2Qe8Rz6Xv",
        "whsec_0bU5lMn3Rf9Sa7Yw",
    ]
    assert settings.stripe_base_url is None


@pytest.mark.parametrize("name", COMPLETE)
def test_a_missing_setting_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)
    with pytest.raises(SettingsError, match=f"{name} is missing"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("PERENNIAL_STRIPE_API_KEY", "", "must not be empty"),
        ("PERENNIAL_STRIPE_API_KEY", "sk_test_123", "too short or too regular"),
        ("PERENNIAL_STRIPE_API_KEY", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "too short or too regular"),
        ("PERENNIAL_STRIPE_WEBHOOK_SECRETS", "", "is missing"),
        ("PERENNIAL_STRIPE_WEBHOOK_SECRETS", "whsec_9aT4kLm2Qe8Rz6Xv,whsec_change_me_please", "is a placeholder"),
        ("PERENNIAL_API_KEY_PEPPER", "change-this-to-a-long-random-value-00", "is a placeholder"),
        ("PERENNIAL_API_KEY_PEPPER", "k3V9xQ2mB7nL5tR8wZ1y", "at least 32 characters"),
        ("PERENNIAL_DATABASE_URL", "", "must be a PostgreSQL URL"),
        ("PERENNIAL_DATABASE_URL", "mysql://ledger@db.internal/ledger", "must be a PostgreSQL URL"),
        ("PERENNIAL_DATABASE_URL", "postgresql://postgres:postgres@db.internal/ledger", "holds a default password"),
        ("PERENNIAL_API_PORT", "70000", "less than or equal to 65535"),
    ],
)
def test_an_unsafe_setting_is_refused_by_name(
    environment: pytest.MonkeyPatch, name: str, value: str, complaint: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name}.*{complaint}"):
        load_settings()


def test_a_refusal_shows_no_value(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PERENNIAL_STRIPE_API_KEY", "sk_live_short")
    environment.setenv("PERENNIAL_DATABASE_URL", "mysql://ledger:hidden-word@db/ledger")
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert "sk_live" not in str(refusal.value)
    assert "hidden-word" not in str(refusal.value)


def test_settings_print_without_their_secrets() -> None:
    shown = repr(load_settings())
    assert not [value for value in COMPLETE.values() if value in shown]


def test_the_default_password_is_let_through_on_this_machine(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PERENNIAL_DATABASE_URL", "postgres://postgres:postgres@localhost:5432/ledger")
    assert load_settings().database_url.get_secret_value().startswith("postgresql+psycopg://postgres:")


def test_an_outside_stripe_account_comes_with_its_webhook_secret(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("PERENNIAL_STRIPE_WEBHOOK_SECRETS")
    with pytest.raises(SettingsError, match="PERENNIAL_STRIPE_WEBHOOK_SECRETS is missing: it goes with"):
        load_stack_settings()


def test_an_outside_stripe_address_comes_with_its_key(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("PERENNIAL_STRIPE_API_KEY")
    environment.setenv("PERENNIAL_STRIPE_BASE_URL", "http://127.0.0.1:12111")
    with pytest.raises(SettingsError, match="PERENNIAL_STRIPE_API_KEY is missing: it goes with"):
        load_stack_settings()


def test_temporal_is_on_this_machine_unless_named() -> None:
    assert not temporal_is_outside()
    assert temporal_connection()["target_host"] == "localhost:7233"


def test_temporal_may_be_named_by_address(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TEMPORAL_ADDRESS", "temporal.internal:7233")
    environment.setenv("TEMPORAL_NAMESPACE", "billing")
    assert temporal_is_outside()
    connection = temporal_connection()
    assert (connection["target_host"], connection["namespace"]) == ("temporal.internal:7233", "billing")


def test_temporal_may_be_named_by_profile(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "temporal.toml").write_text('[profile.cloud]\naddress = "acme.cloud:7233"\nnamespace = "acme"\n')
    environment.setenv("TEMPORAL_PROFILE", "cloud")
    assert temporal_is_outside()
    connection = temporal_connection()
    assert (connection["target_host"], connection["namespace"]) == ("acme.cloud:7233", "acme")
