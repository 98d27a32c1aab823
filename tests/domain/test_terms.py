"""Terms that contradict themselves are refused, and the error names the field."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from domain.terms import Line, Terms

SEATS = {"id": "seats", "price": {"model": "per_unit", "amount": "20.00"}, "every": "month", "bill": "advance"}
CALLS = {
    "id": "calls",
    "price": {"model": "per_unit", "amount": "0.01"},
    "meter": "calls",
    "every": "month",
    "bill": "arrears",
}
STATED = {
    "currency": "USD",
    "start": "2026-01-01",
    "meters": [{"id": "calls", "aggregate": "sum"}],
    "lines": [SEATS, CALLS],
}
OPEN = {"up_to": None, "unit": "1.00"}
MATRIX = {"model": "matrix", "cells": [{"when": {"region": "eu"}, "unit": "1.00"}]}


def stated(**changes: Any) -> dict[str, Any]:
    return {**STATED, **changes}


def seats(**changes: Any) -> dict[str, Any]:
    return stated(lines=[{**SEATS, **changes}])


def calls(**changes: Any) -> dict[str, Any]:
    return stated(lines=[{**CALLS, **changes}])


def flat(amount: object) -> dict[str, object]:
    return {"model": "flat", "amount": amount}


def errors(given: dict[str, Any]) -> list[str]:
    """Where and why these terms are refused."""
    with pytest.raises(ValidationError) as refused:
        Terms.model_validate(given)
    return [f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in refused.value.errors()]


def test_terms_say_what_they_leave_open() -> None:
    agreed = Terms.model_validate(STATED)
    assert (agreed.timezone, agreed.term, agreed.anchor_day, agreed.payment_terms_days) == ("UTC", None, None, 0)
    assert agreed.dunning.retry_after_days == (1, 3, 5, 7)
    assert (agreed.line("seats").units, agreed.line("seats").pattern) == (Decimal(1), "daily")
    assert agreed.line("calls").pattern == "as_used"
    assert (agreed.meter("calls").event_name, agreed.meter("calls").reads) == ("calls", "value")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (stated(currency="usd"), "currency: Value error, unknown currency 'usd'"),
        (stated(currency="XAU"), "currency: Value error, unknown currency 'XAU'"),
        (stated(timezone="Europe/Atlantis"), "timezone: Value error, unknown time zone 'Europe/Atlantis'"),
        (stated(start="2026-02-29"), "start: Input should be a valid date"),
        (stated(start="9999-12-31"), "start: Input should be less than 2200-01-01"),
        (stated(start="0001-01-01"), "start: Input should be greater than or equal to 1970-01-01"),
        (stated(term={"months": 0}), "term.months: Input should be greater than or equal to 1"),
        (stated(term={"months": 12, "renew": "maybe"}), "term.renew: Input should be 'none' or 'auto'"),
        (stated(anchor_day=32), "anchor_day: Input should be less than or equal to 31"),
        (stated(anchor_day=0), "anchor_day: Input should be greater than or equal to 1"),
        (stated(payment_terms_days=-1), "payment_terms_days: Input should be greater than or equal to 0"),
        (stated(lines=[]), "lines: Value error, expected at least 1 entry"),
        (stated(lines=[SEATS, SEATS]), ": Value error, lines: seats appears more than once"),
        (stated(meters=STATED["meters"] * 2), ": Value error, meters: calls appears more than once"),  # type: ignore[operator]
        (stated(tax=[{"name": "VAT", "rate": 1}] * 2), ": Value error, tax: VAT appears more than once"),
        (stated(tax=[{"name": "VAT", "rate": 2000}]), ": Value error, tax VAT: rate: 2000 percent is above 1000"),
        (stated(tax=[{"name": "VAT", "rate": "-1"}]), "tax.0.rate: Input should be greater than or equal to 0"),
        (stated(meters=[]), ": Value error, line calls: meter: 'calls' is not among meters []"),
        (stated(meters=[{"id": "a b", "aggregate": "sum"}]), "meters.0.id: String should match pattern"),
        (stated(meters=[{"id": "calls", "aggregate": "most"}]), "meters.0.aggregate: Input should be 'sum'"),
        (
            stated(
                meters=[{"id": "calls", "aggregate": "sum", "round": {"to": 1}}],
                lines=[{**CALLS, "price": {"model": "percentage", "rate": "3"}}],
            ),
            ": Value error, line calls: price: percentage reads single events; its meter may not round",
        ),
        (
            stated(
                meters=[{"id": "calls", "aggregate": "sum", "carry": True}],
                lines=[{**CALLS, "price": {"model": "percentage", "rate": "3"}}],
            ),
            ": Value error, line calls: price: percentage reads single events; its meter may not carry",
        ),
    ],
)
def test_terms_that_contradict_themselves_are_refused(given: dict[str, Any], why: str) -> None:
    [error] = errors(given)
    assert error.startswith(why)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (seats(id="two words"), "lines.0.id: String should match pattern"),
        (seats(price=flat("10.005")), ": Value error, line seats: price.amount: 10.005 has more than the 2 decimals"),
        (
            seats(price={**flat("10"), "minimum": "0.001"}),
            ": Value error, line seats: price.minimum: 0.001 has more than the 2 decimals of USD",
        ),
        (
            seats(price={**flat("10"), "maximum": "99.999"}),
            ": Value error, line seats: price.maximum: 99.999 has more than the 2 decimals of USD",
        ),
        (seats(price=flat(10.5)), "lines.0.price.flat.amount: Value error, a float is not exact"),
        (seats(quantity=1.5), "lines.0.quantity: Value error, a float is not exact"),
        (seats(quantity="-1"), "lines.0.quantity: Input should be greater than or equal to 0"),
        (
            seats(every="fortnight"),
            "lines.0.every: Value error, expected day, week, month, quarter, year, once or a length",
        ),
        (seats(price=MATRIX), "lines.0: Value error, line seats: price: matrix reads events; name a meter"),
        (seats(recognize="as_used"), "lines.0: Value error, line seats: recognize: as_used needs a meter"),
        (
            seats(quantity=11, price={"model": "graduated", "tiers": [{"up_to": 10, "unit": 1}]}),
            ": Value error, line seats: price.tiers: the tiers end at 10, and 11 units have no price",
        ),
        (
            seats(quantity=10**15, price={"model": "per_unit", "amount": "1.00"}),
            ": Value error, line seats: price: 1,000,000,000,000,000.00 USD is more than one line can bill",
        ),
        (seats(price=flat(10**15)), ": Value error, line seats: price: 1,000,000,000,000,000 USD is more than one"),
        (seats(price=flat(-(10**15))), ": Value error, line seats: price: -1,000,000,000,000,000 USD is more than"),
        (calls(bill="advance"), "lines.0: Value error, line calls: bill: usage is billed in arrears"),
        (calls(quantity=1), "lines.0: Value error, line calls: quantity: a metered line takes its quantity from usage"),
        (calls(price=flat("1.00")), "lines.0: Value error, line calls: price: a flat price ignores usage"),
        (
            calls(price={"model": "per_unit", "amount": 1, "minimum": 10**15}),
            ": Value error, line calls: price: 1,000,000,000,000,000 USD is more than one line can bill",
        ),
    ],
)
def test_a_line_that_contradicts_itself_is_refused(given: dict[str, Any], why: str) -> None:
    [error] = errors(given)
    assert error.startswith(why)


@pytest.mark.parametrize(
    "price",
    [
        {"model": "graduated", "tiers": [{"up_to": 10, "unit": "1.00"}]},
        {"model": "volume", "tiers": [{"up_to": 10, "unit": "1.00"}]},
        {"model": "stairstep", "tiers": [{"up_to": 10, "flat": "1.00"}]},
    ],
    ids=lambda price: str(price["model"]),
)
def test_tiers_for_usage_have_no_end_and_those_for_a_quantity_reach_it(price: dict[str, Any]) -> None:
    [error] = errors(calls(price=price))
    assert error.startswith("lines.0: Value error, line calls: price.tiers: usage may go beyond the last tier")
    assert Terms.model_validate(seats(price=price, quantity=10)).line("seats").units == 10


def test_a_unit_price_may_be_finer_than_the_currency() -> None:
    price = {"model": "graduated", "tiers": [{"up_to": 10, "unit": "0.0005"}, OPEN]}
    assert Terms.model_validate(calls(price=price)).line("calls").price.model == "graduated"


@pytest.mark.parametrize("days", [(3, 1), (1, 1), (0,), (366,)])
def test_retries_move_forward_within_a_year(days: tuple[int, ...]) -> None:
    [error] = errors(stated(dunning={"retry_after_days": days}))
    assert error.startswith("dunning")


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (stated(discount="10"), "discount"),
        (seats(qty=1), "lines.0.qty"),
        (seats(price={**flat("1.00"), "unit": 1}), "lines.0.price.flat.unit"),
        (stated(term={"months": 1, "days": 1}), "term.days"),
        (stated(dunning={"retries": 1}), "dunning.retries"),
        (stated(meters=[{"id": "calls", "aggregate": "sum", "unit": "call"}], lines=[CALLS]), "meters.0.unit"),
        (stated(tax=[{"name": "VAT", "rate": 1, "country": "FR"}]), "tax.0.country"),
    ],
)
def test_what_is_not_known_is_refused_and_never_ignored(given: dict[str, Any], path: str) -> None:
    assert errors(given) == [f"{path}: Extra inputs are not permitted"]


def test_terms_never_change() -> None:
    agreed = Terms.model_validate(STATED)
    with pytest.raises(ValidationError, match="frozen"):
        agreed.currency = "EUR"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        agreed.lines[0].quantity = Decimal(2)  # type: ignore[misc]


def test_a_line_is_replaced_by_its_id() -> None:
    agreed = Terms.model_validate(STATED)
    changed = agreed.with_line(Line.model_validate({**SEATS, "quantity": 7}))
    assert [line.id for line in changed.lines] == ["seats", "calls"]
    assert (changed.line("seats").quantity, agreed.line("seats").quantity) == (Decimal(7), None)


@pytest.mark.parametrize("find", [Terms.line, Terms.meter])
def test_what_the_terms_do_not_name_is_not_found(find: Any) -> None:
    with pytest.raises(KeyError, match="desks"):
        find(Terms.model_validate(STATED), "desks")


def test_terms_are_the_same_after_their_way_through_json() -> None:
    agreed = Terms.model_validate(stated(tax=[{"name": "VAT", "rate": "8.25"}], term={"months": 12, "renew": "auto"}))
    assert Terms.model_validate_json(agreed.model_dump_json()) == agreed
