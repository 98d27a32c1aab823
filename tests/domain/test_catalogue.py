from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.catalogue import (
    Changed,
    Differences,
    PlanRef,
    PlanTerms,
    TermsOnPlan,
    agreed,
    differences,
    moved,
    resolve,
)
from domain.errors import DomainError
from domain.line import Line
from domain.offers import PlanVersion

SEATS = {
    "id": "seats",
    "price": {"model": "per_unit", "amount": "20.00"},
    "quantity": "5",
    "every": "month",
    "bill": "advance",
}
CALLS = {
    "id": "calls",
    "price": {"model": "per_unit", "amount": "0.01"},
    "meter": "api_calls",
    "every": "month",
    "bill": "arrears",
}
SETUP = {"id": "setup", "price": {"model": "flat", "amount": "500.00"}, "every": "once", "bill": "advance"}
METER = {"id": "api_calls", "aggregate": "sum"}
THIRD = PlanVersion(id="pro", version=3)


def plan(**changes: Any) -> PlanTerms:
    stated = {"currency": "USD", "lines": [SEATS, CALLS, SETUP], "meters": [METER], **changes}
    return PlanTerms.model_validate(stated)


def ref(**changes: Any) -> PlanRef:
    return PlanRef.model_validate({"id": "pro", **changes})


def on_plan(**changes: Any) -> TermsOnPlan:
    return TermsOnPlan.model_validate({"start": "2026-01-01", **changes})


def line(**changes: Any) -> Line:
    return Line.model_validate({**SEATS, **changes})


def per_unit(amount: str) -> dict[str, str]:
    return {"model": "per_unit", "amount": amount}


# What a plan may say.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"meters": []}, "line calls: meter: 'api_calls' is not among meters"),
        ({"lines": [SEATS, SEATS]}, "lines: seats appears more than once"),
        ({"lines": []}, "expected at least 1 entry"),
        ({"currency": "XXX"}, "unknown currency"),
        (
            {"currency": "JPY", "lines": [{**SETUP, "price": {"model": "flat", "amount": "500.50"}}]},
            "line setup: price.amount: 500.50 has more than the 0 decimals of JPY",
        ),
        ({"trial_days": -1}, "trial_days"),
        ({"start": "2026-01-01"}, "start"),
    ],
)
def test_a_plan_that_could_make_no_contract_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        plan(**changes)


def test_a_line_of_a_plan_may_name_taxes_and_need_a_term_that_only_contracts_have() -> None:
    offered = plan(lines=[{**SEATS, "tax": ["VAT"], "recognize": "with_contract"}])
    stated = on_plan(tax=[{"name": "VAT", "rate": "20"}], term={"months": 6})
    assert agreed(THIRD, offered, ref(), stated).line("seats").tax == ("VAT",)
    with pytest.raises(ValidationError, match="VAT is not among the taxes"):
        agreed(THIRD, offered, ref(), on_plan(term={"months": 6}))
    with pytest.raises(ValidationError, match="with_contract needs a term"):
        agreed(THIRD, offered, ref(), on_plan(tax=[{"name": "VAT", "rate": "20"}]))


def test_a_plan_reads_from_what_it_is_stored_as() -> None:
    offered = plan(term={"months": 12, "renew": "auto"}, proration="30_360", lines=[{**SEATS, "every": {"months": 6}}])
    assert PlanTerms.model_validate(offered.model_dump(mode="json")) == offered


# What a contract takes of it.


def test_without_overrides_a_contract_takes_the_lines_as_they_are() -> None:
    assert resolve(plan(), ref()) == (plan().lines, plan().meters)


def test_a_contract_may_have_other_prices_and_quantities() -> None:
    taken = resolve(plan(), ref(overrides={"seats": {"price": per_unit("18.00")}, "setup": {"quantity": "2"}})).lines
    assert [one.id for one in taken] == ["seats", "calls", "setup"]
    assert (taken[0], taken[1]) == (line(price=per_unit("18.00")), plan().lines[1])
    assert taken[2].quantity == Decimal(2)


def test_a_contract_may_leave_lines_out() -> None:
    assert [one.id for one in resolve(plan(), ref(without=["setup", "calls"])).lines] == ["seats"]


