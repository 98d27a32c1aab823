"""The settings of the product: the only reader of the environment.

`Settings` is what a worker and the API need, `StackSettings` what the embedded stack needs, `ClientSettings` what
commands that ask an API need, `temporal_connection` how to reach Temporal. Only composition roots call the loaders;
everything else is given values.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, AnyHttpUrl, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

if TYPE_CHECKING:
    from temporalio.envconfig import ClientConnectConfig

PREFIX: Final = "PERENNIAL_"
TEMPORAL_VARIABLES: Final = "TEMPORAL_"
PLACEHOLDERS: Final = ("changeme", "changethis", "replaceme", "placeholder", "yoursecret", "example", "insecure")
DEFAULT_PASSWORDS: Final = frozenset({"postgres", "password", "secret", "admin", "root", "perennial"})
LOOPBACK_HOSTS: Final = frozenset({None, "", "localhost", "127.0.0.1", "::1"})


class SettingsError(Exception):
    """The environment does not hold what is needed to start; the message names each variable, never a value."""


def _strong(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    plain = re.sub(r"[^a-z0-9]", "", value.lower())
    if not value.strip():
        raise ValueError("must not be empty")
    if any(word in plain for word in PLACEHOLDERS):
        raise ValueError("is a placeholder; set a secret of your own")
    if len(value) < 16 or len(set(value)) < 6:
        raise ValueError("is too short or too regular for a secret; use at least 16 random characters")
    return secret


def _long(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < 32:
        raise ValueError("must have at least 32 characters")
    return secret


def _database_url(secret: SecretStr) -> SecretStr:
    url = secret.get_secret_value()
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise ValueError("must be a PostgreSQL URL such as postgresql://user@host:5432/name")
    parts = urlsplit(f"postgresql://{rest}")
    if _has_default_password(parts):
        raise ValueError("holds a default password; set one of your own")
    return SecretStr(f"postgresql+psycopg://{rest}")


def _has_default_password(parts: SplitResult) -> bool:
    """Whether the password is one that everybody knows, on a server that others can reach."""
    password = (parts.password or "").lower()
    guessable = password in DEFAULT_PASSWORDS or any(word in password for word in PLACEHOLDERS)
    return guessable and parts.hostname not in LOOPBACK_HOSTS


def _comma_separated(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


Secret = Annotated[SecretStr, AfterValidator(_strong)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """What a worker and the API need. Secrets have no default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: DatabaseUrl = Field(description="PostgreSQL URL of the ledger.")
    database_pool_size: int = Field(default=10, ge=1, le=200, description="Connections one process keeps open.")

    database_role: str | None = Field(
        default=None,
        pattern=r"^[a-z_][a-z0-9_]*$",
        description="Role to act as after connecting; perennial_app may not change or delete what is posted.",
    )

    stripe_api_key: Secret = Field(description="Secret or restricted key of the Stripe account.")
    stripe_base_url: AnyHttpUrl | None = Field(
        default=None, description="Address of a Stripe-compatible server; unset means Stripe itself."
    )
    stripe_webhook_secrets: Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(_comma_separated)] = Field(
        min_length=1, description="Signing secrets of the webhook endpoint, comma-separated; several during a rotation."
    )

    api_key_pepper: Annotated[Secret, AfterValidator(_long)] = Field(
        description="Key with which stored API keys are hashed; at least 32 characters."
    )
    bootstrap_api_key: Secret | None = Field(
        default=None, description="API key with every scope that the API stores at start if it is not there yet."
    )
    api_host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    api_port: Port = Field(default=8000, description="Port the API listens on.")
    usage_batches_max: int = Field(
        default=8, ge=1, le=200, description="Batches of usage that one API process stores at once; others get 429."
    )

    worker_max_cached_workflows: int = Field(
        default=1000, ge=0, description="Workflows a worker keeps in memory; 0 replays every task from the start."
    )
    worker_max_concurrent_workflow_tasks: int = Field(
        default=100, ge=2, description="Workflow tasks a worker runs at once."
    )
    worker_max_concurrent_activities: int = Field(
        default=20, ge=1, description="Activities a worker runs at once, each in a thread of its own."
    )
    worker_graceful_shutdown_seconds: int = Field(
        default=45, ge=0, description="Time running activities get to finish when a worker stops."
    )
    payments_per_second: float = Field(
        default=25, gt=0, description="Payment steps a second over all workers; a first charge makes two gateway calls."
    )

    spread_seconds: int = Field(
        default=0,
        ge=0,
        le=21600,
        description="Window over which wake-ups of contracts signed here are spread after they are due; dates stay.",
    )

    log_format: Literal["json", "console"] = Field(default="json", description="Form of the log lines.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe level that is logged."
    )


