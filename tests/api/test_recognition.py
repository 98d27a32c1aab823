"""Revenue up to a day through the API, with real workflows and steps."""

from collections.abc import AsyncIterator

import httpx
import pytest
from temporalio.client import Client

from models.database import Database
from tests.activities.gateway import FakeGateway
from tests.api.given import Clock, rows
from tests.api.live import add_customer, advance, created, got, new_clock, serving, terms
from tests.live import working

REVENUE = (
    "SELECT e.posting_on::text, -sum(l.amount_minor) FROM journal_line l JOIN journal_entry e ON e.id = l.entry_id"
    " WHERE l.account = 'revenue' GROUP BY 1 ORDER BY 1"
)


@pytest.fixture
async def live(database: Database, temporal: Client, clock: Clock, admin_key: str) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database, temporal, clock, admin_key) as made:
        yield made


@pytest.fixture
async def works(database: Database, temporal: Client, live: httpx.AsyncClient) -> AsyncIterator[None]:
    """Workers that stop before the API closes the pool that they share with it."""
    async with working(temporal, database, FakeGateway()):
        yield


async def signed(client: httpx.AsyncClient, database: Database) -> tuple[str, str]:
    """The ids of a contract and its test clock, which shows the last day of 2012."""
    add_customer(database)
    clock_id = await new_clock(client, "2012-12-31T00:00:00Z")
    body = {"customer": "b6", "clock": clock_id, "terms": terms(term={"months": 1})}
    return str((await created(client, "/v1/contracts", body))["id"]), clock_id


async def recognised(client: httpx.AsyncClient, contract_id: str, through: str) -> httpx.Response:
    return await client.post(f"/v1/contracts/{contract_id}/recognise", json={"through": through})


@pytest.mark.usefixtures("works")
async def test_revenue_is_recognised_up_to_the_day_and_once(live: httpx.AsyncClient, database: Database) -> None:
    """200.00 over the 31 days of January: 10 days are 64.52, 20 days 129.03."""
    contract_id, clock_id = await signed(live, database)
    await advance(live, clock_id, "2013-01-21T00:00:00Z")
    first = await recognised(live, contract_id, "2013-01-11")
    assert (first.status_code, first.json()["outcome"]) == (200, "applied")
    assert first.json()["happened"] == "revenue recognised up to 2013-01-11"
    assert rows(database, REVENUE) == [("2013-01-10", 6452)]
    assert (await recognised(live, contract_id, "2013-01-11")).json()["outcome"] == "nothing"
    assert (await recognised(live, contract_id, "2013-01-21")).json()["outcome"] == "applied"
    assert rows(database, REVENUE) == [("2013-01-10", 6452), ("2013-01-20", 6451)]


@pytest.mark.usefixtures("works")
async def test_the_event_bears_the_time_that_the_clock_shows(live: httpx.AsyncClient, database: Database) -> None:
    contract_id, clock_id = await signed(live, database)
    await advance(live, clock_id, "2013-01-11T09:00:00Z")
    await recognised(live, contract_id, "2013-01-11")
    last = (await got(live, f"/v1/contracts/{contract_id}"))["history"][-1]
    assert (last["at"], last["happened"]) == ("2013-01-11T09:00:00Z", "revenue recognised up to 2013-01-11")


@pytest.mark.usefixtures("works")
async def test_a_day_to_come_is_refused(live: httpx.AsyncClient, database: Database) -> None:
    contract_id, clock_id = await signed(live, database)
    await advance(live, clock_id, "2013-01-11T00:00:00Z")
    answer = await recognised(live, contract_id, "2013-01-12")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/through"
    assert rows(database, REVENUE) == []


@pytest.mark.usefixtures("works")
async def test_before_the_start_and_after_the_end_there_is_nothing_to_recognise(
    live: httpx.AsyncClient, database: Database
) -> None:
    contract_id, clock_id = await signed(live, database)
    assert (await recognised(live, contract_id, "2012-12-31")).json()["outcome"] == "nothing"
    await advance(live, clock_id, "2013-03-01T00:00:00Z")
    assert (await got(live, f"/v1/contracts/{contract_id}"))["status"] == "expired"
    assert (await recognised(live, contract_id, "2013-03-01")).json()["outcome"] == "nothing"
    assert rows(database, REVENUE) == [("2013-01-31", 20000)]


async def test_an_unknown_contract_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await recognised(client, "con_none", "2013-01-01")).status_code == 404
