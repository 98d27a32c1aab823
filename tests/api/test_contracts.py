"""Contracts through the API: signed, stored whatever Temporal does, listed, read."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from models.database import Database
from models.usage import UsageEvent, ingest
from tests.activities.gateway import FakeGateway
from tests.api.given import Clock, rows, under
from tests.api.live import add_customer, advance, created, got, new_clock, serving, terms
from tests.live import until, working
from workflows.visibility import CONTRACT_STATUS, CURRENCY, CUSTOMER_ID, MRR


@pytest.fixture
async def live(database: Database, temporal: Client, clock: Clock, admin_key: str) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database, temporal, clock, admin_key) as made:
        yield made


async def signed(client: httpx.AsyncClient, customer: str, **changes: Any) -> dict[str, Any]:
    return await created(client, "/v1/contracts", {"customer": customer, "terms": terms(**changes)})


async def test_a_contract_signed_while_temporal_is_away_is_stored_and_waits(
    client: httpx.AsyncClient, database: Database
) -> None:
    add_customer(database)
    found = await signed(client, "b6", timezone="America/New_York")
    assert found["customer_id"] == "cus_b6"
    assert (found["status"], found["version"], found["workflow_started_at"]) == ("signed", 1, None)
    assert found["next_due"] == {"at": "2013-01-01T05:00:00Z", "on": "2013-01-01", "reason": "start"}
    assert (found["starts_at"], found["ends_at"]) == ("2013-01-01T05:00:00Z", "2014-01-01T05:00:00Z")
    assert found["monthly_value"] == {"amount_minor": 200_00, "amount": "200.00", "currency": "USD"}
    assert found["open_balance"]["amount_minor"] == 0
    assert found["terms"]["lines"][0]["price"]["amount"] == "100.00"
    assert [line["billed_through"] for line in found["lines"]] == ["2013-01-01", "2013-01-01"]
    assert await got(client, f"/v1/contracts/{found['id']}") == found


async def test_a_contract_signed_twice_under_one_key_is_one_contract(
    client: httpx.AsyncClient, database: Database
) -> None:
    add_customer(database)
    body = {"customer": "b6", "terms": terms()}
    answers = [await client.post("/v1/contracts", json=body, headers=under("key-1")) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].headers["Location"] == f"/v1/contracts/{answers[0].json()['id']}"
    assert answers[0].json() == answers[1].json()
    assert rows(database, "SELECT count(*) FROM contract") == [(1,)]


LINE = terms()["lines"][0]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"customer": "nobody", "terms": terms()}, "/customer"),
        ({"customer": "b6", "clock": "clk_none", "terms": terms()}, "/clock"),
        ({"customer": "b6"}, "/terms"),
        ({"customer": "b6", "terms": terms(currency="XXX")}, "/terms/currency"),
        ({"customer": "b6", "terms": terms(lines=[])}, "/terms/lines"),
        ({"customer": "b6", "terms": terms(timezone="Mars/Olympus")}, "/terms/timezone"),
        ({"customer": "b6", "terms": terms(colour="red")}, "/terms/colour"),
        ({"customer": "b6", "terms": terms(lines=[{**LINE, "every": "fortnight"}])}, "/terms/lines/0/every"),
        (
            {"customer": "b6", "terms": terms(lines=[{**LINE, "price": {"model": "per_unit", "amount": "1,5"}}])},
            "/terms/lines/0/price/amount",
        ),
        (
            {"customer": "b6", "terms": terms(lines=[{**LINE, "price": {"model": "per_unit"}}])},
            "/terms/lines/0/price/amount",
        ),
    ],
)
async def test_what_is_wrong_with_a_contract_is_named_by_its_place(
    client: httpx.AsyncClient, database: Database, body: dict[str, Any], pointer: str
) -> None:
    add_customer(database)
    answer = await client.post("/v1/contracts", json=body)
    assert answer.status_code == 422
    assert pointer in [fault["pointer"] for fault in answer.json()["errors"]]
    assert rows(database, "SELECT count(*) FROM contract") == [(0,)]


async def test_usage_that_waited_joins_the_contract_as_it_is_signed(
    client: httpx.AsyncClient, database: Database
) -> None:
    add_customer(database)
    at = datetime.fromisoformat("2013-01-05T10:00:00+00:00")
    event = UsageEvent(source="api", event_id="1", event="departure", at=at, customer_key="b6")
    with database.transaction() as session:
        ingest(session, [event])
    contract_id = (await signed(client, "b6"))["id"]
    assert rows(database, "SELECT contract_id FROM usage_event") == [(contract_id,)]


async def test_contracts_are_listed_newest_first_by_page_and_by_filter(
    client: httpx.AsyncClient, database: Database
) -> None:
    add_customer(database)
    add_customer(database, "ua")
    clock_id = await new_clock(client)
    first = (await signed(client, "b6"))["id"]
    second = (await signed(client, "ua", currency="EUR", start="2013-03-01"))["id"]
    body = {"customer": "ua", "clock": clock_id, "terms": terms()}
    third = (await created(client, "/v1/contracts", body))["id"]

    async def ids(**query: str) -> list[str]:
        return [item["id"] for item in (await got(client, "/v1/contracts", **query))["items"]]

    assert await ids() == [third, second, first]
    assert await ids(customer="ua") == [third, second]
    assert await ids(customer="cus_b6") == [first]
    assert await ids(customer="nobody") == []
    assert await ids(currency="EUR") == [second]
    assert await ids(clock=clock_id) == [third]
    assert await ids(status="active") == []
    assert await ids(next_due_before="2013-02-01T00:00:00Z") == [third, first]
    page = await got(client, "/v1/contracts", limit="2")
    assert [item["id"] for item in page["items"]] == [third, second]
    assert await ids(limit="2", cursor=page["next_cursor"]) == [first]


@pytest.mark.parametrize("path", ["", "/history", "/preview", "/usage"])
async def test_an_unknown_contract_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"/v1/contracts/con_none{path}")).status_code == 404


async def test_the_workflow_of_a_signed_contract_runs_and_shows_what_it_is(
    live: httpx.AsyncClient, database: Database, temporal: Client
) -> None:
    add_customer(database)
    found = await signed(live, "b6", start="2030-01-01")
    assert found["workflow_started_at"] is not None
    workflow = await temporal.get_workflow_handle(f"contract/{found['id']}").describe()
    assert workflow.status == WorkflowExecutionStatus.RUNNING
    shown = workflow.typed_search_attributes
    assert [shown[CONTRACT_STATUS], shown[CUSTOMER_ID], shown[CURRENCY]] == ["signed", "cus_b6", "USD"]
    assert shown[MRR] == 200_00
    assert await workflow.static_summary() == "Contract from 2030-01-01, USD"


async def test_a_contract_lives_from_signature_to_its_end_and_keeps_its_history(
    live: httpx.AsyncClient, database: Database, temporal: Client
) -> None:
    add_customer(database)
    clock_id = await new_clock(live, "2012-12-31T00:00:00Z")
    body = {"customer": "b6", "clock": clock_id, "terms": terms(term={"months": 2})}
    async with working(temporal, database, FakeGateway()):
        contract_id = (await created(live, "/v1/contracts", body))["id"]
        await advance(live, clock_id, "2013-01-15T00:00:00Z")
        running = await got(live, f"/v1/contracts/{contract_id}")
        await advance(live, clock_id, "2013-03-01T00:00:00Z")

        async def ended() -> bool:
            description = await temporal.get_workflow_handle(f"contract/{contract_id}").describe()
            return description.status == WorkflowExecutionStatus.COMPLETED

        await until(ended)
    assert (running["status"], running["next_due"]["on"]) == ("active", "2013-02-01")
    assert running["lines"][0]["billed_through"] == "2013-02-01"
    found = await got(live, f"/v1/contracts/{contract_id}")
    assert (found["status"], found["next_due"], found["monthly_value"]["amount"]) == ("expired", None, "0.00")
    history = await got(live, f"/v1/contracts/{contract_id}/history")
    assert [(event["sequence"], event["happened"]) for event in history["items"]] == [
        (1, "started on 2013-01-01"),
        (2, "billed on 2013-02-01"),
        (3, "expired on 2013-03-01"),
    ]
    assert found["history"] == history["items"]
    rest = await got(live, f"/v1/contracts/{contract_id}/history", limit="1")
    assert rest["next_cursor"] is not None
