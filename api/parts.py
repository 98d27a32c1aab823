"""What the routes work with, put together once by the composition root."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from temporalio.client import Client

from api.admission import Admission
from api.authentication import KeyRing
from api.wakeups import Wakeups
from gateways.payment import PaymentGateway
from models.database import Database


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one API process. `clock` is the instant of a request, never of business.

    The wake-ups of contracts that are signed are spread over `spread_seconds` after they are due. `usage_batches` holds
    the places for batches of usage that are stored at once.
    """

    database: Database
    gateway: PaymentGateway
    webhook_secrets: tuple[str, ...]
    temporal: Client | None
    wakeups: Wakeups
    keys: KeyRing
    clock: Callable[[], datetime]
    usage_batches: Admission
    spread_seconds: int = 0


def parts_of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts
