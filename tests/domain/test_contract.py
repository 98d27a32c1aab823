"""What a contract bills, and when."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.domain.shell import Event, flat, per_unit, run, summed, terms

METERS = [{"id": "calls", "aggregate": "sum"}]


def calls(**more: Any) -> dict[str, Any]:
    return {"id": "calls", "meter": "calls", "bill": "arrears", "price": per_unit("0.10"), **more}


def test_a_stub_before_the_first_anchor_day_costs_its_days() -> None:
    """27 of March's 31 days: 10.00 x 27 / 31 = 8.7096."""
    agreed = terms({"id": "plan", "price": flat("10.00")}, start="2024-03-05", anchor_day=1)
    story = run(agreed, "2024-04-02")
    assert story.totals == [("2024-03-05", "8.71"), ("2024-04-01", "10.00")]
    assert story.lines_of("2024-03-05") == [("plan", "2024-03-05", "2024-04-01", "8.71")]


def test_a_stub_in_arrears_costs_its_days_when_it_is_over() -> None:
    """17 of January's 31 days of 31.00; then the quarter's stub, 17 of the 92 days from 1 November, of 92.00."""
    agreed = terms(
        {"id": "support", "price": flat("31.00"), "bill": "arrears"},
        {"id": "audit", "price": flat("92.00"), "bill": "arrears", "every": "quarter"},
        start="2026-01-15",
        anchor_day=1,
    )
    assert run(agreed, "2026-02-01").lines_of("2026-02-01") == [
        ("support", "2026-01-15", "2026-02-01", "17.00"),
        ("audit", "2026-01-15", "2026-02-01", "17.00"),
    ]


def test_lines_of_every_rhythm_meet_on_one_invoice() -> None:
    agreed = terms(
        {"id": "plan", "price": flat("10.00")},
        {"id": "support", "price": flat("5.00"), "bill": "arrears"},
        {"id": "audit", "price": flat("30.00"), "bill": "arrears", "every": "quarter"},
        {"id": "licence", "price": flat("1200.00"), "every": "year"},
        start="2026-01-01",
    )
    story = run(agreed, "2027-01-31")
    assert story.totals == [
        ("2026-01-01", "1210.00"),
        ("2026-02-01", "15.00"),
        ("2026-03-01", "15.00"),
        ("2026-04-01", "45.00"),
        ("2026-05-01", "15.00"),
        ("2026-06-01", "15.00"),
        ("2026-07-01", "45.00"),
        ("2026-08-01", "15.00"),
        ("2026-09-01", "15.00"),
        ("2026-10-01", "45.00"),
        ("2026-11-01", "15.00"),
        ("2026-12-01", "15.00"),
        ("2027-01-01", "1245.00"),
    ]
    assert story.lines_of("2027-01-01") == [
        ("plan", "2027-01-01", "2027-02-01", "10.00"),
        ("support", "2026-12-01", "2027-01-01", "5.00"),
        ("audit", "2026-10-01", "2027-01-01", "30.00"),
        ("licence", "2027-01-01", "2028-01-01", "1200.00"),
    ]


