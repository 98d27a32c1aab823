from datetime import UTC, date, datetime

import pytest
from temporalio.exceptions import ApplicationError

from activities.signatures import RateUsage
from domain.commands import Cancel, ChangeLine, Revise, Wake
from domain.contract import decide
from models.database import Database
from tests.activities.story import Story, line, per_unit, run, terms

SEATS = {"model": "graduated", "tiers": [{"up_to": 1000, "unit": "4.50"}, {"up_to": None, "unit": "4.10"}]}
ORIGINS = {
    "model": "matrix",
    "cells": [{"when": {"origin": "EWR"}, "unit": "612.00"}, {"when": {"origin": "JFK"}, "unit": "703.50"}],
    "minimum": "5000.00",
}
METERS = [
    {"id": "seats", "event": "departure", "aggregate": "sum", "reads": "seats"},
    {"id": "departures", "event": "departure", "aggregate": "count"},
]


def seats(**more: object) -> dict[str, object]:
    return line("seats", SEATS, meter="seats", bill="arrears", **more)


def departures(**more: object) -> dict[str, object]:
    return line("departures", ORIGINS, meter="departures", bill="arrears", **more)


def depart(story: Story, event_id: str, day: date, *, seats: int = 0, origin: str = "EWR", hour: int = 12) -> None:
    at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    story.use("departure", at, "1", event_id, seats=seats, origin=origin)


def test_usage_is_billed_in_tiers_when_its_month_is_over(database: Database) -> None:
    """1,000 x 4.50 + 200 x 4.10 = 4,500.00 + 820.00."""
    story = Story(database, terms(seats(), meters=METERS))
    depart(story, "e1", date(2013, 1, 3), seats=700)
    depart(story, "e2", date(2013, 1, 31), seats=500)
    depart(story, "e3", date(2013, 2, 1), seats=900, hour=0)

    [issued] = story.until(date(2013, 2, 1))

    assert issued.total_minor == 532_000
    assert story.rows("SELECT quantity, steps FROM invoice_line") == [
        (
            1200,
            [
                {"label": "up to 1,000", "quantity": "1000", "unit_price": "4.50", "amount": "4500.00"},
                {"label": "above 1,000", "quantity": "200", "unit_price": "4.10", "amount": "820.00"},
            ],
        )
    ]
    assert story.balances() == {"receivable": 532_000, "revenue": -532_000}
    assert story.revenue() == {"2013-01": 532_000}


def test_a_matrix_prices_each_origin_and_holds_its_minimum(database: Database) -> None:
    """January: 5 x 612.00 + 4 x 703.50 = 5,874.00. February: 1 x 612.00, up to the minimum of 5,000.00."""
    story = Story(database, terms(departures(), meters=METERS))
    for number in range(5):
        depart(story, f"ewr{number}", date(2013, 1, 2 + number))
    for number in range(4):
        depart(story, f"jfk{number}", date(2013, 1, 2 + number), origin="JFK")
    depart(story, "feb", date(2013, 2, 2))
    assert [issued.total_minor for issued in story.until(date(2013, 3, 1))] == [587_400, 500_000]


def test_usage_that_comes_late_is_rounded_with_all_of_its_period(database: Database) -> None:
    """178 + 20 seats are two hundreds, 250.00; late 3 are three, 375.00 in all; late 7 more are three still."""
    hundreds = {"id": "seats", "event": "departure", "aggregate": "sum", "expression": "seats / 100"}
    rounded = hundreds | {"round": {"mode": "up", "to": "1"}}
    priced = line("seats", per_unit("125.00"), meter="seats", bill="arrears")
    story = Story(database, terms(priced, meters=[rounded]))
    depart(story, "e1", date(2013, 1, 3), seats=178)
    depart(story, "e2", date(2013, 1, 4), seats=20)
    totals = [issued.total_minor for issued in story.until(date(2013, 2, 1))]
    depart(story, "e3", date(2013, 1, 31), seats=3)
    totals += [issued.total_minor for issued in story.until(date(2013, 3, 1))]
    depart(story, "e4", date(2013, 1, 31), seats=7)
    assert story.until(date(2013, 4, 1)) == []
    assert totals == [25_000, 12_500]
    claimed = story.rows("SELECT quantity::text FROM rated_line WHERE event_count > 0 ORDER BY generation")
    assert claimed == [("1.98",), ("0.03",), ("0.07",)]
    assert story.rows("SELECT quantity::text FROM invoice_line ORDER BY period_start, kind DESC") == [("2",), ("3",)]