class StackSettings(BaseSettings):
    """What `perennial up` needs. Everything has a default; ports that are taken move to free ones."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    home: Annotated[Path, AfterValidator(_absolute)] = Field(
        default=Path(".perennial"), validate_default=True, description="Folder of the stack's data, logs and secrets."
    )
    database_url: DatabaseUrl | None = Field(
        default=None, description="An outside PostgreSQL server to use instead of the embedded one."
    )
    stripe_api_key: Secret | None = Field(
        default=None, description="Key of a Stripe account to use instead of the embedded sandbox."
    )
    stripe_base_url: AnyHttpUrl | None = Field(
        default=None, description="Address of a Stripe-compatible server that goes with the key."
    )
    stripe_webhook_secrets: Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(_comma_separated)] = Field(
        default=(), description="Signing secrets of the outside account's webhook endpoint."
    )
    postgres_port: Port = Field(default=54320, description="Preferred port of the embedded PostgreSQL.")
    temporal_port: Port = Field(default=7233, description="Preferred port of the embedded Temporal server.")
    temporal_ui_port: Port = Field(default=8233, description="Preferred port of the Temporal web UI.")
    stripe_port: Port = Field(default=12111, description="Preferred port of the Stripe sandbox.")
    api_port: Port = Field(default=8000, description="Preferred port of the API.")
    workers: int = Field(default=1, ge=1, le=32, description="Worker processes of the embedded stack.")
    payments_per_second: float = Field(
        default=1000, gt=0, description="Gateway calls a second of the embedded stack, whose sandbox has no limit."
    )

    @model_validator(mode="after")
    def _outside_stripe_is_complete(self) -> Self:
        if self.stripe_api_key and not self.stripe_webhook_secrets:
            raise ValueError(f"{PREFIX}STRIPE_WEBHOOK_SECRETS is missing: it goes with {PREFIX}STRIPE_API_KEY")
        if self.stripe_base_url and not self.stripe_api_key:
            raise ValueError(f"{PREFIX}STRIPE_API_KEY is missing: it goes with {PREFIX}STRIPE_BASE_URL")
        return self


class ClientSettings(BaseSettings):
    """What commands that ask an API need, unless the embedded stack is the one they ask."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    url: AnyHttpUrl | None = Field(default=None, description="Address of the API.")
    api_key: SecretStr | None = Field(default=None, description="API key with the scopes of what is asked.")


SettingsType = TypeVar("SettingsType", bound=BaseSettings)


def load_settings() -> Settings:
    """The settings of a worker or the API, from the environment.

    Raises:
        SettingsError: if a variable is missing or unsafe.
    """
    return _load(Settings)


def load_stack_settings() -> StackSettings:
    """The settings of the embedded stack, from the environment.

    Raises:
        SettingsError: if a variable is unsafe.
    """
    return _load(StackSettings)


def load_client_settings() -> ClientSettings:
    """The settings of commands that ask an API, from the environment.

    Raises:
        SettingsError: if a variable is unsafe.
    """
    return _load(ClientSettings)


def _load(kind: type[SettingsType]) -> SettingsType:
    try:
        return kind()
    except ValidationError as error:
        faults = [_fault(fault["loc"], fault["type"], fault["msg"]) for fault in error.errors()]
        raise SettingsError("cannot start:\n  " + "\n  ".join(faults)) from None


def _fault(location: tuple[int | str, ...], kind: str, message: str) -> str:
    complaint = "is missing" if kind in {"missing", "too_short"} else message.removeprefix("Value error, ")
    # A fault of several settings together names them in its message.
    return f"{PREFIX}{str(location[0]).upper()} {complaint}" if location else complaint


def temporal_is_outside() -> bool:
    """Whether the environment names a Temporal service of its own, by address or by profile."""
    return any(os.environ.get(TEMPORAL_VARIABLES + name) for name in ("ADDRESS", "PROFILE"))


def temporal_connection() -> "ClientConnectConfig":
    """Arguments for `Client.connect`, from the SDK's own environment variables and profile file."""
    # Loading the SDK takes half a second, which commands that only look at the stack need not pay.
    from temporalio.envconfig import ClientConfig

    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    return config


def child_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """This process's environment for a child of the stack, with `changes` in place of every Temporal variable.

    An inherited profile, key or certificate would be laid over the embedded server's address, so all of them go, and
    the profile file of the user is left out, unless the stack uses that outside Temporal.
    """
    environment = dict(os.environ)
    if not temporal_is_outside():
        environment = {name: value for name, value in environment.items() if not name.startswith(TEMPORAL_VARIABLES)}
        environment["TEMPORAL_CONFIG_FILE"] = os.devnull
    return environment | dict(changes)
