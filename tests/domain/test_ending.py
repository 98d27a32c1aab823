"""How contracts end, go on after all, and are repaired."""

from datetime import date

import pytest

from domain.commands import (
    Cancel,
    ChangeType,
    Hold,
    MoveAnchor,
    Reactivate,
    Release,
    SetRenewal,
    SkipPeriod,
    WithdrawCancellation,
)
from tests.domain.shell import cancel, flat, run, terms

PLAN = {"id": "plan", "price": flat("31.00")}


def test_a_cancellation_on_a_day_bills_up_to_it_and_no_further() -> None:
    """13 of February's 28 days: 31.00 x 13 / 28 = 14.39."""
    steps = [("2026-01-10", Cancel(when="date", on=date(2026, 2, 14)))]
    story = run(terms(PLAN, start="2026-01-01"), "2026-03-01", steps)
    assert story.totals == [("2026-01-01", "31.00"), ("2026-02-01", "14.39")]
    assert story.state.status == "cancelled"


@pytest.mark.parametrize(("credit", "total"), [("unused", "-11.00"), ("all", "-31.00"), ("none", None)])
def test_a_cancellation_on_a_day_within_a_billed_period_credits_as_agreed(credit: str, total: str | None) -> None:
    """11 of 31 days are left from the 21st."""
    steps = [("2026-01-10", Cancel.model_validate({"when": "date", "on": "2026-01-21", "credit": credit}))]
    story = run(terms(PLAN, start="2026-01-01"), "2026-02-01", steps)
    assert story.totals == [("2026-01-01", "31.00"), *([("2026-01-21", total)] if total else [])]


def test_all_of_the_running_period_is_credited_where_that_was_agreed() -> None:
    story = run(terms(PLAN, start="2026-01-01"), "2026-02-28", [("2026-02-10", cancel("now", "all"))])
    assert story.totals == [("2026-01-01", "31.00"), ("2026-02-01", "31.00"), ("2026-02-10", "-31.00")]


def test_a_cancellation_at_the_terms_end_needs_its_notice() -> None:
    """60 days before 1 March is 31 December: on 10 January the next term's end is the first in time."""
    agreed = terms(PLAN, start="2025-12-01", term={"months": 3, "renew": "auto", "notice_days": 60})
    in_time = run(agreed, "2026-03-01", [("2025-12-20", cancel("term_end"))])
    assert (in_time.state.status, str(in_time.state.ends_on)) == ("cancelled", "2026-03-01")
    late = run(agreed, "2026-03-01", [("2026-01-10", cancel("term_end"))])
    assert (late.state.status, str(late.state.ends_on)) == ("active", "2026-06-01")


def test_a_renewal_is_declined_in_time_or_not_at_all() -> None:
    agreed = terms(PLAN, start="2026-01-01", term={"months": 2, "renew": "auto", "notice_days": 30})
    in_time = run(agreed, "2026-03-01", [("2026-01-10", SetRenewal(renew="none"))])
    assert in_time.state.status == "expired"
    late = run(agreed, "2026-03-01", [("2026-02-10", SetRenewal(renew="none"))])
    assert late.refused == ["notice was due by 2026-01-30: cancel at the end of the next term instead"]


def test_a_withdrawn_cancellation_leaves_no_trace() -> None:
    steps: list[tuple[str, ChangeType]] = [("2026-01-10", cancel()), ("2026-01-20", WithdrawCancellation())]
    story = run(terms(PLAN, start="2026-01-01"), "2026-02-01", steps)
    assert story.totals == [("2026-01-01", "31.00"), ("2026-02-01", "31.00")]


def test_a_cancellation_that_is_withdrawn_late_bills_the_rest_of_its_period() -> None:
    """13 and 15 of February's 28 days: 14.39 and 16.61."""
    steps: list[tuple[str, ChangeType]] = [
        ("2026-01-10", Cancel(when="date", on=date(2026, 2, 14))),
        ("2026-02-10", WithdrawCancellation()),
    ]
    story = run(terms(PLAN, start="2026-01-01"), "2026-03-01", steps)
    assert story.totals[1:] == [("2026-02-01", "14.39"), ("2026-02-14", "16.61"), ("2026-03-01", "31.00")]


def test_a_cancelled_contract_is_taken_up_again_within_its_grace_time() -> None:
    """21 days back on the 11th; from the 20th 12 days anew; the days between are not billed."""
    agreed = terms(PLAN, start="2026-01-01", reactivation_days=14)
    steps: list[tuple[str, ChangeType]] = [("2026-01-11", cancel("now")), ("2026-01-20", Reactivate())]
    story = run(agreed, "2026-02-01", steps)
    assert [total for _, total in story.totals] == ["31.00", "-21.00", "12.00", "31.00"]
    assert story.state.status == "active"


def test_after_the_grace_time_it_stays_cancelled() -> None:
    agreed = terms(PLAN, start="2026-01-01", reactivation_days=5)
    steps: list[tuple[str, ChangeType]] = [("2026-01-11", cancel("now")), ("2026-01-20", Reactivate())]
    story = run(agreed, "2026-02-01", steps)
    assert story.refused == ["the contract cannot be taken up again: its grace time is over"]
    assert story.state.ended


def test_a_skipped_period_is_free() -> None:
    story = run(terms(PLAN, start="2026-01-01"), "2026-03-01", [("2026-01-10", SkipPeriod())])
    assert story.totals == [("2026-01-01", "31.00"), ("2026-03-01", "31.00")]


def test_a_moved_anchor_makes_a_part_of_a_period_that_leads_up_to_it() -> None:
    """1 to 15 February is 14 of the 31 days from 15 January: 31.00 x 14 / 31."""
    story = run(terms(PLAN, start="2026-01-01"), "2026-03-15", [("2026-01-10", MoveAnchor(anchor_day=15))])
    assert story.totals == [
        ("2026-01-01", "31.00"),
        ("2026-02-01", "14.00"),
        ("2026-02-15", "31.00"),
        ("2026-03-15", "31.00"),
    ]


def test_invoices_of_a_held_contract_are_kept_back_until_it_is_released() -> None:
    steps: list[tuple[str, ChangeType]] = [("2026-01-10", Hold(reason="price is disputed")), ("2026-02-10", Release())]
    story = run(terms(PLAN, start="2026-01-01"), "2026-03-01", steps)
    assert [document.bill.held for document in story.documents] == [False, True, False]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (WithdrawCancellation(), "no cancellation waits to take effect"),
        (Cancel(when="date", on=date(2026, 1, 10)), "2026-01-10 is not in the future"),
        (cancel("term_end"), "the contract has no term"),
        (SkipPeriod(line="plum"), "the contract has no line 'plum'; it has plan"),
    ],
)
def test_what_cannot_be_is_refused(command: ChangeType, why: str) -> None:
    [refused] = run(terms(PLAN, start="2026-01-01"), "2026-01-20", [("2026-01-10", command)]).refused
    assert refused.startswith(why)
