"""Meters that count otherwise from a day on."""

from typing import Any

import pytest

from domain.commands import BillUsage, Cancel, Revise
from domain.errors import RefusedChange
from tests.domain.ledger import Account, Used, account
from tests.domain.shell import Steps, change, per_unit, run, terms

SUM = {"id": "calls", "aggregate": "sum"}
CALLS = {"id": "calls", "price": per_unit("1.00"), "meter": "calls", "bill": "arrears"}
AGREED = terms(CALLS, start="2026-01-01", meters=[SUM])
# 10 and 20 before noon of the 16th, 40 and 30 from then on.
JANUARY = (
    Used("2026-01-05", "10"),
    Used("2026-01-16T11:59:59", "20"),
    Used("2026-01-16T12:00:00", "40"),
    Used("2026-01-30", "30"),
)
NOON = "2026-01-16T12:00:00Z"


def recount(more: dict[str, Any], **how: Any) -> Revise:
    return Revise.model_validate({"meters": [SUM | more], **how})


def used(until: str, when: str, command: Revise, events: tuple[Used, ...] = JANUARY) -> Account:
    return account(AGREED, until, [(when, command)], events)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"aggregate": "max"}, "40.00"),
        ({"aggregate": "count"}, "2.00"),
        ({"expression": "max(value, 35) / 5"}, "15.00"),
        ({"filters": [{"property": "free", "op": "exists", "value": True}]}, "0.00"),
        ({"event": "requests"}, "0.00"),
        ({"round": {"mode": "down", "to": "50"}}, "50.00"),
    ],
    ids=["aggregate", "count", "expression", "filters", "event", "round"],
)
def test_from_the_instant_of_a_change_a_meter_counts_otherwise(more: dict[str, Any], expected: str) -> None:
    """30 up to noon of the 16th as before; then the greatest of 40 and 30, two events, 40/5 + 35/5, ..."""
    told = used("2026-02-27", NOON, recount(more))
    lines = [("calls", "usage", amount) for amount in ("30.00", expected) if amount != "0.00"]
    assert told.lines(0) == lines


def test_a_meter_is_replaced_for_all_lines_that_read_it_and_for_no_other() -> None:
    """The greatest of 10, 20, 40 and 30 is not billed: 30 and 40 of each line, 100 of the other meter."""
    agreed = terms(
        CALLS,
        CALLS | {"id": "again", "price": per_unit("2.00")},
        CALLS | {"id": "other", "meter": "other"},
        start="2026-01-01",
        meters=[SUM, {"id": "other", "event": "calls", "aggregate": "sum"}],
    )
    told = account(agreed, "2026-02-27", [(NOON, recount({"aggregate": "max"}))], JANUARY)
    assert [(line, amount) for line, _, amount in told.lines(0)] == [
        ("calls", "30.00"),
        ("calls", "40.00"),
        ("again", "60.00"),
        ("again", "80.00"),
        ("other", "100.00"),
    ]


def test_a_change_with_the_next_period_splits_none() -> None:
    events = (*JANUARY, Used("2026-02-02", "7"), Used("2026-02-03", "5"))
    told = used("2026-03-27", NOON, recount({"aggregate": "max"}, effective="next_period"), events)
    assert told.totals == [("2026-02-01", "100.00"), ("2026-03-01", "7.00")]


def test_a_change_for_a_day_to_come_waits_for_it() -> None:
    events = (*JANUARY, Used("2026-02-02", "7"), Used("2026-02-10", "5"), Used("2026-02-11", "6"))
    told = used("2026-03-27", NOON, recount({"aggregate": "max"}, effective="2026-02-10"), events)
    assert told.totals == [("2026-02-01", "100.00"), ("2026-03-01", "13.00")]
    assert told.lines(1) == [("calls", "usage", "7.00"), ("calls", "usage", "6.00")]


def test_usage_that_comes_late_counts_as_its_meter_did_at_its_time() -> None:
    """1 at the old sum, and 45 beyond the greatest of the new: 6.00 more."""
    late = (Used("2026-01-10", "1", told="2026-02-03"), Used("2026-01-20", "45", told="2026-02-03"))
    told = used("2026-03-27", NOON, recount({"aggregate": "max"}), (*JANUARY, *late))
    assert told.totals == [("2026-02-01", "70.00"), ("2026-03-01", "6.00")]
    assert told.lines(1) == [("calls", "adjustment", "6.00")]


def test_a_change_from_a_day_that_was_billed_rates_its_period_anew() -> None:
    """January was 100 as a sum; from the 16th 30 as a count: 10 and 20 of the 16th, 40 and 30 are three events."""
    told = used("2026-03-27", "2026-02-10", recount({"aggregate": "count"}, effective="2026-01-16"))
    assert told.totals == [("2026-02-01", "100.00"), ("2026-02-10", "-87.00")]
    assert told.lines(1) == [("calls", "adjustment", "-87.00")]


def test_the_history_of_a_meter_outlives_later_changes() -> None:
    """Sum, from the 16th maximum, from the 20th count: 30, 40, 1."""
    steps = [(NOON, recount({"aggregate": "max"})), ("2026-01-20", recount({"aggregate": "count"}))]
    told = account(AGREED, "2026-02-27", steps, JANUARY)
    assert [amount for _, _, amount in told.lines(0)] == ["30.00", "40.00", "1.00"]