@pytest.mark.parametrize(
    ("changes", "message", "field"),
    [
        (
            {"overrides": {"seat": {"quantity": 2}}},
            "overrides: there is no line 'seat'; did you mean 'seats'?",
            "/plan/overrides/seat",
        ),
        (
            {"without": ["calls", "departures"]},
            "without: there is no line 'departures'; there are seats, calls, setup",
            "/plan/without/1",
        ),
        ({"without": ["calls", "seats", "setup"]}, "without: no line of the plan is left", "/plan/without"),
        (
            {"overrides": {"calls": {"quantity": 2}}},
            "line calls: quantity: a metered line takes its quantity from usage",
            "/plan/overrides/calls",
        ),
    ],
)
def test_what_does_not_fit_the_plan_is_named(changes: dict[str, Any], message: str, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        resolve(plan(), ref(**changes))
    assert (refused.value.message, refused.value.field) == (message, field)


@pytest.mark.parametrize(
    "changes",
    [
        {"overrides": {"seats": {"quantity": 2}}, "without": ["seats"]},
        {"overrides": {"seats": {}}},
        {"version": 0},
    ],
)
def test_a_reference_that_contradicts_itself_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ref(**changes)


# The terms of a contract.


def test_a_contract_says_from_which_version_its_lines_are() -> None:
    terms = agreed(THIRD, plan(), ref(), on_plan())
    assert (terms.plan, terms.currency, terms.start) == (THIRD, "USD", date(2026, 1, 1))
    assert (terms.lines, terms.meters) == (plan().lines, plan().meters)


def test_what_the_contract_states_comes_before_what_the_plan_says() -> None:
    offered = plan(term={"months": 12}, trial_days=14, anchor_day=1, payment_terms_days=30, proration="second")
    terms = agreed(THIRD, offered, ref(), on_plan(trial_days=0, term=None, payment_terms_days=10))
    assert (terms.trial_days, terms.term, terms.payment_terms_days) == (0, None, 10)
    assert (terms.anchor_day, terms.proration) == (1, "second")


def test_a_contract_may_have_lines_beside_those_of_the_plan() -> None:
    extra = {**SETUP, "id": "training"}
    assert [one.id for one in agreed(THIRD, plan(), ref(), on_plan(lines=[extra])).lines] == [
        *("seats", "calls", "setup"),
        "training",
    ]
    with pytest.raises(ValidationError, match="lines: setup appears more than once"):
        agreed(THIRD, plan(), ref(), on_plan(lines=[SETUP]))


def test_a_contract_may_speak_of_the_lines_of_its_plan() -> None:
    phases = [{"from": "2026-07-01", "lines": {"seats": {"quantity": "8"}}}]
    assert agreed(THIRD, plan(), ref(), on_plan(phases=phases)).phases[0].lines["seats"].quantity == Decimal(8)
    with pytest.raises(ValidationError, match="'setup' is not among lines"):
        phases = [{"from": "2026-07-01", "lines": {"setup": {"quantity": "8"}}}]
        agreed(THIRD, plan(), ref(without=["setup"]), on_plan(phases=phases))


def test_a_contract_in_another_currency_than_its_plan_is_refused() -> None:
    assert agreed(THIRD, plan(), ref(), on_plan(currency="USD")).currency == "USD"
    with pytest.raises(DomainError, match="currency: EUR is not that of the plan, which is sold in USD"):
        agreed(THIRD, plan(), ref(), on_plan(currency="EUR"))


def test_the_plan_does_not_stand_among_the_terms() -> None:
    with pytest.raises(ValidationError, match="name the plan beside the terms"):
        on_plan(plan={"id": "pro", "version": 3})


# From one version to another.


def test_the_same_lines_in_another_order_are_no_difference() -> None:
    assert differences(plan().lines, reversed(plan().lines)) == Differences()


def test_differences_say_what_comes_what_goes_and_what_is_other() -> None:
    dearer = line(price=per_unit("22.00"), quantity="6")
    training = Line.model_validate({**SETUP, "id": "training"})
    found = differences(plan().lines, [dearer, training, plan().lines[1]])
    assert (found.added, found.removed) == ((training,), (plan().lines[2],))
    assert found.changed == (Changed(before=line(), after=dearer),)
    assert found.changed[0].fields == ("price", "quantity")


def test_a_contract_that_has_the_old_version_as_it_is_gets_the_new_one_as_it_is() -> None:
    target = plan(lines=[{**SEATS, "price": per_unit("22.00")}, CALLS]).lines
    assert moved(plan().lines, plan().lines, target) == target


def test_what_was_agreed_on_otherwise_stays_in_the_new_version() -> None:
    """The price of 18.00 and the 25 seats are the contract's; the bill in arrears is the new version's."""
    target = plan(lines=[{**SEATS, "price": per_unit("22.00"), "bill": "arrears"}, CALLS, SETUP]).lines
    mine = (line(price=per_unit("18.00"), quantity="25"), plan().lines[1])
    assert moved(mine, plan().lines, target) == (
        line(price=per_unit("18.00"), quantity="25", bill="arrears"),
        plan().lines[1],
    )
    more = (line(quantity="25"), *plan().lines[1:])
    assert moved(more, plan().lines, target)[0] == line(price=per_unit("22.00"), quantity="25", bill="arrears")


def test_lines_of_the_contracts_own_stay() -> None:
    training = Line.model_validate({**SETUP, "id": "training"})
    assert moved((*plan().lines, training), plan().lines, plan().lines[:1]) == (plan().lines[0], training)
    with pytest.raises(DomainError, match="training is the contract's own"):
        moved((*plan().lines, training), plan().lines, (*plan().lines, training))


lines = st.sets(st.sampled_from("abcde"), min_size=1).flatmap(
    lambda names: st.tuples(*(st.builds(_line, st.just(name), st.integers(1, 3)) for name in sorted(names)))
)


def _line(name: str, quantity: int) -> Line:
    return line(id=name, quantity=quantity)


@given(lines, lines)
def test_differences_lead_from_one_set_of_lines_to_the_other(before: tuple[Line, ...], after: tuple[Line, ...]) -> None:
    found = differences(before, after)
    gone = {one.id for one in (*found.removed, *(changed.before for changed in found.changed))}
    come = (*found.added, *(changed.after for changed in found.changed))
    kept = tuple(one for one in before if one.id not in gone)
    assert sorted((*kept, *come), key=lambda one: one.id) == list(after)
    assert differences(after, before).added == found.removed


@given(lines, lines)
def test_a_contract_on_a_version_as_it_is_moves_to_the_other_as_it_is(
    base: tuple[Line, ...], target: tuple[Line, ...]
) -> None:
    assert moved(base, base, target) == target
