"""Documents that wait for the grace time of their usage, and the closing invoice after the contract's end."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from domain.commands import Cancel, Pause, Reactivate, Resume, Wake
from domain.contract import decide, sign
from domain.due import next_due
from domain.period import on_the_clock
from domain.state import ContractState, Due
from domain.terms import Terms
from tests.domain.ledger import Used, account
from tests.domain.shell import Steps, change, flat, per_unit, terms

METERS = [{"id": "calls", "aggregate": "sum"}]
CALLS: dict[str, Any] = {"id": "calls", "price": per_unit("0.50"), "meter": "calls", "bill": "arrears"}
FEE: dict[str, Any] = {"id": "fee", "price": flat("28.00")}


def agreed(*lines: dict[str, Any], **more: Any) -> Terms:
    """Three days of grace unless `more` says otherwise."""
    return terms(*lines, **{"start": "2026-01-01", "meters": METERS, "usage_grace_hours": 72, **more})


def test_usage_that_comes_within_the_grace_time_is_on_the_regular_line() -> None:
    """100 by the boundary, 20 in the three days after it, 10 after the invoice: 60.00, and 5.00 with the next."""
    used = [
        Used("2026-01-15", "100"),
        Used("2026-01-31", "20", told="2026-02-03T23:00:00"),
        Used("2026-01-31", "10", told="2026-02-04T00:00:01"),
    ]
    told = account(agreed(CALLS), "2026-03-31", used=used)
    assert told.totals == [("2026-02-04", "60.00"), ("2026-03-04", "5.00")]
    assert told.lines(0) == [("calls", "usage", "60.00")]
    assert told.lines(1) == [("calls", "adjustment", "5.00")]
    assert told.revenue == {"2026-01": "65.00"}


def test_the_whole_document_waits_and_bills_the_same_periods() -> None:
    told = account(agreed(FEE, CALLS), "2026-02-28", used=[Used("2026-01-15", "100")])
    assert told.totals == [("2026-01-01", "28.00"), ("2026-02-04", "78.00")]
    document = told.documents[1]
    assert (str(document.issued_on), str(document.due_on)) == ("2026-02-04", "2026-02-04")
    assert [(str(one.starts_on), str(one.ends_on)) for one in document.lines] == [
        ("2026-02-01", "2026-03-01"),
        ("2026-01-01", "2026-02-01"),
    ]


def test_what_waits_for_its_document_is_earned_and_unbilled() -> None:
    """On 2 February: 50.00 of January's calls and two days of 28.00 for February."""
    told = account(agreed(FEE, CALLS), "2026-02-02", used=[Used("2026-01-15", "100")])
    assert told.balances("2026-01-31") == {"receivable": "28.00", "unbilled_receivable": "50.00", "revenue": "78.00"}
    assert told.balances("2026-02-02") == {"receivable": "28.00", "unbilled_receivable": "52.00", "revenue": "80.00"}
    whole = account(agreed(FEE, CALLS), "2026-02-28", used=[Used("2026-01-15", "100")])
    assert whole.revenue == {"2026-01": "78.00", "2026-02": "28.00"}
    assert whole.balances("2026-02-28") == {"receivable": "106.00", "revenue": "106.00"}


def test_a_contract_without_a_grace_time_bills_on_its_boundary() -> None:
    told = account(agreed(CALLS, usage_grace_hours=0), "2026-02-28", used=[Used("2026-01-15", "100")])
    assert told.totals == [("2026-02-01", "50.00")]


def test_a_document_without_usage_does_not_wait() -> None:
    told = account(agreed({**CALLS, "every": "quarter"}, FEE), "2026-02-28", used=[Used("2026-01-15", "100")])
    assert told.totals == [("2026-01-01", "28.00"), ("2026-02-01", "28.00")]


