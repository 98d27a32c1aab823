import asyncio
import hashlib
import hmac
import json
from datetime import timedelta

import httpx
import psycopg
import pytest
from sqlalchemy import make_url

from api.app import create_app
from models.database import Database
from tests.api.given import PEPPER, WEBHOOK_SECRET, Clock, FakeGateway, event_body, rows, signed

URL = "/v1/webhooks/stripe"


async def test_an_event_is_stored_and_announced(anonymous: httpx.AsyncClient, database: Database, clock: Clock) -> None:
    dsn = make_url(database.url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(dsn, autocommit=True) as listener:
        listener.execute("LISTEN webhook_inbox")
        raw = event_body()

        response = await anonymous.post(URL, content=raw, headers=signed(raw, clock()))

        announced = [notice.payload for notice in listener.notifies(timeout=10, stop_after=1)]
    assert (response.status_code, response.content) == (200, b"")
    assert announced == ["evt_1"]
    stored = rows(database, "SELECT id, type, object_id, payload->>'created', handled_at, tries FROM webhook_event")
    assert stored == [("evt_1", "payment_intent.succeeded", "pi_1", "1772366400", None, 0)]


async def test_a_duplicate_is_answered_and_has_no_effect(
    anonymous: httpx.AsyncClient, database: Database, clock: Clock
) -> None:
    """The same event again, ten seconds later and with other content: the first stays."""
    first = event_body(object_id="pi_1")
    await anonymous.post(URL, content=first, headers=signed(first, clock()))
    clock.advance(10)
    second = event_body(object_id="pi_2")

    response = await anonymous.post(URL, content=second, headers=signed(second, clock()))

    assert response.status_code == 200
    assert rows(database, "SELECT object_id, received_at::text FROM webhook_event") == [
        ("pi_1", "2026-03-01 12:00:00+00")
    ]


async def test_twenty_duplicates_at_once_are_one_event(
    anonymous: httpx.AsyncClient, database: Database, clock: Clock
) -> None:
    raw = event_body()
    requests = [anonymous.post(URL, content=raw, headers=signed(raw, clock())) for _ in range(20)]

    assert {response.status_code for response in await asyncio.gather(*requests)} == {200}
    assert rows(database, "SELECT count(*) FROM webhook_event") == [(1,)]


async def test_a_signature_holds_300_seconds_both_ways(
    anonymous: httpx.AsyncClient, database: Database, clock: Clock
) -> None:
    answers = {}
    for seconds in (-301, -300, 0, 300, 301):
        raw = event_body(f"evt_{seconds}")
        response = await anonymous.post(URL, content=raw, headers=signed(raw, clock() + timedelta(seconds=seconds)))
        answers[seconds] = response.status_code

    assert answers == {-301: 400, -300: 200, 0: 200, 300: 200, 301: 400}
    stored = rows(database, "SELECT id FROM webhook_event ORDER BY sequence")
    assert stored == [("evt_-300",), ("evt_0",), ("evt_300",)]


def _forgeries(clock: Clock) -> dict[str, tuple[bytes, str]]:
    raw = event_body()
    good = signed(raw, clock())["Stripe-Signature"]
    stamp = good.split(",")[0]
    empty = hmac.new(b"", stamp[2:].encode() + b"." + raw, hashlib.sha256).hexdigest()
    return {
        "another secret": (raw, signed(raw, clock(), secret="whsec_other_secret_123")["Stripe-Signature"]),
        "an empty secret": (raw, f"{stamp},v1={empty}"),
        "no header": (raw, ""),
        "only v0": (raw, good.replace("v1=", "v0=")),
        "a truncated signature": (raw, good[:-1]),
        "another time": (raw, good.replace("t=", "t=1")),
        "another body": (event_body(object_id="pi_2"), good),
        "the body written anew": (json.dumps(json.loads(raw), indent=1).encode(), good),
        "no event": (b"{}", signed(b"{}", clock())["Stripe-Signature"]),
        "no JSON": (b"x", signed(b"x", clock())["Stripe-Signature"]),
        "an empty body": (b"", signed(b"", clock())["Stripe-Signature"]),
    }


async def test_no_forgery_is_stored(anonymous: httpx.AsyncClient, database: Database, clock: Clock) -> None:
    for name, (raw, signature) in _forgeries(clock).items():
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
        response = await anonymous.post(URL, content=raw, headers=headers)
        assert response.status_code == 400, name
        assert response.json()["type"] == "urn:perennial:problem:invalid-signature", name
    assert rows(database, "SELECT count(*) FROM webhook_event") == [(0,)]


async def test_an_event_of_live_money_is_refused_by_a_test_service(
    anonymous: httpx.AsyncClient, database: Database, clock: Clock
) -> None:
    raw = event_body(livemode=True)

    response = await anonymous.post(URL, content=raw, headers=signed(raw, clock()))

    assert (response.status_code, response.json()["type"]) == (400, "urn:perennial:problem:wrong-mode")
    assert rows(database, "SELECT count(*) FROM webhook_event") == [(0,)]


async def test_an_event_of_up_to_256_kilobytes_is_read(anonymous: httpx.AsyncClient, clock: Clock) -> None:
    raw = event_body().ljust(256 * 1024)
    assert (await anonymous.post(URL, content=raw, headers=signed(raw, clock()))).status_code == 200
    assert (await anonymous.post(URL, content=raw + b" ", headers=signed(raw + b" ", clock()))).status_code == 413


def test_a_service_without_a_webhook_secret_does_not_start(database: Database, clock: Clock) -> None:
    none: list[str] = []
    for secrets in (none, [""], ["  "], [WEBHOOK_SECRET, ""]):
        with pytest.raises(ValueError, match="webhook secret"):
            create_app(database=database, gateway=FakeGateway(clock), webhook_secrets=secrets, api_key_pepper=PEPPER)


async def test_the_inbox_lists_events_newest_first(client: httpx.AsyncClient, database: Database, clock: Clock) -> None:
    for number in range(3):
        raw = event_body(f"evt_{number}")
        await client.post(URL, content=raw, headers=signed(raw, clock()))
    with database.transaction() as session:
        session.connection().exec_driver_sql(
            "UPDATE webhook_event SET handled_at = received_at, outcome = 'signalled' WHERE id = 'evt_1'"
        )

    every = (await client.get("/v1/webhooks/inbox", params={"limit": 2})).json()
    rest = (await client.get("/v1/webhooks/inbox", params={"limit": 2, "cursor": every["next_cursor"]})).json()
    handled = (await client.get("/v1/webhooks/inbox", params={"handled": True})).json()
    unhandled = (await client.get("/v1/webhooks/inbox", params={"handled": False})).json()

    assert [item["id"] for item in every["items"] + rest["items"]] == ["evt_2", "evt_1", "evt_0"]
    assert handled["items"] == [
        {
            "id": "evt_1",
            "type": "payment_intent.succeeded",
            "object_id": "pi_1",
            "received_at": "2026-03-01T12:00:00Z",
            "handled_at": "2026-03-01T12:00:00Z",
            "outcome": "signalled",
            "tries": 0,
        }
    ]
    assert [item["id"] for item in unhandled["items"]] == ["evt_2", "evt_0"]
