"""Changes to contracts through the API, with real workflows and steps."""

import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from temporalio.client import Client

from api import amendments
from models.database import Database
from tests.activities.gateway import FakeGateway
from tests.api.given import Clock, under
from tests.api.live import add_customer, advance, created, got, new_clock, serving, terms
from tests.live import until, working

UPGRADE = {"change": {"kind": "change_line", "line": "gates", "quantity": "5"}}


@pytest.fixture
async def live(database: Database, temporal: Client, clock: Clock, admin_key: str) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database, temporal, clock, admin_key) as made:
        yield made


@pytest.fixture
async def works(live: httpx.AsyncClient, database: Database, temporal: Client) -> AsyncIterator[None]:
    """Workers that stop before the API closes the pool that they share with it."""
    async with working(temporal, database, FakeGateway()):
        yield


async def signed(client: httpx.AsyncClient, database: Database, now: str = "2013-01-17T00:00:00Z") -> str:
    """The id of a contract on a test clock that shows `now`, after all that is due by then."""
    add_customer(database)
    clock_id = await new_clock(client, "2012-12-31T00:00:00Z")
    body = {"customer": "b6", "clock": clock_id, "terms": terms()}
    contract_id = (await created(client, "/v1/contracts", body))["id"]
    await advance(client, clock_id, now)
    return str(contract_id)


async def amended(client: httpx.AsyncClient, contract_id: str, body: dict[str, Any], key: str) -> httpx.Response:
    return await client.post(f"/v1/contracts/{contract_id}/amendments", json=body, headers=under(key))


@pytest.mark.usefixtures("works")
async def test_an_upgrade_is_prorated_by_day_and_invoiced_at_once(live: httpx.AsyncClient, database: Database) -> None:
    """15 of 31 days: 5 x 100.00 x 15/31 = 241.94 charged, 2 x 100.00 x 15/31 = 96.77 credited."""
    contract_id = await signed(live, database)
    answer = await amended(live, contract_id, UPGRADE, "key-1")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["outcome"], found["version"], found["status"]) == ("applied", 2, "active")
    assert found["happened"] == "gates changes now"
    invoice = await got(live, f"/v1/invoices/{found['document']['invoice_id']}")
    assert (invoice["number"], invoice["issued_on"]) == (found["document"]["number"], "2013-01-17")
    assert [(line["kind"], line["net"]["amount"]) for line in invoice["lines"]] == [
        ("credit", "-96.77"),
        ("charge", "241.94"),
    ]
    assert invoice["total"]["amount"] == "145.17"
    assert (await got(live, f"/v1/contracts/{contract_id}"))["terms"]["lines"][0]["quantity"] == "5"


@pytest.mark.usefixtures("works")
async def test_an_answer_stays_readable_after_the_run_that_gave_it(live: httpx.AsyncClient, database: Database) -> None:
    contract_id = await signed(live, database)
    answer = await amended(live, contract_id, UPGRADE, "key-1")
    again = await live.get(answer.headers["Location"])
    assert (again.status_code, again.json()) == (200, answer.json())
    repeated = await amended(live, contract_id, UPGRADE, "key-1")
    assert repeated.json() == answer.json()
    assert len((await got(live, "/v1/invoices", contract=contract_id))["items"]) == 2


@pytest.mark.usefixtures("works")
@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ({**UPGRADE, "expected_version": 7}, 409, "stale-version", "/expected_version"),
        ({"change": {"kind": "change_line", "line": "lounge", "quantity": "1"}}, 422, "refused-change", "/change/line"),
        ({"change": {"kind": "change_line", "line": "gates"}}, 422, "refused-change", "/change/quantity"),
        (
            {"change": {"kind": "change_line", "line": "gates", "quantity": "-1"}},
            422,
            "invalid-request",
            "/change/quantity",
        ),
        ({"change": {"kind": "freeze"}}, 422, "invalid-request", "/change"),
    ],
)
async def test_a_change_that_does_not_fit_is_refused_and_leaves_no_trace(
    live: httpx.AsyncClient, database: Database, body: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    contract_id = await signed(live, database, "2012-12-31T00:00:00Z")
    answer = await amended(live, contract_id, body, "key-1")
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["type"] == f"urn:perennial:problem:{code}"
    assert problem["errors"][0]["pointer"] == pointer
    found = await got(live, f"/v1/contracts/{contract_id}")
    assert (found["version"], found["history"]) == (1, [])


@pytest.mark.usefixtures("works")
async def test_a_cancelled_contract_takes_no_more_changes(live: httpx.AsyncClient, database: Database) -> None:
    contract_id = await signed(live, database)
    body = {"when": "now", "expected_version": 1}
    answer = await live.post(f"/v1/contracts/{contract_id}/cancel", json=body, headers=under("key-1"))
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["happened"]) == ("cancelled", "cancelled at once")
    note = await got(live, f"/v1/invoices/{answer.json()['document']['invoice_id']}")
    assert (note["kind"], note["total"]["amount"]) == ("credit_note", "96.77")
    refused = await amended(live, contract_id, UPGRADE, "key-2")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:perennial:problem:contract-ended")


