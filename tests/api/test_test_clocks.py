"""Test clocks through the API, with real workflows and steps."""

from collections.abc import AsyncIterator
from threading import Event

import httpx
import pytest
from temporalio.client import Client

from api import test_clocks
from models.database import Database
from tests.activities.gateway import FakeGateway
from tests.api.given import Clock, rows, under
from tests.api.live import add_customer, advance, created, got, new_clock, serving, terms
from tests.live import until, working

JANUARY_TO_MARCH = ["2013-01-01", "2013-02-01", "2013-03-01"]


@pytest.fixture
def till() -> FakeGateway:
    """The gateway that the workers charge."""
    return FakeGateway()


@pytest.fixture
async def live(database: Database, temporal: Client, clock: Clock, admin_key: str) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database, temporal, clock, admin_key) as made:
        yield made


async def test_a_clock_shows_what_it_was_set_to(client: httpx.AsyncClient) -> None:
    clock_id = await new_clock(client, "2013-01-01T05:00:00+02:00")
    found = await got(client, f"/v1/test-clocks/{clock_id}")
    assert (found["now"], found["status"], found["target"]) == ("2013-01-01T03:00:00Z", "ready", None)
    assert [item["id"] for item in (await got(client, "/v1/test-clocks"))["items"]] == [clock_id]


