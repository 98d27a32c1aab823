"""Changes of quantity and price: now and at the next period, on their own invoice and on the next."""

from datetime import UTC, datetime

import pytest

from domain.commands import ChangeLine
from domain.contract import decide
from domain.errors import RefusedChange
from tests.domain.shell import Event, Steps, apply, change, flat, per_unit, run, summed, terms, wake

METERS = [{"id": "calls", "aggregate": "sum"}]
GRADUATED = {"model": "graduated", "tiers": [{"up_to": 100, "unit": "1.00"}, {"up_to": None, "unit": "0.50"}]}
DEARER = {"model": "graduated", "tiers": [{"up_to": 100, "unit": "2.00"}, {"up_to": None, "unit": "1.00"}]}


def test_more_gates_from_the_middle_of_june_are_billed_at_once() -> None:
    """15 of June's 30 days: 24 x 38,000.00 / 2 back, 28 x 38,000.00 / 2 anew."""
    gates = {"id": "gates", "price": per_unit("38000.00"), "quantity": 24}
    agreed = terms(gates, start="2013-01-01", timezone="America/New_York", term={"months": 12})
    story = run(agreed, "2013-07-01", [("2013-06-16", change("gates", quantity=28))])
    assert story.totals[-3:] == [("2013-06-01", "912000.00"), ("2013-06-16", "76000.00"), ("2013-07-01", "1064000.00")]
    assert story.lines_of("2013-06-16") == [
        ("gates", "2013-06-16", "2013-07-01", "-456000.00"),
        ("gates", "2013-06-16", "2013-07-01", "532000.00"),
    ]


def test_two_upgrades_in_one_period() -> None:
    """24 of 31 days from 10.00 to 15.00: -7.74 + 11.61; 17 of 31 days from 15.00 to 19.00: -8.23 + 10.42."""
    steps = [("2024-03-12", change("plan", price=flat("15.00"))), ("2024-03-19", change("plan", price=flat("19.00")))]
    story = run(terms({"id": "plan", "price": flat("10.00")}, start="2024-03-05"), "2024-04-06", steps)
    assert story.totals == [
        ("2024-03-05", "10.00"),
        ("2024-03-12", "3.87"),
        ("2024-03-19", "2.19"),
        ("2024-04-05", "19.00"),
    ]


def test_fewer_seats_make_a_credit_note() -> None:
    """10 of 30 days: 10 seats at 6.00 are 20.00 back, 4 seats are 8.00."""
    agreed = terms({"id": "seats", "price": per_unit("6.00"), "quantity": 10}, start="2026-04-01")
    story = run(agreed, "2026-05-01", [("2026-04-21", change("seats", quantity=4))])
    assert story.totals == [("2026-04-01", "60.00"), ("2026-04-21", "-12.00"), ("2026-05-01", "24.00")]
    assert story.documents[1].draft.kind == "credit_note"
    assert story.lines_of("2026-04-21") == [
        ("seats", "2026-04-21", "2026-05-01", "-20.00"),
        ("seats", "2026-04-21", "2026-05-01", "8.00"),
    ]


def test_tax_follows_a_prorated_change_both_ways() -> None:
    """25 percent of 3.87 is 0.9675, of 12.00 is 3.00."""
    up = terms({"id": "plan", "price": flat("10.00")}, start="2024-03-05", tax=[{"name": "VAT", "rate": "25"}])
    upgraded = run(up, "2024-03-12", [("2024-03-12", change("plan", price=flat("15.00")))])
    assert upgraded.totals == [("2024-03-05", "12.50"), ("2024-03-12", "4.84")]
    seats = {"id": "seats", "price": per_unit("6.00"), "quantity": 10}
    down = terms(seats, start="2026-04-01", tax=[{"name": "VAT", "rate": "25"}])
    downgraded = run(down, "2026-04-21", [("2026-04-21", change("seats", quantity=4))])
    assert downgraded.totals == [("2026-04-01", "75.00"), ("2026-04-21", "-15.00")]


def test_an_upgrade_in_yen() -> None:
    """16 of 31 days: 5000 gives 2581 back, 8000 costs 4129."""
    agreed = terms({"id": "plan", "price": flat("5000")}, start="2026-01-01", currency="JPY")
    story = run(agreed, "2026-02-01", [("2026-01-16", change("plan", price=flat("8000")))])
    assert story.totals == [("2026-01-01", "5000"), ("2026-01-16", "1548"), ("2026-02-01", "8000")]