def test_usage_that_costs_nothing_makes_no_invoice(database: Database) -> None:
    story = Story(database, terms(seats(), meters=METERS))
    assert story.until(date(2013, 3, 1)) == []
    assert story.rows("SELECT status, decided FROM contract") == [("active", 3)]
    assert story.balances() == {}


def test_a_rated_line_knows_the_invoice_line_that_took_it(database: Database) -> None:
    story = Story(database, terms(seats(), meters=METERS))
    depart(story, "e1", date(2013, 1, 3), seats=10)
    story.until(date(2013, 2, 1))
    matched = (
        "SELECT count(*) FROM rated_line r JOIN invoice_line l ON r.invoice_line_id = l.id AND l.rated_line_id = r.id"
    )
    assert story.rows(matched) == [(1,)]


def test_rating_again_counts_nothing_twice(database: Database) -> None:
    story = Story(database, terms(seats(), meters=METERS))
    depart(story, "e1", date(2013, 1, 3), seats=10)
    story.wake()
    bill = decide(story.state, Wake(), datetime(2013, 2, 1, tzinfo=UTC)).bill
    assert bill is not None
    request = RateUsage("con_1", bill.document, ((0, bill.items[0]),))
    assert story.steps.rate_usage(request) == 1
    depart(story, "late", date(2013, 1, 4), seats=10)
    assert story.steps.rate_usage(request) == 1
    assert story.rows("SELECT event_count, quantity FROM rated_line") == [(1, 10)]


def test_usage_that_was_never_claimed_is_not_billed(database: Database) -> None:
    story = Story(database, terms(seats(), meters=METERS))
    depart(story, "e1", date(2013, 1, 3), seats=10)
    story.until(date(2013, 2, 1))
    again = story.decisions[-1]
    story.rows("SELECT 1")
    other = Story(database, terms(seats(), meters=METERS), "con_2")
    other.wake()
    decision = decide(other.state, Wake(), datetime(2013, 2, 1, tzinfo=UTC))
    with pytest.raises(ApplicationError, match="was not claimed") as raised:
        other.steps.issue_invoice(type(again)(decision, 2, datetime(2013, 2, 1, tzinfo=UTC)))
    assert raised.value.type == "NotRated" and not raised.value.non_retryable
    assert other.rows("SELECT count(*) FROM invoice WHERE contract_id = 'con_2'") == [(0,)]


def test_usage_of_a_period_across_months_is_revenue_of_its_own_month(database: Database) -> None:
    """15 January to 15 February: 800 in January cost 3,600.00; with 300 in February all costs 4,910.00."""
    story = Story(database, terms(seats(), meters=METERS, start=date(2013, 1, 15)))
    depart(story, "e1", date(2013, 1, 20), seats=800)
    depart(story, "e2", date(2013, 2, 10), seats=300)
    story.until(date(2013, 2, 15))
    assert story.revenue() == {"2013-01": 360_000, "2013-02": 131_000}
    assert story.balances() == {"receivable": 491_000, "revenue": -491_000}


def test_quarterly_usage_is_accrued_month_by_month_and_billed_once(database: Database) -> None:
    """700 in January at 4.50; 500 in February reach the second tier: 300 x 4.50 + 200 x 4.10; 100 x 4.10 in March."""
    story = Story(database, terms(seats(every="quarter"), meters=METERS))
    depart(story, "e1", date(2013, 1, 20), seats=700)
    depart(story, "e2", date(2013, 2, 10), seats=500)
    depart(story, "e3", date(2013, 3, 10), seats=100)
    story.until(date(2013, 3, 1))
    assert story.revenue() == {"2013-01": 315_000, "2013-02": 217_000}
    assert story.balances() == {"unbilled_receivable": 532_000, "revenue": -532_000}
    [issued] = story.until(date(2013, 4, 1))
    assert issued.total_minor == 573_000
    assert story.revenue() == {"2013-01": 315_000, "2013-02": 217_000, "2013-03": 41_000}
    assert story.balances() == {"receivable": 573_000, "revenue": -573_000}


def test_usage_that_comes_after_its_month_was_accrued_is_still_revenue_of_that_month(database: Database) -> None:
    story = Story(database, terms(seats(every="quarter"), meters=METERS))
    depart(story, "e1", date(2013, 1, 20), seats=100)
    story.until(date(2013, 2, 1))
    depart(story, "late", date(2013, 1, 21), seats=10)
    story.until(date(2013, 4, 1))
    assert story.revenue() == {"2013-01": 49_500}
    assert story.balances() == {"receivable": 49_500, "revenue": -49_500}