async def test_a_clock_made_twice_under_one_key_is_one_clock(client: httpx.AsyncClient) -> None:
    body = {"name": "year 2013", "now": "2013-01-01T00:00:00Z"}
    answers = [await client.post("/v1/test-clocks", json=body, headers=under("key-1")) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len((await got(client, "/v1/test-clocks"))["items"]) == 1


async def test_a_clock_never_goes_back(client: httpx.AsyncClient) -> None:
    clock_id = await new_clock(client)
    answer = await client.post(f"/v1/test-clocks/{clock_id}/advance", json={"to": "2012-12-31T23:59:59Z"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/to"


async def test_an_unknown_clock_does_not_advance(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/test-clocks/clk_none/advance", json={"to": "2013-01-01T00:00:00Z"})
    assert answer.status_code == 404


async def test_without_temporal_an_advance_can_be_sent_again(client: httpx.AsyncClient) -> None:
    clock_id = await new_clock(client)
    answer = await client.post(f"/v1/test-clocks/{clock_id}/advance", json={"to": "2013-02-01T00:00:00Z"})
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert (await got(client, f"/v1/test-clocks/{clock_id}"))["status"] == "ready"


async def test_an_advance_over_three_months_bills_each_once_with_its_own_date(
    live: httpx.AsyncClient, database: Database, temporal: Client, till: FakeGateway
) -> None:
    customer_id, clock_id = add_customer(database), await new_clock(live, "2012-12-31T00:00:00Z")
    contract = {"customer": customer_id, "clock": clock_id, "terms": terms()}
    async with working(temporal, database, till):
        contract_id = (await created(live, "/v1/contracts", contract))["id"]
        found = await advance(live, clock_id, "2013-03-01T00:00:00Z")
        again = await advance(live, clock_id, "2013-03-01T00:00:00Z")
    assert (found["now"], found["status"]) == ("2013-03-01T00:00:00Z", "ready")
    assert again == found
    issued = (await got(live, "/v1/invoices", contract=contract_id))["items"]
    assert [invoice["issued_on"] for invoice in reversed(issued)] == JANUARY_TO_MARCH
    assert {invoice["status"] for invoice in issued} == {"paid"}
    assert [amount for _, amount in till.captures] == [200_00] * 3


async def test_a_declined_card_is_tried_again_on_the_days_of_the_contract(
    live: httpx.AsyncClient, database: Database, temporal: Client, till: FakeGateway
) -> None:
    till.outcomes += ["insufficient_funds", "insufficient_funds"]
    customer_id, clock_id = add_customer(database), await new_clock(live, "2012-12-31T00:00:00Z")
    contract = {"customer": customer_id, "clock": clock_id, "terms": terms()}
    async with working(temporal, database, till):
        contract_id = (await created(live, "/v1/contracts", contract))["id"]
        await advance(live, clock_id, "2013-01-03T00:00:00Z")
        unpaid = await got(live, f"/v1/contracts/{contract_id}")
        await advance(live, clock_id, "2013-01-10T00:00:00Z")
    paid = await got(live, f"/v1/contracts/{contract_id}")
    assert (unpaid["status"], unpaid["open_balance"]["amount"]) == ("past_due", "200.00")
    assert (paid["status"], paid["open_balance"]["amount"], paid["unpaid"]) == ("active", "0.00", [])
    invoice_id = (await got(live, "/v1/invoices", contract=contract_id))["items"][0]["id"]
    invoice = await got(live, f"/v1/invoices/{invoice_id}")
    attempts = [(attempt["at"], attempt["status"], attempt["code"]) for attempt in invoice["payment"]["attempts"]]
    assert attempts == [
        ("2013-01-01T00:00:00Z", "failed", "insufficient_funds"),
        ("2013-01-02T00:00:00Z", "failed", "insufficient_funds"),
        ("2013-01-04T00:00:00Z", "succeeded", None),
    ]
    assert invoice["collection"]["stage"] == "settled"
    events = [(event["at"][:10], event["happened"]) for event in paid["history"]]
    assert events[-2:] == [
        ("2013-01-01", "an invoice is due and unpaid"),
        ("2013-01-04", "an invoice was settled"),
    ]


async def test_a_new_payment_method_is_charged_at_the_time_that_the_clock_shows(
    live: httpx.AsyncClient, database: Database, temporal: Client, till: FakeGateway
) -> None:
    till.outcomes += ["expired_card"]
    customer_id, clock_id = add_customer(database), await new_clock(live, "2012-12-31T00:00:00Z")
    contract = {"customer": customer_id, "clock": clock_id, "terms": terms()}
    async with working(temporal, database, till):
        contract_id = (await created(live, "/v1/contracts", contract))["id"]
        await advance(live, clock_id, "2013-01-01T18:30:00Z")
        answer = await live.post(f"/v1/customers/{customer_id}/payment-methods/pme_b6/make-default")
        assert answer.status_code == 200, answer.text

        async def settled() -> bool:
            return bool((await got(live, "/v1/payments", contract=contract_id))["items"][0]["settled_at"])

        await until(settled)
    payment = (await got(live, "/v1/payments", contract=contract_id))["items"][0]
    assert payment["settled_at"] == "2013-01-01T18:30:00Z"


async def test_what_is_due_at_the_very_instant_of_an_exclusive_advance_waits_for_the_next(
    live: httpx.AsyncClient, database: Database, temporal: Client, till: FakeGateway
) -> None:
    """The third gate comes before February is billed: 100.00 for the last day is 3.23, and then 3 x 100.00."""
    customer_id, clock_id = add_customer(database), await new_clock(live, "2012-12-31T00:00:00Z")
    contract = {"customer": customer_id, "clock": clock_id, "terms": terms()}
    change = {"kind": "change_line", "line": "gates", "quantity": "3"}
    async with working(temporal, database, till):
        contract_id = (await created(live, "/v1/contracts", contract))["id"]
        shown = await advance(live, clock_id, "2013-02-01T00:00:00Z", exclusive=True)
        assert (shown["now"], shown["status"]) == ("2013-02-01T00:00:00Z", "ready")
        assert await issued(live, contract_id) == [("2013-01-01", "200.00")]
        answer = await live.post(f"/v1/contracts/{contract_id}/amendments", json={"change": change})
        assert answer.status_code == 200, answer.text
        assert await issued(live, contract_id) == [("2013-01-01", "200.00")]
        await advance(live, clock_id, "2013-02-01T00:00:00Z")
    assert await issued(live, contract_id) == [("2013-01-01", "200.00"), ("2013-02-01", "300.00")]


async def issued(live: httpx.AsyncClient, contract_id: str) -> list[tuple[str, str]]:
    invoices = (await got(live, "/v1/invoices", contract=contract_id))["items"]
    return [(invoice["issued_on"], invoice["total"]["amount"]) for invoice in reversed(invoices)]


async def test_after_an_exclusive_advance_money_is_dated_by_what_the_clock_shows(
    live: httpx.AsyncClient, database: Database, temporal: Client, till: FakeGateway
) -> None:
    """The retry of 2 January waits, and a new payment method is charged on that day all the same."""
    till.outcomes += ["expired_card"]
    customer_id, clock_id = add_customer(database), await new_clock(live, "2012-12-31T00:00:00Z")
    contract = {"customer": customer_id, "clock": clock_id, "terms": terms()}
    async with working(temporal, database, till):
        contract_id = (await created(live, "/v1/contracts", contract))["id"]
        await advance(live, clock_id, "2013-01-02T00:00:00Z", exclusive=True)
        assert rows(database, "SELECT number, status FROM payment_attempt") == [(1, "failed")]
        answer = await live.post(f"/v1/customers/{customer_id}/payment-methods/pme_b6/make-default")
        assert answer.status_code == 200, answer.text

        async def settled() -> bool:
            return bool((await got(live, "/v1/payments", contract=contract_id))["items"][0]["settled_at"])

        await until(settled)
    payment = (await got(live, "/v1/payments", contract=contract_id))["items"][0]
    assert payment["settled_at"] == "2013-01-02T00:00:00Z"


async def test_an_advance_that_takes_long_is_answered_at_once_and_goes_on(
    live: httpx.AsyncClient, database: Database, temporal: Client, till: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_clocks, "ANSWER_SECONDS", 2)
    customer_id, clock_id = add_customer(database), await new_clock(live, "2012-12-31T00:00:00Z")
    contract = {"customer": customer_id, "clock": clock_id, "terms": terms()}
    released = Event()
    till.during = lambda _: _wait(released)
    async with working(temporal, database, till):
        await created(live, "/v1/contracts", contract)
        answer = await live.post(f"/v1/test-clocks/{clock_id}/advance", json={"to": "2013-02-01T00:00:00Z"})
        assert (answer.status_code, answer.headers["Location"]) == (202, f"/v1/test-clocks/{clock_id}")
        assert (answer.json()["status"], answer.json()["target"]) == ("advancing", "2013-02-01T00:00:00Z")
        released.set()

        async def ready() -> bool:
            return bool((await got(live, f"/v1/test-clocks/{clock_id}"))["status"] == "ready")

        await until(ready)
    assert (await got(live, f"/v1/test-clocks/{clock_id}"))["now"] == "2013-02-01T00:00:00Z"
    assert len(till.captures) == 2


def _wait(event: Event) -> None:
    assert event.wait(60)