@pytest.mark.parametrize(
    ("start", "every", "dates"),
    [
        ("2026-01-31", "month", ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        ("2024-01-30", "month", ["2024-01-30", "2024-02-29", "2024-03-30", "2024-04-30"]),
        ("2025-11-30", "quarter", ["2025-11-30", "2026-02-28", "2026-05-30", "2026-08-30"]),
        ("2024-02-29", "year", ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
    ],
)
def test_a_month_that_is_too_short_bills_on_its_last_day_and_the_next_is_not_moved(
    start: str, every: str, dates: list[str]
) -> None:
    story = run(terms({"id": "plan", "price": flat("50.00"), "every": every}, start=start), dates[-1])
    assert story.totals == [(on, "50.00") for on in dates]


def test_bills_fall_due_at_local_midnight_on_both_sides_of_a_change_of_the_clock() -> None:
    """New York went from UTC-5 to UTC-4 on 8 March 2026 and back on 1 November."""
    agreed = terms({"id": "plan", "price": flat("31.00")}, start="2026-03-01", timezone="America/New_York")
    story = run(agreed, "2026-12-01")
    due = {str(doc.bill.on): doc.bill.at for doc in story.documents}
    assert due["2026-03-01"] == datetime(2026, 3, 1, 5, tzinfo=UTC)
    assert due["2026-04-01"] == datetime(2026, 4, 1, 4, tzinfo=UTC)
    assert due["2026-11-01"] == datetime(2026, 11, 1, 4, tzinfo=UTC)
    assert due["2026-12-01"] == datetime(2026, 12, 1, 5, tzinfo=UTC)
    assert {total for _, total in story.totals} == {"31.00"}


def test_payment_terms_move_the_due_date_and_nothing_else() -> None:
    agreed = terms({"id": "plan", "price": flat("31.00")}, start="2026-01-31", payment_terms_days=30)
    [first, *_] = run(agreed, "2026-01-31").documents
    assert (str(first.bill.on), str(first.bill.due_on)) == ("2026-01-31", "2026-03-02")


def test_yen_have_no_decimals_and_dinars_have_three() -> None:
    """27 of 31 days of 5000 and of 10.000: 4354.8 and 8.7096."""
    yen = terms({"id": "plan", "price": flat("5000")}, start="2024-03-05", anchor_day=1, currency="JPY")
    dinar = terms({"id": "plan", "price": flat("10.000")}, start="2024-03-05", anchor_day=1, currency="KWD")
    assert run(yen, "2024-03-05").totals == [("2024-03-05", "4355")]
    assert run(dinar, "2024-03-05").totals == [("2024-03-05", "8.710")]


def test_usage_is_billed_when_its_period_is_over_and_an_event_at_the_boundary_belongs_to_the_next() -> None:
    agreed = terms(calls(), start="2026-01-01", meters=METERS)
    usage = summed(
        Event("2026-01-31T23:59:59Z", "100"), Event("2026-02-01T00:00:00Z", "40"), Event("2026-02-28T12:00:00Z", "2")
    )
    assert run(agreed, "2026-03-01", usage=usage).totals == [("2026-02-01", "10.00"), ("2026-03-01", "4.20")]


def test_usage_of_nothing_makes_no_line_and_without_lines_there_is_no_invoice() -> None:
    agreed = terms(calls(), start="2026-01-01", meters=METERS)
    usage = summed(Event("2026-02-10T12:00:00Z", "50"))
    assert run(agreed, "2026-03-01", usage=usage).totals == [("2026-03-01", "5.00")]
    with_plan = terms({"id": "plan", "price": flat("1.00")}, calls(), start="2026-01-01", meters=METERS)
    assert run(with_plan, "2026-02-01").lines_of("2026-02-01") == [("plan", "2026-02-01", "2026-03-01", "1.00")]


def test_a_fixed_quantity_of_zero_makes_an_invoice_of_nothing() -> None:
    agreed = terms({"id": "seats", "price": per_unit("9.00"), "quantity": 0}, start="2026-01-01")
    assert run(agreed, "2026-01-01").lines_of("2026-01-01") == [("seats", "2026-01-01", "2026-02-01", "0.00")]


def test_a_minimum_is_due_even_where_nothing_was_used() -> None:
    agreed = terms(calls(price=per_unit("0.10", minimum="5000.00")), start="2026-01-01", meters=METERS)
    assert run(agreed, "2026-02-01").totals == [("2026-02-01", "5000.00")]


def test_a_minimum_of_a_part_of_a_period_bears_its_days() -> None:
    """16 of January's 31 days: 5,000.00 x 16 / 31 = 2,580.645; usage of more than that is billed as it is."""
    price = per_unit("1.00", minimum="5000.00")
    agreed = terms(calls(price=price), start="2026-01-16", anchor_day=1, meters=METERS)
    little, much = summed(Event("2026-01-20T00:00:00Z", "100")), summed(Event("2026-01-20T00:00:00Z", "3000"))
    assert run(agreed, "2026-02-01", usage=little).totals == [("2026-02-01", "2580.65")]
    assert run(agreed, "2026-02-01", usage=much).totals == [("2026-02-01", "3000.00")]


def test_each_event_of_a_matrix_pays_the_price_of_its_cell() -> None:
    """3 x 612.00 + 2 x 703.50 = 3,243.00."""
    price = {
        "model": "matrix",
        "cells": [{"when": {"origin": "EWR"}, "unit": "612.00"}, {"when": {"origin": "JFK"}, "unit": "703.50"}],
    }
    agreed = terms(calls(price=price), start="2013-01-01", meters=METERS)
    usage = summed(
        Event("2013-01-02T10:00:00Z", "3", {"origin": "EWR"}), Event("2013-01-03T10:00:00Z", "2", {"origin": "JFK"})
    )
    assert run(agreed, "2013-02-01", usage=usage).totals == [("2013-02-01", "3243.00")]