def test_a_cancellation_within_the_grace_time_bills_everything_in_its_order() -> None:
    """January's calls and February's fee on the 4th; one day of calls on the 5th, with 27 of 28 days credited."""
    used = [Used("2026-01-15", "100"), Used("2026-02-01", "4", told="2026-02-04T12:00:00")]
    steps = [("2026-02-02", Cancel(when="now", credit="unused"))]
    told = account(agreed(FEE, CALLS), "2026-03-31", steps, used)
    assert told.totals == [("2026-01-01", "28.00"), ("2026-02-04", "78.00"), ("2026-02-05", "-25.00")]
    assert told.lines(2) == [("fee", "credit", "-27.00"), ("calls", "usage", "2.00")]
    assert told.revenue == {"2026-01": "78.00", "2026-02": "3.00"}
    assert told.balances("2026-02-28") == {"receivable": "81.00", "revenue": "81.00"}


def test_a_change_within_the_grace_time_does_not_overtake_what_waits() -> None:
    """From 15 February on 56.00 a month for 14 of 28 days: its document follows the one that billed the month."""
    steps = [("2026-02-03", change("fee", price=flat("56.00"), effective="2026-02-03"))]
    told = account(agreed(FEE, CALLS), "2026-02-28", steps, [Used("2026-01-15", "100")])
    assert told.totals == [("2026-01-01", "28.00"), ("2026-02-04", "78.00"), ("2026-02-04", "26.00")]
    assert told.lines(2) == [("fee", "credit", "-26.00"), ("fee", "charge", "52.00")]
    assert told.revenue == {"2026-01": "78.00", "2026-02": "54.00"}


def test_a_backdated_price_within_the_grace_time_is_rated_after_the_period_was_billed() -> None:
    steps = [("2026-02-02", change("calls", price=per_unit("1.00"), effective="2026-01-16"))]
    used = [Used("2026-01-10", "10"), Used("2026-01-20", "20", told="2026-02-03")]
    told = account(agreed(CALLS), "2026-02-28", steps, used)
    assert told.totals == [("2026-02-04", "15.00"), ("2026-02-04", "10.00")]
    assert told.revenue == {"2026-01": "25.00"}


def test_a_pause_within_the_grace_time_credits_after_the_charge() -> None:
    steps: Steps = [("2026-02-02", Pause()), ("2026-02-15", Resume())]
    told = account(agreed(FEE, CALLS), "2026-02-28", steps, [Used("2026-01-15", "100")])
    assert told.totals == [
        ("2026-01-01", "28.00"),
        ("2026-02-04", "78.00"),
        ("2026-02-04", "-27.00"),
        ("2026-02-15", "14.00"),
    ]
    assert told.revenue == {"2026-01": "78.00", "2026-02": "15.00"}


def test_periods_shorter_than_the_grace_time_wait_side_by_side() -> None:
    daily = {**CALLS, "every": "day"}
    used = [Used("2026-01-01", "2"), Used("2026-01-02", "4"), Used("2026-01-03", "6", told="2026-01-06T12:00:00")]
    told = account(agreed(daily), "2026-01-07", used=used)
    assert told.totals == [("2026-01-05", "1.00"), ("2026-01-06", "2.00"), ("2026-01-07", "3.00")]


def test_the_last_document_waits_and_the_contract_is_over_meanwhile() -> None:
    state = _state(agreed(CALLS, term={"months": 1}), "2026-02-01")
    assert (state.status, state.over, state.ended) == ("expired", True, False)
    assert next_due(state) == Due(date(2026, 2, 4), datetime(2026, 2, 4, tzinfo=UTC), "issue")
    state = _state(agreed(CALLS, term={"months": 1}), "2026-02-04")
    assert state.ended and next_due(state) is None


def test_whole_days_of_grace_are_days_of_the_contracts_zone() -> None:
    """Paris puts its clocks forward on 29 March: 24 hours after midnight would be one o'clock of the 30th."""
    paris = agreed(CALLS, timezone="Europe/Paris", usage_grace_hours=30, anchor_day=29, start="2026-02-28")
    state = _state(paris, "2026-03-29", decisions=2)
    assert [one.issues_at.isoformat() for one in state.waiting] == ["2026-03-30T04:00:00+00:00"]
    assert on_the_clock(datetime(2026, 3, 28, 12, tzinfo=UTC), 1, "Europe/Paris").hour == 11


