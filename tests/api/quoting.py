"""What tests of quotes send."""

from typing import Any

import httpx

from models.database import Database
from tests.api.given import bearer, rows
from tests.api.live import created, terms

FAR = "2099-12-31"
SIGNER = {"name": "Ada Fly", "email": "ada@air.example", "address": "1 Hangar Rd, Paris"}


async def drafted(client: httpx.AsyncClient, customer: str = "b6", **more: Any) -> dict[str, Any]:
    """A new quote that is valid for long."""
    body = {"customer": customer, "terms": terms(start="2098-01-01"), "valid_until": FAR, **more}
    return await created(client, "/v1/quotes", body)


async def step(
    client: httpx.AsyncClient,
    quote: dict[str, Any],
    name: str,
    body: dict[str, Any] | None = None,
    key: str | None = None,
) -> dict[str, Any]:
    """The quote after one step."""
    answer = await client.post(
        f"/v1/quotes/{quote['id']}/{name}", json=body or {}, headers=bearer(key) if key else None
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def sent(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    """A quote with a link."""
    quote = await drafted(client, **more)
    await step(client, quote, "submit")
    return await step(client, quote, "send")


def dump(database: Database) -> str:
    """All that the database holds, as text."""
    tables = [name for (name,) in rows(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    return "".join(str(rows(database, f'SELECT t::text FROM "{table}" t')) for table in tables) + str(
        rows(database, "SELECT convert_from(body, 'UTF8') FROM idempotency_record WHERE body IS NOT NULL")
    )