def test_each_event_pays_the_price_of_its_own_time(database: Database) -> None:
    """100 at 4.50 before noon of the 16th, 100 at 1.00 from then on: two lines, 450.00 and 100.00."""
    story = Story(database, terms(seats(), meters=METERS))
    depart(story, "e1", date(2013, 1, 16), seats=100, hour=11)
    depart(story, "e2", date(2013, 1, 16), seats=100, hour=12)
    story.wake()
    cheaper = ChangeLine.model_validate({"line": "seats", "price": per_unit("1.00")})
    story.apply(cheaper, datetime(2013, 1, 16, 12, tzinfo=UTC))
    [issued] = story.until(date(2013, 2, 1))
    assert story.rows("SELECT period_start, period_end, net_minor FROM invoice_line ORDER BY position") == [
        (date(2013, 1, 1), date(2013, 1, 16), 45_000),
        (date(2013, 1, 16), date(2013, 2, 1), 10_000),
    ]
    assert issued.total_minor == 55_000
    assert story.balances() == {"receivable": 55_000, "revenue": -55_000}


def test_a_meter_that_changes_counts_each_event_as_it_did_at_its_time(database: Database) -> None:
    """100 + 50 before noon of the 16th; then 80 of EWR, halved, and nothing of JFK. Late 20 before, 10 halved after."""
    priced = line("seats", per_unit("1.00"), meter="seats", bill="arrears")
    story = Story(database, terms(priced, meters=METERS))
    depart(story, "e1", date(2013, 1, 5), seats=100)
    depart(story, "e2", date(2013, 1, 16), seats=50, origin="JFK", hour=11)
    depart(story, "e3", date(2013, 1, 16), seats=80, hour=12)
    depart(story, "e4", date(2013, 1, 20), seats=70, origin="JFK")
    story.wake()
    halved = {"id": "seats", "event": "departure", "aggregate": "sum", "expression": "seats / 2"}
    from_ewr = halved | {"filters": [{"property": "origin", "op": "eq", "value": "EWR"}]}
    story.apply(Revise.model_validate({"meters": [from_ewr]}), datetime(2013, 1, 16, 12, tzinfo=UTC))
    [issued] = story.until(date(2013, 2, 1))
    depart(story, "late1", date(2013, 1, 4), seats=20, origin="JFK")
    depart(story, "late2", date(2013, 1, 30), seats=10)
    depart(story, "late3", date(2013, 1, 30), seats=90, origin="JFK")
    [adjusted] = story.until(date(2013, 3, 1))
    assert (issued.total_minor, adjusted.total_minor) == (19_000, 2_500)
    assert story.rows("SELECT period_start, kind, net_minor FROM invoice_line ORDER BY period_start, net_minor") == [
        (date(2013, 1, 1), "adjustment", 2_500),
        (date(2013, 1, 1), "usage", 15_000),
        (date(2013, 1, 16), "usage", 4_000),
    ]


def test_cancelling_at_once_bills_usage_up_to_the_instant_and_lets_later_events_go(database: Database) -> None:
    story = Story(database, terms(seats(), meters=METERS))
    depart(story, "e1", date(2013, 1, 16), seats=100, hour=11)
    depart(story, "e2", date(2013, 1, 16), seats=100, hour=12)
    story.wake()
    issued = story.apply(Cancel(when="now"), datetime(2013, 1, 16, 12, tzinfo=UTC))
    assert issued is not None and issued.total_minor == 45_000
    assert story.revenue() == {"2013-01": 45_000}
    assert story.balances() == {"receivable": 45_000, "revenue": -45_000}
    assert story.rows("SELECT event_id, contract_id FROM usage_event ORDER BY event_id") == [
        ("e1", "con_1"),
        ("e2", None),
    ]


def test_issuing_again_after_late_usage_returns_the_same_invoice(database: Database) -> None:
    story = Story(database, terms(seats(), meters=METERS))
    depart(story, "e1", date(2013, 1, 3), seats=10)
    [issued] = story.until(date(2013, 2, 1))
    depart(story, "late", date(2013, 1, 4), seats=10)
    assert run(story.steps, story.decisions[-1]) == issued
    assert issued.total_minor == 4_500