def test_usage_of_a_trial_stays_free_and_nothing_waits() -> None:
    told = account(
        agreed(CALLS, trial_days=31), "2026-03-10", used=[Used("2026-01-15", "100"), Used("2026-02-10", "6")]
    )
    assert told.totals == [("2026-03-04", "3.00")]


def test_commitments_and_credits_follow_with_the_document() -> None:
    """50.00 of a month's 80.00 were used; 20.00 of prepaid credits pay for what was used."""
    offers: dict[str, Any] = {
        "commitments": [{"id": "least", "amount": "80.00", "lines": ["calls"], "every": "month"}],
        "credits": [{"id": "prepaid", "paid": "20.00", "grants": "20.00"}],
        "term": {"months": 1},
    }
    told = account(agreed(CALLS, **offers), "2026-02-28", used=[Used("2026-01-15", "100")])
    assert told.totals == [("2026-01-01", "20.00"), ("2026-02-04", "60.00")]
    assert told.lines(1) == [("calls", "usage", "50.00"), ("least", "true_up", "30.00"), ("prepaid", "drawn", "-20.00")]
    assert told.balances("2026-02-28") == {"receivable": "80.00", "revenue": "80.00"}


def test_late_usage_of_a_contract_that_is_over_is_billed_on_a_closing_invoice() -> None:
    """Expired on 1 February: 10 calls came on the 20th, within 30 days; those of 4 March never are billed."""
    used = [
        Used("2026-01-15", "100"),
        Used("2026-01-20", "10", told="2026-02-20"),
        Used("2026-01-21", "8", told="2026-03-04"),
    ]
    ends = agreed(CALLS, term={"months": 1}, usage_grace_hours=0, late_usage_days=30)
    told = account(ends, "2026-04-30", used=used)
    assert told.totals == [("2026-02-01", "50.00"), ("2026-03-03", "5.00")]
    assert told.lines(1) == [("calls", "adjustment", "5.00")]
    assert told.revenue == {"2026-01": "55.00"}


def test_nothing_late_makes_no_closing_invoice() -> None:
    ends = agreed(CALLS, term={"months": 1}, late_usage_days=30)
    told = account(ends, "2026-04-30", used=[Used("2026-01-15", "100")])
    assert told.totals == [("2026-02-04", "50.00")]


def test_a_cancelled_contract_bills_what_came_late_too() -> None:
    steps = [("2026-01-21", Cancel(when="now", credit="none"))]
    used = [Used("2026-01-15", "100"), Used("2026-01-20", "10", told="2026-02-01")]
    told = account(agreed(CALLS, usage_grace_hours=0, late_usage_days=14), "2026-03-31", steps, used)
    assert told.totals == [("2026-01-21", "50.00"), ("2026-02-04", "5.00")]


def test_a_contract_that_is_taken_up_again_has_no_closing_invoice() -> None:
    steps: Steps = [("2026-01-21", Cancel(when="now", credit="none")), ("2026-01-25", Reactivate())]
    used = [Used("2026-01-15", "100"), Used("2026-01-20", "10", told="2026-01-26")]
    both = agreed(CALLS, usage_grace_hours=0, late_usage_days=14, reactivation_days=30)
    told = account(both, "2026-02-28", steps, used)
    assert told.totals == [("2026-01-21", "50.00"), ("2026-02-01", "5.00")]


def test_the_closing_invoice_must_come_after_the_last_regular_one() -> None:
    with pytest.raises(ValidationError, match="late_usage_days: the closing invoice must come after"):
        agreed(CALLS, late_usage_days=3)
    assert agreed(CALLS, late_usage_days=4).late_usage_days == 4


def _state(agreed: Terms, until: str, decisions: int = 99) -> ContractState:
    """The state after all that is due by that day."""
    state = sign("con_1", "cus_1", agreed)
    for _ in range(decisions):
        due = next_due(state)
        if due is None or str(due.on) > until:
            break
        state = decide(state, Wake(), due.at).state
    return state
