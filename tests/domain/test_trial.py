"""Trials: nothing is billed while they run, and billing starts on the day on which they end."""

from datetime import date

import pytest

from domain.commands import Cancel, ChangeType, EndTrial, ExtendTrial
from tests.domain.shell import Event, cancel, change, flat, per_unit, run, summed, terms

PLAN = {"id": "plan", "price": flat("50.00")}


def test_billing_starts_on_the_day_on_which_the_trial_ends_and_that_day_is_the_anchor() -> None:
    story = run(terms(PLAN, start="2026-01-01", trial_days=14), "2026-02-15")
    assert story.totals == [("2026-01-15", "50.00"), ("2026-02-15", "50.00")]
    assert run(terms(PLAN, start="2026-01-01", trial_days=14), "2026-01-14").state.status == "trialing"


def test_an_anchor_day_makes_a_stub_after_the_trial() -> None:
    """17 of January's 31 days: 50.00 x 17 / 31 = 27.42."""
    story = run(terms(PLAN, start="2026-01-01", trial_days=14, anchor_day=1), "2026-02-01")
    assert story.totals == [("2026-01-15", "27.42"), ("2026-02-01", "50.00")]


def test_usage_in_the_trial_is_free() -> None:
    calls = {"id": "calls", "price": per_unit("1.00"), "meter": "calls", "bill": "arrears"}
    agreed = terms(calls, start="2026-01-01", trial_days=14, meters=[{"id": "calls", "aggregate": "sum"}])
    used = summed(Event("2026-01-14T23:00:00Z", "9"), Event("2026-01-15T00:00:00Z", "4"))
    assert run(agreed, "2026-02-15", usage=used).totals == [("2026-02-15", "4.00")]


def test_the_term_counts_from_the_end_of_the_trial() -> None:
    story = run(terms(PLAN, start="2026-01-01", trial_days=14, term={"months": 1}), "2026-02-15")
    assert (story.totals, story.state.status) == ([("2026-01-15", "50.00")], "expired")


def test_a_trial_is_extended_and_ended_early() -> None:
    agreed = terms(PLAN, start="2026-01-01", trial_days=14)
    longer = run(agreed, "2026-01-31", [("2026-01-10", ExtendTrial(until=date(2026, 1, 20)))])
    assert longer.totals == [("2026-01-20", "50.00")]
    shorter = run(agreed, "2026-01-31", [("2026-01-10", EndTrial())])
    assert shorter.totals == [("2026-01-10", "50.00")]


def test_a_change_in_the_trial_costs_nothing_by_itself() -> None:
    steps = [("2026-01-10", change("plan", price=flat("80.00")))]
    assert run(terms(PLAN, start="2026-01-01", trial_days=14), "2026-01-31", steps).totals == [("2026-01-15", "80.00")]


@pytest.mark.parametrize("command", [cancel("now"), cancel("period_end"), Cancel(when="date", on=date(2026, 1, 12))])
def test_a_trial_that_is_cancelled_is_never_billed(command: Cancel) -> None:
    story = run(terms(PLAN, start="2026-01-01", trial_days=14), "2026-02-15", [("2026-01-10", command)])
    assert (story.totals, story.state.status) == ([], "cancelled")


@pytest.mark.parametrize(
    ("on", "command", "why"),
    [
        ("2026-01-16", EndTrial(), "the contract is active, not in a trial"),
        ("2026-01-10", ExtendTrial(until=date(2026, 1, 15)), "the trial lasts until 2026-01-15 already"),
    ],
)
def test_a_trial_command_out_of_place_is_refused(on: str, command: ChangeType, why: str) -> None:
    story = run(terms(PLAN, start="2026-01-01", trial_days=14), "2026-01-20", [(on, command)])
    assert story.refused == [why]