def test_a_change_for_the_next_invoice_takes_effect_at_once() -> None:
    """10 of 30 days: 30.00 of 90.00 back, 40.00 of 120.00 anew, beside May's 120.00."""
    agreed = terms({"id": "plan", "price": flat("90.00")}, start="2026-04-01")
    story = run(agreed, "2026-05-01", [("2026-04-21", change("plan", price=flat("120.00"), invoice="next"))])
    assert story.totals == [("2026-04-01", "90.00"), ("2026-05-01", "130.00")]
    assert story.lines_of("2026-05-01") == [
        ("plan", "2026-04-21", "2026-05-01", "-30.00"),
        ("plan", "2026-04-21", "2026-05-01", "40.00"),
        ("plan", "2026-05-01", "2026-06-01", "120.00"),
    ]


def test_a_next_invoice_that_would_end_below_zero_is_a_credit_note() -> None:
    """29 of 30 days: -87.00 + 2.90, and 3.00 for May."""
    agreed = terms({"id": "plan", "price": flat("90.00")}, start="2026-04-01")
    story = run(agreed, "2026-05-01", [("2026-04-02", change("plan", price=flat("3.00"), invoice="next"))])
    assert story.totals == [("2026-04-01", "90.00"), ("2026-05-01", "-81.10")]


def test_lines_for_the_next_invoice_wait_for_a_regular_one() -> None:
    """The month's recognition in between is no invoice. 92 of 365 days from 365.00 to 730.00, billed on 1 January."""
    licence = {"id": "licence", "price": flat("365.00"), "every": "year"}
    steps = [("2026-10-01", change("licence", price=flat("730.00"), invoice="next"))]
    story = run(terms(licence, start="2026-01-01"), "2027-01-01", steps)
    assert story.totals == [("2026-01-01", "365.00"), ("2027-01-01", "822.00")]


def test_lines_for_the_next_invoice_are_billed_when_the_contract_ends() -> None:
    agreed = terms({"id": "plan", "price": flat("30.00")}, start="2026-04-01", term={"months": 1})
    story = run(agreed, "2026-05-01", [("2026-04-21", change("plan", price=flat("60.00"), invoice="next"))])
    assert story.totals == [("2026-04-01", "30.00"), ("2026-05-01", "10.00")]


def test_a_change_at_the_next_period_costs_nothing_before() -> None:
    agreed = terms({"id": "seats", "price": per_unit("20.00"), "quantity": 3}, start="2026-01-01")
    story = run(agreed, "2026-02-01", [("2026-01-16", change("seats", quantity=5, effective="next_period"))])
    assert story.totals == [("2026-01-01", "60.00"), ("2026-02-01", "100.00")]


def test_a_change_at_the_next_period_of_a_line_in_arrears_leaves_the_running_one() -> None:
    support = {"id": "support", "price": flat("20.00"), "bill": "arrears"}
    steps = [("2026-01-16", change("support", price=flat("50.00"), effective="next_period"))]
    story = run(terms(support, start="2026-01-01"), "2026-03-01", steps)
    assert story.totals == [("2026-02-01", "20.00"), ("2026-03-01", "50.00")]


def test_changes_that_wait_for_the_next_period_add_up() -> None:
    agreed = terms({"id": "seats", "price": per_unit("20.00"), "quantity": 3}, start="2026-01-01")
    steps = [
        ("2026-01-10", change("seats", quantity=5, effective="next_period")),
        ("2026-01-11", change("seats", price=per_unit("30.00"), effective="next_period")),
    ]
    assert run(agreed, "2026-02-01", steps).totals == [("2026-01-01", "60.00"), ("2026-02-01", "150.00")]


@pytest.mark.parametrize("invoice", ["now", "next"])
def test_there_and_back_at_one_instant_nets_to_zero(invoice: str) -> None:
    agreed = terms({"id": "plan", "price": flat("10.00")}, start="2024-03-05")
    steps = [
        ("2024-03-12", change("plan", price=flat("15.00"), invoice=invoice)),
        ("2024-03-12", change("plan", price=flat("10.00"), invoice=invoice)),
    ]
    totals = run(agreed, "2024-04-05", steps).totals
    expected = {"now": [("2024-03-12", "3.87"), ("2024-03-12", "-3.87")], "next": []}[invoice]
    assert totals == [("2024-03-05", "10.00"), *expected, ("2024-04-05", "10.00")]


def test_a_change_at_a_boundary_needs_no_proration() -> None:
    """The step comes before the billing that is due at its instant."""
    agreed = terms({"id": "plan", "price": flat("10.00")}, start="2026-01-01")
    story = run(agreed, "2026-02-01", [("2026-02-01", change("plan", price=flat("15.00")))])
    assert story.totals == [("2026-01-01", "10.00"), ("2026-02-01", "15.00")]


