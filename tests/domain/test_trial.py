"""Trials: nothing is billed while they run, and billing starts on the day on which they end."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from domain.commands import Cancel, ChangeType, EndTrial, ExtendTrial, Pause, PaymentMethodAdded, Wake
from domain.contract import decide
from domain.due import next_due
from domain.errors import RefusedChange
from domain.prices import Flat
from domain.state import ContractState, Due
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


@pytest.mark.parametrize(
    ("agreed", "field"),
    [
        ({"without_payment_method": "pause"}, "give trial_days"),
        (
            {"without_payment_method": "cancel", "trial_days": 14, "pays": "on_invoice"},
            "who pays on_invoice needs none",
        ),
    ],
)
def test_a_payment_method_is_only_asked_for_where_there_is_a_trial_and_a_charge(
    agreed: dict[str, object], field: str
) -> None:
    with pytest.raises(ValueError, match=f"without_payment_method: .*{field}"):
        terms(PLAN, start="2026-01-01", **agreed)


def awaiting(**more: object) -> ContractState:
    """A contract whose trial ended on 15 January with nothing to charge."""
    agreed = terms(PLAN, start="2026-01-01", trial_days=14, without_payment_method="pause", **more)
    state = run(agreed, "2026-01-14").state
    return decide(state, Wake(payable=False), datetime(2026, 1, 15, tzinfo=UTC)).state


def test_a_contract_that_waits_for_a_payment_method_sleeps_until_there_is_one() -> None:
    state = awaiting()
    assert (state.status, state.awaits_payment_method, next_due(state)) == ("paused", True, None)
    taken_up = decide(state, PaymentMethodAdded(), datetime(2026, 1, 20, 15, tzinfo=UTC)).state
    due = next_due(taken_up)
    assert due is not None and (taken_up.status, due.on, due.reason) == ("trialing", date(2026, 1, 20), "start")
    decision = decide(taken_up, Wake(payable=False), due.at)
    assert decision.bill is not None and (decision.bill.on, decision.state.status) == (date(2026, 1, 20), "active")


def test_a_payment_method_that_comes_twice_or_early_changes_nothing() -> None:
    at = datetime(2026, 1, 20, 15, tzinfo=UTC)
    taken_up = decide(awaiting(), PaymentMethodAdded(), at).state
    for state in (taken_up, run(terms(PLAN, start="2026-01-01", trial_days=14), "2026-01-10").state):
        with pytest.raises(RefusedChange, match="does not wait for a payment method"):
            decide(state, PaymentMethodAdded(), at)


def test_changes_of_a_contract_that_waits_cost_nothing_by_themselves() -> None:
    at = datetime(2026, 1, 18, tzinfo=UTC)
    changed = decide(awaiting(), change("plan", price=flat("80.00")), at)
    assert (changed.bill, changed.state.awaits_payment_method) == (None, True)
    added = decide(changed.state, PaymentMethodAdded(), at).state
    started = decide(added, Wake(), at)
    assert started.bill is not None and [item.price for item in started.bill.items] == [
        Flat(model="flat", amount=Decimal("80.00"))
    ]


def test_the_term_counts_from_the_day_of_the_payment_method() -> None:
    state = awaiting(term={"months": 12})
    assert next_due(state) == Due(date(2027, 1, 15), datetime(2027, 1, 15, tzinfo=UTC), "end")
    taken_up = decide(state, PaymentMethodAdded(), datetime(2026, 3, 31, 9, tzinfo=UTC)).state
    assert taken_up.term_ends_on == date(2027, 3, 31)


def test_a_contract_that_waits_is_not_paused_for_a_second_time() -> None:
    with pytest.raises(RefusedChange, match="only a running one can be paused"):
        decide(awaiting(), Pause(), datetime(2026, 1, 18, tzinfo=UTC))


def test_a_contract_that_ends_with_its_trial_is_not_asked_for_a_payment_method() -> None:
    steps = [("2026-01-10", Cancel(when="date", on=date(2026, 1, 15)))]
    agreed = terms(PLAN, start="2026-01-01", trial_days=14, without_payment_method="pause")
    assert run(agreed, "2026-02-15", steps).state.status == "cancelled"
