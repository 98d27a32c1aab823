"""Where each part of one stack lives, and what it finds in its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.database import APPLICATION_ROLE
from sandbox import temporal
from sandbox.credentials import Credentials
from sandbox.ports import HOST
from sandbox.postgres import EmbeddedPostgres
from settings import StackSettings, temporal_connection, temporal_is_outside

WEBHOOK_PATH = "/v1/webhooks/stripe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Ports, secrets and addresses of the stack in one home folder."""

    settings: StackSettings
    credentials: Credentials
    ports: Mapping[str, int]

    @property
    def home(self) -> Path:
        """The folder that holds all of the stack."""
        return self.settings.home

    def address(self, port: str) -> str:
        """The HTTP address of what listens on the port with this name."""
        return f"http://{HOST}:{self.ports[port]}"

    def log(self, part: str) -> Path:
        """The log file of a part."""
        return self.home / "logs" / f"{part}.log"

    def postgres(self) -> EmbeddedPostgres:
        """The embedded server, running or not."""
        return EmbeddedPostgres(self.home / "postgres", self.ports["postgres"])

    def database_url(self) -> str:
        """The SQLAlchemy URL of the ledger. That of the embedded server is known once it was started."""
        outside = self.settings.database_url
        return outside.get_secret_value() if outside else self.postgres().url

    def webhook_secrets(self) -> str:
        """The signing secrets of the webhook endpoint, comma-separated."""
        given = [secret.get_secret_value() for secret in self.settings.stripe_webhook_secrets]
        return ",".join(given or [self.credentials.stripe_webhook_secret])

    def temporal_environment(self) -> dict[str, str]:
        """What leads a client to Temporal; nothing where the environment already does."""
        if temporal_is_outside():
            return {}
        return {
            "TEMPORAL_ADDRESS": f"{HOST}:{self.ports['temporal']}",
            "TEMPORAL_NAMESPACE": temporal.NAMESPACE,
        }

    def temporal_address(self) -> str:
        """The host and port of the Temporal service."""
        if temporal_is_outside():
            return str(temporal_connection()["target_host"])
        return f"{HOST}:{self.ports['temporal']}"

    def product_environment(self) -> dict[str, str]:
        """What a worker and the API find in their environment."""
        return {
            "PERENNIAL_DATABASE_URL": self.database_url(),
            "PERENNIAL_API_KEY_PEPPER": self.credentials.api_key_pepper,
            "PERENNIAL_BOOTSTRAP_API_KEY": self.credentials.admin_api_key,
            "PERENNIAL_STRIPE_WEBHOOK_SECRETS": self.webhook_secrets(),
            # A worker that is asked to stop is resumed by the next one; nobody at a terminal waits longer than this.
            "PERENNIAL_WORKER_GRACEFUL_SHUTDOWN_SECONDS": "10",
            "PERENNIAL_API_HOST": HOST,
            "PERENNIAL_API_PORT": str(self.ports["api"]),
            **self._role_environment(),
            **self._stripe_environment(),
            **self.temporal_environment(),
        }

    def _role_environment(self) -> dict[str, str]:
        """The role without rights over the journal; an outside server may not have it."""
        return {} if self.settings.database_url else {"PERENNIAL_DATABASE_ROLE": APPLICATION_ROLE}

    def _stripe_environment(self) -> dict[str, str]:
        if self.settings.stripe_api_key is not None:
            # The variables of the outside account are passed on as they are.
            return {}
        return {
            "PERENNIAL_STRIPE_API_KEY": self.credentials.stripe_api_key,
            "PERENNIAL_STRIPE_BASE_URL": self.address("stripe"),
            # The sandbox knows no rate limit unless it is told of one.
            "PERENNIAL_PAYMENTS_PER_SECOND": str(self.settings.payments_per_second),
        }
