"""Pausing a contract and taking it up again."""

from datetime import date

import pytest

from domain.commands import ChangeType, Pause, Resume
from domain.due import next_due
from tests.domain.shell import Event, change, flat, per_unit, run, summed, terms

PLAN = {"id": "plan", "price": flat("31.00")}


def test_a_pause_credits_the_unused_days_and_bills_nothing_until_it_ends() -> None:
    """21 of January's 31 days are left on the 11th; from 20 February 9 of 28 days: 31.00 x 9 / 28 = 9.96."""
    story = run(terms(PLAN, start="2026-01-01"), "2026-03-01", [("2026-01-11", Pause()), ("2026-02-20", Resume())])
    assert story.totals == [
        ("2026-01-01", "31.00"),
        ("2026-01-11", "-21.00"),
        ("2026-02-20", "9.96"),
        ("2026-03-01", "31.00"),
    ]
    assert story.state.status == "active"


def test_usage_before_the_pause_is_billed_at_the_next_boundary_and_none_from_within_it() -> None:
    calls = {"id": "calls", "price": per_unit("1.00"), "meter": "calls", "bill": "arrears"}
    agreed = terms(calls, start="2026-01-01", meters=[{"id": "calls", "aggregate": "sum"}])
    used = summed(
        Event("2026-01-05T10:00:00Z", "3"), Event("2026-01-12T10:00:00Z", "50"), Event("2026-01-25T10:00:00Z", "4")
    )
    story = run(agreed, "2026-02-01", [("2026-01-10", Pause()), ("2026-01-20", Resume())], used)
    assert story.lines_of("2026-02-01") == [
        ("calls", "2026-01-01", "2026-01-10", "3.00"),
        ("calls", "2026-01-20", "2026-02-01", "4.00"),
    ]


def test_fixed_arrears_bill_the_served_days_only() -> None:
    """9 days before and 12 days after the pause, of 31: 9.00 and 12.00."""
    support = {"id": "support", "price": flat("31.00"), "bill": "arrears"}
    steps: list[tuple[str, ChangeType]] = [("2026-01-10", Pause()), ("2026-01-20", Resume())]
    assert run(terms(support, start="2026-01-01"), "2026-02-01", steps).totals == [("2026-02-01", "21.00")]


def test_a_pause_ends_by_itself_on_the_agreed_day() -> None:
    """From 25 January 7 of 31 days."""
    story = run(terms(PLAN, start="2026-01-01"), "2026-01-31", [("2026-01-11", Pause(resume_on=date(2026, 1, 25)))])
    assert story.totals == [("2026-01-01", "31.00"), ("2026-01-11", "-21.00"), ("2026-01-25", "7.00")]


def test_a_contract_that_is_resumed_early_does_not_resume_again() -> None:
    steps: list[tuple[str, ChangeType]] = [
        ("2026-01-11", Pause(resume_on=date(2026, 1, 25))),
        ("2026-01-20", Resume()),
    ]
    story = run(terms(PLAN, start="2026-01-01"), "2026-01-31", steps)
    assert story.totals[2:] == [("2026-01-20", "12.00")]
    assert story.state.scheduled == ()


def test_unused_days_that_are_kept_are_served_after_the_pause_and_move_the_boundary() -> None:
    """21 days are left on the 11th; after ten days' pause they last until 11 February, and no money moves."""
    agreed = terms(PLAN, start="2026-01-01", term={"months": 2})
    story = run(agreed, "2026-02-11", [("2026-01-11", Pause(unused="extend")), ("2026-01-21", Resume())])
    assert story.totals == [("2026-01-01", "31.00"), ("2026-02-11", "31.00")]
    assert story.lines_of("2026-02-11") == [
        ("plan", "2026-01-11", "2026-02-01", "-21.00"),
        ("plan", "2026-01-21", "2026-02-11", "21.00"),
        ("plan", "2026-02-11", "2026-03-11", "31.00"),
    ]
    assert story.state.term_ends_on == date(2026, 3, 11)


def test_a_change_during_a_pause_counts_from_the_day_it_ends() -> None:
    """62.00 x 12 / 31 from 20 January."""
    steps: list[tuple[str, ChangeType]] = [
        ("2026-01-10", Pause()),
        ("2026-01-15", change("plan", price=flat("62.00"))),
        ("2026-01-20", Resume()),
    ]
    story = run(terms(PLAN, start="2026-01-01"), "2026-02-01", steps)
    assert story.totals[2:] == [("2026-01-20", "24.00"), ("2026-02-01", "62.00")]


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([("2026-01-10", Resume())], "the contract is active, not paused"),
        ([("2026-01-10", Pause()), ("2026-01-11", Pause())], "the contract is paused; only a running one can be"),
        ([("2026-01-10", Pause(resume_on=date(2026, 1, 10)))], "2026-01-10 is not in the future"),
    ],
)
def test_a_pause_that_makes_no_sense_is_refused(steps: list[tuple[str, ChangeType]], why: str) -> None:
    [refused] = run(terms(PLAN, start="2026-01-01"), "2026-01-20", steps).refused
    assert refused.startswith(why)


def test_a_paused_contract_still_expires_with_its_term() -> None:
    story = run(terms(PLAN, start="2026-01-01", term={"months": 1}), "2026-02-01", [("2026-01-10", Pause())])
    assert (story.state.status, next_due(story.state)) == ("expired", None)
