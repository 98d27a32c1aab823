"""The API with a real Temporal server and the product's own workers, and what a contract is made of."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx
from temporalio.client import Client

from api.app import create_app
from api.temporal import TemporalWakeups
from models.customer import Customer, PaymentMethod
from models.database import Database
from tests.activities.gateway import FakeGateway
from tests.api.given import PEPPER, WEBHOOK_SECRET, bearer

CREATED_AT = datetime.fromisoformat("2012-12-01T00:00:00+00:00")


@asynccontextmanager
async def serving(
    database: Database, temporal: Client | None, clock: Callable[[], datetime], admin_key: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose key may do everything, of an API that reaches Temporal."""
    app = create_app(
        database=database,
        gateway=FakeGateway(),
        webhook_secrets=[WEBHOOK_SECRET],
        api_key_pepper=PEPPER,
        temporal=temporal,
        wakeups=TemporalWakeups(database, temporal) if temporal else None,
        bootstrap_api_key=admin_key,
        clock=clock,
    )
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://api.test", headers=bearer(admin_key)
        ) as made:
            yield made


def add_customer(database: Database, key: str = "b6") -> str:
    """A customer with a card; its id."""
    customer_id = f"cus_{key}"
    with database.transaction() as session:
        session.add(
            Customer(
                id=customer_id,
                key=key,
                name=key.upper(),
                labels={},
                gateway_customer_id=f"cus_gateway_{key}",
                created_at=CREATED_AT,
                updated_at=CREATED_AT,
            )
        )
        session.flush()
        session.add(
            PaymentMethod(
                id=f"pme_{key}",
                customer_id=customer_id,
                gateway_payment_method_id=f"pm_{key}",
                brand="visa",
                last4="4242",
                exp_month=1,
                exp_year=2030,
                is_default=True,
                created_at=CREATED_AT,
            )
        )
    return customer_id


def terms(**changes: Any) -> dict[str, Any]:
    """Two gates at 100.00 a month in advance, departures at 2.50 each in arrears, for a year."""
    gates = {
        "id": "gates",
        "price": {"model": "per_unit", "amount": "100.00"},
        "quantity": "2",
        "every": "month",
        "bill": "advance",
    }
    departures = {
        "id": "departures",
        "price": {"model": "per_unit", "amount": "2.50"},
        "meter": "departures",
        "every": "month",
        "bill": "arrears",
    }
    return {
        "currency": "USD",
        "start": "2013-01-01",
        "term": {"months": 12},
        "meters": [{"id": "departures", "event": "departure", "aggregate": "count"}],
        "lines": [gates, departures],
        **changes,
    }


async def created(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def new_clock(client: httpx.AsyncClient, now: str = "2013-01-01T00:00:00Z") -> str:
    """The id of a test clock."""
    return str((await created(client, "/v1/test-clocks", {"name": "year 2013", "now": now}))["id"])


async def advance(client: httpx.AsyncClient, clock_id: str, to: str, *, exclusive: bool = False) -> dict[str, Any]:
    """The clock, after all that is due by `to`, or before it."""
    answer = await client.post(f"/v1/test-clocks/{clock_id}/advance", json={"to": to, "exclusive": exclusive})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def got(client: httpx.AsyncClient, path: str, **query: str) -> Any:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()
