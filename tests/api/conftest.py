"""The API over a real database, with a gateway, wake-ups and a clock that tests hold in their hands."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.credentials import hint, mint
from api.scopes import Scope
from logs import configure_logging
from models.api_key import ApiKey
from models.database import Database
from tests.api.given import PEPPER, WEBHOOK_SECRET, Clock, FakeGateway, RecordingWakeups

BASE_URL = "http://api.test"


@pytest.fixture(autouse=True, scope="session")
def quiet_log() -> None:
    configure_logging(level="error", as_json=True)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(clock: Clock) -> FakeGateway:
    return FakeGateway(clock)


@pytest.fixture
def wakeups() -> RecordingWakeups:
    return RecordingWakeups()


@pytest.fixture
def admin_key() -> str:
    return mint("test")


@pytest.fixture
async def app(
    database: Database, gateway: FakeGateway, wakeups: RecordingWakeups, clock: Clock, admin_key: str
) -> AsyncIterator[FastAPI]:
    made = create_app(
        database=database,
        gateway=gateway,
        webhook_secrets=[WEBHOOK_SECRET],
        api_key_pepper=PEPPER,
        wakeups=wakeups,
        bootstrap_api_key=admin_key,
        clock=clock,
    )
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def anonymous(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE_URL) as client:
        yield client


@pytest.fixture
async def client(anonymous: httpx.AsyncClient, admin_key: str) -> httpx.AsyncClient:
    """A client whose key may do everything."""
    anonymous.headers["Authorization"] = f"Bearer {admin_key}"
    return anonymous


@pytest.fixture
def key_with(app: FastAPI, database: Database, clock: Clock) -> Callable[..., str]:
    """Stores a key with exactly these scopes and returns it."""

    def make(*scopes: Scope, expires_at: datetime | None = None) -> str:
        key = mint("test")
        row = ApiKey(
            id=f"key_{hint(key)}",
            name="test",
            hint=hint(key),
            digest=app.state.parts.keys.digest(key),
            scopes=list(scopes),
            created_at=clock(),
            expires_at=expires_at,
        )
        with database.transaction() as session:
            session.add(row)
        return key

    return make