def test_a_change_that_is_taken_back_at_the_same_instant_leaves_no_trace() -> None:
    steps = [(NOON, recount({"aggregate": "max"})), (NOON, recount({}))]
    told = account(AGREED, "2026-02-27", steps, JANUARY)
    assert told.lines(0) == [("calls", "usage", "100.00")]


def test_a_meter_that_carries_on_from_a_date_carries_all_that_came_before() -> None:
    """January is 100; so is February, with 7 of its own."""
    events = (*JANUARY, Used("2026-02-02", "7"))
    told = used("2026-03-27", NOON, recount({"carry": True}, effective="next_period"), events)
    assert told.totals == [("2026-02-01", "100.00"), ("2026-03-01", "107.00")]


def test_a_price_and_a_meter_change_together() -> None:
    both = {"changes": [change("calls", price=per_unit("3.00")).model_dump(exclude_none=True)]}
    told = used("2026-02-27", NOON, recount({"aggregate": "max"}, **both))
    assert [amount for _, _, amount in told.lines(0)] == ["30.00", "120.00"]
    # From a day that was billed the period is rated anew once: 10 and 3 x 40 instead of 100.
    told = used("2026-03-27", "2026-02-10", recount({"aggregate": "max"}, **both, effective="2026-01-16"))
    assert told.totals == [("2026-02-01", "100.00"), ("2026-02-10", "30.00")]


def test_a_line_that_was_removed_is_billed_as_its_meter_counted_then() -> None:
    """The 20 of the 16th are not served any more; 10 remain a sum of one event, not a count."""
    keep = {"id": "plan", "price": {"model": "flat", "amount": "5.00"}}
    agreed = terms(CALLS, keep, start="2026-01-01", meters=[SUM])
    removal = Revise.model_validate({"changes": [{"kind": "remove_line", "line": "calls"}], "invoice": "next"})
    steps = [("2026-01-10", removal), ("2026-01-20", recount({"aggregate": "count"}))]
    told = account(agreed, "2026-02-27", steps, JANUARY)
    assert told.lines(1) == [("calls", "usage", "10.00"), ("plan", "charge", "5.00")]


def test_before_billing_starts_the_terms_are_replaced() -> None:
    agreed = terms(CALLS, start="2026-01-01", trial_days=9, meters=[SUM])
    told = account(agreed, "2026-02-10", [("2026-01-02", recount({"aggregate": "max"}))], JANUARY)
    assert told.totals == [("2026-02-10", "40.00")]


@pytest.mark.parametrize(
    ("more", "how", "message"),
    [
        (
            {"filters": [{"property": "free", "op": "exists"}]},
            {"effective": "2026-01-16"},
            "meter calls would count other events of days that were billed: let it change from 2026-02-01 on",
        ),
        (
            {"event": "requests"},
            {"effective": "2026-01-16"},
            "meter calls would count other events of days that were billed: let it change from 2026-02-01 on",
        ),
        (
            {"carry": True},
            {"effective": "2026-01-16"},
            "meter calls would count other events of days that were billed: let it change from 2026-02-01 on",
        ),
        ({"aggregate": "max"}, {"effective": "2025-12-31"}, "effective 2025-12-31 is before 2026-01-01"),
    ],
)
def test_a_change_that_cannot_be_is_refused(more: dict[str, Any], how: dict[str, Any], message: str) -> None:
    with pytest.raises(RefusedChange, match=message):
        used("2026-02-27", "2026-02-10", recount(more, **how))


def test_in_a_period_that_was_billed_in_part_a_meter_counts_the_same_events_otherwise() -> None:
    """10 were billed at the limit; from the 10th the greatest of 20, 40 and 30 is 40: 40.00 more."""
    limits = [{"id": "first", "amount": "5.00", "action": "invoice"}]
    agreed = terms(CALLS, start="2026-01-01", meters=[SUM], usage_limits=limits)
    passed = BillUsage.model_validate({"limit": "first", "starts_on": "2026-01-01"})
    billed: Steps = [("2026-01-06", passed)]
    told = account(agreed, "2026-02-27", [*billed, ("2026-01-10", recount({"aggregate": "max"}))], JANUARY)
    assert told.totals == [("2026-01-06", "10.00"), ("2026-02-01", "40.00")]
    other = {"filters": [{"property": "free", "op": "exists", "value": False}]}
    with pytest.raises(RefusedChange, match="of days that were billed: let it change from 2026-02-01 on"):
        account(agreed, "2026-02-27", [*billed, ("2026-01-10", recount(other))], JANUARY)
    told = account(agreed, "2026-02-27", [*billed, ("2026-01-10", recount(other, effective="next_period"))], JANUARY)
    assert told.totals == [("2026-01-06", "10.00"), ("2026-02-01", "90.00")]


def test_a_meter_that_its_lines_cannot_read_is_refused_today() -> None:
    """A percentage reads single events."""
    agreed = terms(CALLS | {"price": {"model": "percentage", "rate": "3"}}, start="2026-01-01", meters=[SUM])
    rounding = recount({"round": {"to": 1}}, effective="2026-03-01")
    story = run(agreed, "2026-01-20", [(NOON, rounding)])
    assert story.refused == ["line calls: price: percentage reads single events; its meter may not round"]


def test_a_revision_of_meters_says_so() -> None:
    story = run(AGREED, "2026-01-20", [(NOON, recount({"aggregate": "max"})), ("2026-01-17", Cancel())])
    assert story.decisions[-2][2].happened == "calls counts otherwise now"