@pytest.mark.usefixtures("works")
async def test_whoever_missed_the_answer_to_a_cancellation_gets_it_by_asking_again(
    live: httpx.AsyncClient, database: Database
) -> None:
    contract_id = await signed(live, database)
    answer = await live.post(f"/v1/contracts/{contract_id}/cancel", json={"when": "now"}, headers=under("key-1"))
    with database.transaction() as session:
        session.execute(text("DELETE FROM idempotency_record WHERE key = 'key-1'"))
    again = await live.post(f"/v1/contracts/{contract_id}/cancel", json={"when": "now"}, headers=under("key-1"))
    assert (again.status_code, again.json()["document"]) == (200, answer.json()["document"])


@pytest.mark.usefixtures("works")
async def test_an_unknown_contract_or_amendment_is_not_found(live: httpx.AsyncClient, database: Database) -> None:
    assert (await amended(live, "con_none", UPGRADE, "key-1")).status_code == 404
    contract_id = await signed(live, database, "2012-12-31T00:00:00Z")
    for unknown in ("amd_none", "amd_none.none"):
        answer = await live.get(f"/v1/contracts/{contract_id}/amendments/{unknown}")
        assert answer.status_code == 404, answer.text


@pytest.mark.usefixtures("works")
async def test_a_change_that_takes_long_is_accepted_and_its_result_read_later(
    live: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(amendments, "ANSWER_SECONDS", 2)
    contract_id = await signed(live, database)
    locked, release = threading.Event(), threading.Event()
    holder = threading.Thread(target=_hold_contract, args=(database, contract_id, locked, release))
    holder.start()
    try:
        assert locked.wait(30)
        answer = await amended(live, contract_id, UPGRADE, "key-1")
        assert (answer.status_code, answer.json()["outcome"]) == (202, "pending")
    finally:
        release.set()
        holder.join()

    async def applied() -> bool:
        return bool((await live.get(answer.headers["Location"])).json()["outcome"] == "applied")

    await until(applied)
    assert (await live.get(answer.headers["Location"])).json()["version"] == 2


def _hold_contract(database: Database, contract_id: str, locked: threading.Event, release: threading.Event) -> None:
    with database.transaction() as session:
        session.execute(text("SELECT FROM contract WHERE id = :id FOR UPDATE"), {"id": contract_id})
        locked.set()
        release.wait(60)


async def test_where_no_worker_takes_a_change_it_can_be_sent_again(
    live: httpx.AsyncClient, database: Database, temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(amendments, "ANSWER_SECONDS", 1)
    add_customer(database)
    body = {"customer": "b6", "terms": terms(start="2040-01-01")}
    contract_id = (await created(live, "/v1/contracts", body))["id"]
    answer = await amended(live, contract_id, UPGRADE, "key-1")
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    monkeypatch.setattr(amendments, "ANSWER_SECONDS", 20)
    async with working(temporal, database, FakeGateway()):
        again = await amended(live, contract_id, UPGRADE, "key-1")
    assert (again.status_code, again.json()["version"]) == (200, 2)


async def test_without_temporal_a_change_can_be_sent_again(client: httpx.AsyncClient, database: Database) -> None:
    add_customer(database)
    contract_id = (await created(client, "/v1/contracts", {"customer": "b6", "terms": terms()}))["id"]
    answer = await amended(client, contract_id, UPGRADE, "key-1")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


async def test_a_contract_whose_clock_is_moving_takes_a_change_once_it_is_ready(
    client: httpx.AsyncClient, database: Database
) -> None:
    add_customer(database)
    clock_id = await new_clock(client)
    body = {"customer": "b6", "clock": clock_id, "terms": terms()}
    contract_id = (await created(client, "/v1/contracts", body))["id"]
    with database.transaction() as session:
        session.execute(text("UPDATE test_clock SET status = 'advancing', target_at = now_at + interval '1 day'"))
    answer = await amended(client, contract_id, UPGRADE, "key-1")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:perennial:problem:clock-advancing")