def test_a_change_later_on_a_boundary_day_counts_for_the_whole_day() -> None:
    agreed = terms({"id": "plan", "price": flat("10.00")}, start="2026-01-01")
    story = run(agreed, "2026-02-02", [("2026-02-01T18:00:00Z", change("plan", price=flat("15.00")))])
    assert story.totals == [("2026-01-01", "10.00"), ("2026-02-01", "10.00"), ("2026-02-01", "5.00")]


def test_the_local_day_decides_not_that_of_utc() -> None:
    """03:00 UTC on the 16th is the 15th in Los Angeles: 17 of 31 days."""
    agreed = terms({"id": "plan", "price": flat("31.00")}, start="2026-01-01", timezone="America/Los_Angeles")
    story = run(agreed, "2026-01-20", [("2026-01-16T03:00:00Z", change("plan", price=flat("62.00")))])
    assert story.totals == [("2026-01-01", "31.00"), ("2026-01-15", "17.00")]


def test_a_change_in_the_last_period_of_a_term_reaches_to_its_end() -> None:
    """The term is over on 5 April; on the 3rd, 2 of 30 days go from 30.00 to 60.00."""
    agreed = terms({"id": "plan", "price": flat("30.00")}, start="2026-03-05", anchor_day=1, term={"months": 1})
    story = run(agreed, "2026-05-01", [("2026-04-03", change("plan", price=flat("60.00")))])
    assert story.lines_of("2026-04-03") == [
        ("plan", "2026-04-03", "2026-04-05", "-2.00"),
        ("plan", "2026-04-03", "2026-04-05", "4.00"),
    ]


def test_a_line_in_arrears_bills_each_stretch_at_its_own_price() -> None:
    """15 of 31 days of 31.00 and 16 of 62.00."""
    support = {"id": "support", "price": flat("31.00"), "bill": "arrears"}
    story = run(
        terms(support, start="2026-01-01"), "2026-03-01", [("2026-01-16", change("support", price=flat("62.00")))]
    )
    assert story.lines_of("2026-02-01") == [
        ("support", "2026-01-01", "2026-01-16", "15.00"),
        ("support", "2026-01-16", "2026-02-01", "32.00"),
    ]
    assert story.totals[-1] == ("2026-03-01", "62.00")


def test_a_change_at_a_boundary_or_twice_a_day_leaves_no_empty_stretch() -> None:
    support = {"id": "support", "price": flat("31.00"), "bill": "arrears"}
    steps: Steps = [
        ("2026-01-01T10:00:00Z", change("support", price=flat("1.00"))),
        ("2026-01-01T11:00:00Z", change("support", price=flat("62.00"))),
        ("2026-02-01", change("support", price=flat("93.00"))),
    ]
    assert run(terms(support, start="2026-01-01"), "2026-01-02", steps[:2]).state.lines[0].past == ()
    story = run(terms(support, start="2026-01-01"), "2026-03-01", steps)
    assert story.lines_of("2026-02-01") == [("support", "2026-01-01", "2026-02-01", "62.00")]
    assert story.totals == [("2026-02-01", "62.00"), ("2026-03-01", "93.00")]


def test_the_history_says_when_a_change_takes_effect() -> None:
    agreed = terms(SEATS, start="2026-01-01")
    for effective, happened in (("now", "seats changes now"), ("next_period", "seats changes at its next period")):
        story = run(agreed, "2026-01-20", [("2026-01-16", change("seats", quantity=5, effective=effective))])
        assert story.decisions[-1][2].happened == happened


def test_a_metered_price_changes_for_the_events_from_then_on_and_tiers_start_again() -> None:
    """150 events at the old price: 100 x 1.00 + 50 x 0.50. Then 150 at the new: 100 x 2.00 + 50 x 1.00."""
    calls = {"id": "calls", "meter": "calls", "bill": "arrears", "price": GRADUATED}
    usage = summed(
        Event("2026-01-10T00:00:00Z", "50"),
        Event("2026-01-16T11:59:59Z", "100"),
        Event("2026-01-16T12:00:00Z", "120"),
        Event("2026-01-31T00:00:00Z", "30"),
    )
    steps = [("2026-01-16T12:00:00Z", change("calls", price=DEARER))]
    story = run(terms(calls, start="2026-01-01", meters=METERS), "2026-02-01", steps, usage)
    assert story.lines_of("2026-02-01") == [
        ("calls", "2026-01-01", "2026-01-16", "125.00"),
        ("calls", "2026-01-16", "2026-02-01", "250.00"),
    ]


