"""The preview of the next invoice, held against the invoice that the real steps then issue."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from domain.commands import Cancel, ChangeLine
from models.database import Database
from tests.activities.story import Story, line, per_unit, terms
from tests.api.given import rows
from tests.api.live import got

METERS: list[dict[str, Any]] = [{"id": "trips", "aggregate": "count"}]
LINES = (
    line("seats", per_unit("10.00"), quantity="2"),
    line(
        "trips",
        {"model": "matrix", "cells": [{"when": {"origin": "EWR"}, "unit": "6.12"}], "otherwise": "5.00"},
        meter="trips",
        bill="arrears",
    ),
)
SHARED = ("line", "kind", "period_start", "period_end", "quantity", "net", "tax", "steps")


@pytest.fixture
def story(database: Database) -> Story:
    return Story(database, terms(*LINES, meters=METERS, tax=[{"name": "VAT", "rate": "19"}], payment_terms_days=14))


async def preview(client: httpx.AsyncClient) -> dict[str, Any] | None:
    found: dict[str, Any] | None = (await got(client, "/v1/contracts/con_1/preview"))["next_invoice"]
    return found


def fly(story: Story, day: int, origin: str, month: int = 1) -> None:
    at = datetime(2013, month, day, 12, tzinfo=UTC)
    story.use("trips", at, "1", f"{origin}-{month}-{day}", origin=origin)


async def test_a_preview_is_the_invoice_that_is_then_issued(
    client: httpx.AsyncClient, database: Database, story: Story
) -> None:
    """Two seats at 10.00, two trips at 6.12 and one at 5.00: 37.24, with 19 % tax 44.32."""
    story.wake()
    for day, origin in ((5, "EWR"), (6, "EWR"), (7, "JFK")):
        fly(story, day, origin)
    shown = await preview(client)
    assert shown is not None
    assert (shown["kind"], shown["issued_on"], shown["due_on"]) == ("invoice", "2013-02-01", "2013-02-15")
    assert (shown["net"]["amount"], shown["total"]["amount"]) == ("37.24", "44.32")
    assert rows(database, "SELECT count(*) FROM rated_line") == [(0,)]
    issued = story.wake()
    assert issued is not None
    invoice = await got(client, f"/v1/invoices/{issued.invoice_id}")
    assert {name: shown[name] for name in ("net", "tax", "total", "taxes", "issued_on", "due_on")} == {
        name: invoice[name] for name in ("net", "tax", "total", "taxes", "issued_on", "due_on")
    }
    assert shown["lines"] == [{name: each[name] for name in SHARED} for each in invoice["lines"]]


async def test_before_the_start_the_first_invoice_is_shown(client: httpx.AsyncClient, story: Story) -> None:
    assert story.state.status == "signed"
    shown = await preview(client)
    assert shown is not None
    assert [(each["line"], each["net"]["amount"]) for each in shown["lines"]] == [("seats", "20.00")]


async def test_a_change_that_waits_for_the_next_invoice_is_on_its_preview(
    client: httpx.AsyncClient, story: Story
) -> None:
    """From 17 January on 15 of 31 days: two seats credited, 9.68, and three charged, 14.52."""
    story.wake()
    story.on(date(2013, 1, 17), ChangeLine(line="seats", quantity=Decimal(3), invoice="next"))
    shown = await preview(client)
    assert shown is not None
    assert [(each["kind"], each["net"]["amount"]) for each in shown["lines"]] == [
        ("credit", "-9.68"),
        ("charge", "14.52"),
        ("charge", "30.00"),
    ]


async def test_months_that_bill_nothing_are_passed_over(client: httpx.AsyncClient, database: Database) -> None:
    story = Story(database, terms(line("plan", per_unit("1200.00"), every="year")))
    story.wake()
    shown = await preview(client)
    assert shown is not None
    assert (shown["issued_on"], shown["total"]["amount"]) == ("2014-01-01", "1200.00")


async def test_a_contract_that_has_ended_has_no_next_invoice(client: httpx.AsyncClient, story: Story) -> None:
    story.wake()
    story.on(date(2013, 1, 17), Cancel(when="now"))
    assert await preview(client) is None
    assert (await got(client, "/v1/contracts/con_1/usage"))["lines"] == []


async def test_usage_of_the_running_period_is_told_by_stretch_and_group(
    client: httpx.AsyncClient, story: Story
) -> None:
    story.wake()
    for day, origin in ((5, "EWR"), (20, "EWR"), (21, "JFK")):
        fly(story, day, origin)
    story.on(date(2013, 1, 11), ChangeLine(line="trips", price=LINES[1]["price"] | {"otherwise": "4.00"}))
    fly(story, 1, "EWR", month=2)
    (found,) = (await got(client, "/v1/contracts/con_1/usage"))["lines"]
    assert (found["line"], found["meter"]) == ("trips", "trips")
    assert (found["period_start"], found["period_end"]) == ("2013-01-01", "2013-02-01")
    assert [(each["from_at"][:10], each["to_at"][:10], each["quantity"]) for each in found["stretches"]] == [
        ("2013-01-01", "2013-01-11", "1"),
        ("2013-01-11", "2013-02-01", "2"),
    ]
    assert found["stretches"][1]["groups"] == [
        {"properties": {"origin": "EWR"}, "quantity": "1"},
        {"properties": {"origin": "JFK"}, "quantity": "1"},
    ]


async def test_usage_is_told_as_it_would_be_billed(client: httpx.AsyncClient, database: Database) -> None:
    """Trips of 31 from the 1st and 62 from the 17th, of 31 days: 31 and 30 of 31 and 15 days; up to the next fifty."""
    meters: list[dict[str, Any]] = [
        {"id": "trips", "aggregate": "weighted_sum", "expression": "value * size", "round": {"mode": "up", "to": "50"}}
    ]
    priced = line("trips", per_unit("1.00"), meter="trips", bill="arrears")
    story = Story(database, terms(priced, meters=meters))
    story.wake()
    for day, size in ((1, 31), (17, 62)):
        story.use("trips", datetime(2013, 1, day, tzinfo=UTC), "1", str(day), size=size)
    story.on(date(2013, 1, 17), ChangeLine.model_validate({"line": "trips", "price": per_unit("2.00")}))
    (found,) = (await got(client, "/v1/contracts/con_1/usage"))["lines"]
    assert [(each["to_at"][:10], each["quantity"], each["events"]) for each in found["stretches"]] == [
        ("2013-01-17", "50", 1),
        ("2013-02-01", "50", 1),
    ]
    issued = story.wake()
    assert issued is not None
    assert issued.total_minor == 5_000 + 10_000


async def test_usage_that_a_filter_excludes_is_not_told_and_not_billed(
    client: httpx.AsyncClient, database: Database
) -> None:
    """Two trips from EWR at 6.12; that from JFK is not counted."""
    meters = [METERS[0] | {"filters": [{"property": "origin", "op": "not_in", "value": ["JFK", "LGA"]}]}]
    story = Story(database, terms(*LINES, meters=meters))
    story.wake()
    for day, origin in ((5, "EWR"), (20, "EWR"), (21, "JFK")):
        fly(story, day, origin)
    (found,) = (await got(client, "/v1/contracts/con_1/usage"))["lines"]
    (stretch,) = found["stretches"]
    assert (stretch["quantity"], stretch["groups"]) == ("2", [{"properties": {"origin": "EWR"}, "quantity": "2"}])
    issued = story.wake()
    assert issued is not None
    invoice = await got(client, f"/v1/invoices/{issued.invoice_id}")
    assert [(each["line"], each["net"]["amount"]) for each in invoice["lines"]] == [
        ("seats", "20.00"),
        ("trips", "12.24"),
    ]


async def test_usage_is_told_by_day_in_the_time_zone_of_the_contract(
    client: httpx.AsyncClient, database: Database
) -> None:
    """In Kolkata the 5th begins at 18:30 UTC of the 4th; the price changes on the 11th."""
    priced = LINES[1]["price"]
    story = Story(database, terms(*LINES, meters=METERS, timezone="Asia/Kolkata"))
    story.wake()
    for place, (day, hour, minute) in enumerate(((4, 18, 29), (4, 18, 30), (5, 18, 29), (10, 18, 30), (12, 3, 0))):
        story.use("trips", datetime(2013, 1, day, hour, minute, tzinfo=UTC), "1", str(place), origin="EWR")
    story.on(date(2013, 1, 11), ChangeLine(line="trips", price=priced | {"otherwise": "4.00"}))
    (plain,) = (await got(client, "/v1/contracts/con_1/usage"))["lines"]
    assert plain["days"] is None
    by_day = await client.get("/v1/contracts/con_1/usage", params={"by": "day"})
    (found,) = by_day.json()["lines"]
    assert [(each["day"], each["quantity"], each["events"]) for each in found["days"]] == [
        ("2013-01-04", "1", 1),
        ("2013-01-05", "2", 2),
        ("2013-01-11", "1", 1),
        ("2013-01-12", "1", 1),
    ]
    assert found["days"][1]["groups"] == [{"properties": {"origin": "EWR"}, "quantity": "2"}]
