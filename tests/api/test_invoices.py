"""Invoices read through the API, as the real steps issued them."""

from datetime import UTC, date, datetime

import httpx

from domain.commands import Cancel
from models.database import Database
from tests.activities.gateway import FakeGateway
from tests.activities.story import Story, line, per_unit, terms
from tests.activities.till import Till
from tests.api.live import got

VAT = {"name": "VAT", "rate": "19"}


async def test_an_invoice_shows_how_each_amount_came_about(client: httpx.AsyncClient, database: Database) -> None:
    """Two seats at 10.00, three trips at 0.333: 20.00 and 0.999, which is 1.00; 19 % of 21.00 is 3.99."""
    lines = (
        line("seats", per_unit("10.00"), quantity="2", description="Seats"),
        line("trips", per_unit("0.333"), meter="trips", bill="arrears"),
    )
    story = Story(database, terms(*lines, meters=[{"id": "trips", "aggregate": "count"}], tax=[VAT]))
    story.wake()
    for number in range(3):
        story.use("trips", datetime(2013, 1, 5, tzinfo=UTC), "1", f"trip-{number}")
    issued = story.wake()
    assert issued is not None
    found = await got(client, f"/v1/invoices/{issued.invoice_id}")
    assert (found["number"], found["kind"], found["status"]) == ("INV-000002", "invoice", "open")
    assert (found["issued_on"], found["due_on"], found["currency"]) == ("2013-02-01", "2013-02-01", "USD")
    assert {name: found[name]["amount"] for name in ("net", "tax", "total", "paid", "open")} == {
        "net": "21.00",
        "tax": "3.99",
        "total": "24.99",
        "paid": "0.00",
        "open": "24.99",
    }
    assert found["taxes"] == [
        {"name": "VAT", "rate": "19", "tax": {"amount_minor": 399, "amount": "3.99", "currency": "USD"}}
    ]
    seats, trips = found["lines"]
    assert (seats["line"], seats["description"], seats["quantity"]) == ("seats", "Seats", "2")
    assert (seats["period_start"], seats["period_end"]) == ("2013-02-01", "2013-03-01")
    assert (trips["kind"], trips["quantity"], trips["net"]["amount"]) == ("usage", "3", "1.00")
    assert (trips["period_start"], trips["period_end"]) == ("2013-01-01", "2013-02-01")
    assert trips["steps"] == [{"label": "units", "quantity": "3", "unit_price": "0.333", "amount": "0.999"}]
    assert (found["payment"], found["collection"]) == (None, None)


async def test_an_invoice_shows_each_attempt_to_collect_it(client: httpx.AsyncClient, database: Database) -> None:
    till = Till(database, FakeGateway(outcomes=["insufficient_funds"]))
    till.charge()
    found = await got(client, f"/v1/invoices/{till.invoice_id}")
    assert found["status"] == "open"
    assert [(each["number"], each["status"], each["code"]) for each in found["payment"]["attempts"]] == [
        (1, "failed", "insufficient_funds")
    ]
    assert found["collection"]["stage"] == "retrying"
    assert found["collection"]["next_action_at"] == "2013-01-02T00:00:00Z"
    till.charge(2)
    settled = await got(client, f"/v1/invoices/{till.invoice_id}")
    assert (settled["status"], settled["open"]["amount_minor"], settled["collection"]["stage"]) == (
        "paid",
        0,
        "settled",
    )


async def test_invoices_are_listed_newest_first_by_page_and_by_filter(
    client: httpx.AsyncClient, database: Database
) -> None:
    story = Story(database, terms(line("plan", per_unit("31.00"))))
    story.until(date(2013, 3, 1))
    story.on(date(2013, 3, 11), Cancel(when="now"))

    async def numbers(**query: str) -> list[str]:
        return [item["number"] for item in (await got(client, "/v1/invoices", **query))["items"]]

    everything = ["CN-000001", "INV-000003", "INV-000002", "INV-000001"]
    assert await numbers() == everything
    assert await numbers(contract="con_1") == everything
    assert await numbers(contract="con_2") == []
    assert await numbers(customer="b6") == await numbers(customer="cus_1") == everything
    assert await numbers(customer="nobody") == []
    assert await numbers(kind="credit_note") == await numbers(status="issued") == ["CN-000001"]
    assert await numbers(issued_from="2013-02-01", issued_to="2013-03-01") == ["INV-000002"]
    assert await numbers(number="INV-000001") == ["INV-000001"]
    page = await got(client, "/v1/invoices", limit="3")
    assert await numbers(limit="3", cursor=page["next_cursor"]) == ["INV-000001"]


async def test_an_unknown_invoice_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/invoices/inv_none")).status_code == 404


async def test_a_date_that_is_none_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/invoices", params={"issued_from": "yesterday"})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "issued_from")