def test_a_minimum_is_shared_by_the_stretches_of_a_period() -> None:
    """5,000.00 over 31 days: 15 days are 2,419.35, 16 days are 2,580.65."""
    price = per_unit("1.00", minimum="5000.00")
    calls = {"id": "calls", "meter": "calls", "bill": "arrears", "price": price}
    steps = [("2026-01-16T12:00:00Z", change("calls", price=per_unit("2.00", minimum="5000.00")))]
    story = run(terms(calls, start="2026-01-01", meters=METERS), "2026-02-01", steps)
    assert story.lines_of("2026-02-01") == [
        ("calls", "2026-01-01", "2026-01-16", "2419.35"),
        ("calls", "2026-01-16", "2026-02-01", "2580.65"),
    ]


def test_a_change_before_the_start_changes_the_first_invoice() -> None:
    agreed = terms({"id": "seats", "price": per_unit("20.00"), "quantity": 3}, start="2026-02-01")
    for effective in ("now", "next_period"):
        story = run(agreed, "2026-02-01", [("2026-01-10", change("seats", quantity=5, effective=effective))])
        assert story.totals == [("2026-02-01", "100.00")]
        assert story.state.version == 2


def test_a_change_to_the_same_makes_an_invoice_of_nothing() -> None:
    agreed = terms({"id": "plan", "price": flat("10.00")}, start="2026-01-01")
    story = run(agreed, "2026-01-20", [("2026-01-16", change("plan", price=flat("10.00")))])
    assert story.totals == [("2026-01-01", "10.00"), ("2026-01-16", "0.00")]


CLOSED = {"model": "volume", "tiers": [{"up_to": 10, "unit": "5.00"}]}
METERED = {"id": "calls", "meter": "calls", "bill": "arrears", "price": GRADUATED}
SEATS = {"id": "seats", "price": per_unit("6.00"), "quantity": 10}


@pytest.mark.parametrize(
    ("asked", "why", "field"),
    [
        (change("desks", quantity=1), "the contract has no line 'desks'; it has seats, calls", "/line"),
        (change("seats"), "nothing to change: give a quantity, a price or both", "/quantity"),
        (change("calls", quantity=1), "a metered line takes its quantity from usage", "/quantity"),
        (change("calls", price=flat("1.00")), "a flat price ignores usage", "/price"),
        (change("seats", price=flat("1.005")), "1.005 has more than the 2 decimals of USD", "/price"),
        (
            change("seats", price={"model": "matrix", "cells": [{"when": {"a": "b"}, "unit": 1}]}),
            "name a meter",
            "/price",
        ),
        (change("seats", price=CLOSED, quantity=11), "the tiers end at 10, and 11 units have no price", "/price"),
        (change("calls", price=CLOSED), "usage may go beyond the last tier", "/price"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_and_says_why(asked: ChangeLine, why: str, field: str) -> None:
    state = run(terms(SEATS, METERED, start="2026-01-01", meters=METERS), "2026-01-05").state
    for effective in ("now", "next_period"):
        with pytest.raises(RefusedChange) as refused:
            decide(state, asked.model_copy(update={"effective": effective}), datetime(2026, 1, 6, tzinfo=UTC))
        assert why in refused.value.message
        assert not refused.value.message.startswith("Value error")
        assert refused.value.field == field


def test_a_change_that_contradicts_one_that_waits_is_refused() -> None:
    """Each alone has a price; from February on there would be 50 seats where the tiers end at 10."""
    agreed = terms(SEATS, start="2026-01-01")
    waiting = change("seats", quantity=50, effective="next_period")
    for effective in ("now", "next_period"):
        closed = change("seats", price=CLOSED, effective=effective)
        story = run(agreed, "2026-02-01", [("2026-01-10", waiting), ("2026-01-11", closed)])
        assert len(story.refused) == 1
        assert "the tiers end at 10, and 50 units have no price" in story.refused[0]
        assert story.totals == [("2026-01-01", "60.00"), ("2026-02-01", "300.00")]


def test_a_change_dated_before_what_was_decided_is_refused() -> None:
    """A caller who read a test clock just before it moved on."""
    story = run(terms(SEATS, METERED, start="2026-01-01", meters=METERS), "2026-03-01")
    apply(story, change("seats", quantity=1), datetime(2026, 2, 27, tzinfo=UTC))
    assert story.refused == ["dated 2026-02-27 00:00 UTC, before what was decided up to 2026-03-01 00:00 UTC"]
    apply(story, change("calls", price=DEARER), datetime(2026, 3, 5, 12, tzinfo=UTC))
    apply(story, change("calls", price=GRADUATED), datetime(2026, 3, 5, 11, tzinfo=UTC))
    assert len(story.refused) == 2
    wake(story, datetime(2026, 4, 2, tzinfo=UTC))
    assert story.totals[-1] == ("2026-04-01", "60.00")
