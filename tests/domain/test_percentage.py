"""Prices that take a share of what events are worth."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.percentage import tally
from domain.prices import Percentage, Price, reads_events
from domain.rating import Rated, Step, Usage, rate

PRICE: TypeAdapter[Price] = TypeAdapter(Price)
BANDS = [
    {"up_to": 10, "rate": "1", "flat": "200"},
    {"up_to": 20, "rate": "2", "flat": "300"},
    {"up_to": None, "rate": "3", "flat": "400"},
]


def rated(*events: str, **price: Any) -> Rated:
    values = tuple(map(Decimal, events))
    return rate(PRICE.validate_python(price), Usage(sum(values, Decimal(0)), events=values))


def percent(*events: str, **price: Any) -> Decimal:
    return rated(*events, model="percentage", **price).amount


@pytest.mark.parametrize(
    ("events", "price", "amount"),
    [
        (["100", "150", "250", "300"], {"rate": "1.3", "fixed": "2.00"}, "18.40"),
        (["100", "150", "250", "300"], {"rate": "1.3", "fixed": "2.00", "free_amount": "250"}, "11.15"),
        # 50 of the third event are free: 1.3 % of 500 and two fixed amounts.
        (["100", "150", "250", "300"], {"rate": "1.3", "fixed": "2.00", "free_amount": "300"}, "10.50"),
        (["100", "150", "250", "300"], {"rate": "1.3", "fixed": "2.00", "free_amount": "800"}, "0"),
        (["100", "150", "250", "300"], {"rate": "1.3", "fixed": "2.00", "free_events": 3}, "5.90"),
        (["100", "150", "250", "300"], {"rate": "1.3", "fixed": "2.00", "free_events": 9}, "0"),
        # The first event is free as an event; the free amount takes 200 of the others.
        (["100", "150", "250", "300"], {"rate": "1", "free_events": 1, "free_amount": "200"}, "5.00"),
        (["10", "80", "10000"], {"rate": "2.99", "min_per_event": "1.75", "max_per_event": "12.00"}, "16.142"),
        (["50"], {"rate": "1", "fixed": "4", "max_per_event": "4.25"}, "4.25"),
        (["50"], {"rate": "1", "fixed": "4", "min_per_event": "4.75"}, "4.75"),
        (["0", "0"], {"rate": "2.9", "fixed": "0.30"}, "0.60"),
        (["0"], {"rate": "2.9", "fixed": "0.30", "free_amount": "1"}, "0"),
        (["100"], {"rate": "1000"}, "1000"),
        ([], {"rate": "2.9", "fixed": "0.30", "min_per_event": "1"}, "0"),
        ([], {"rate": "2.9", "minimum": "25"}, "25"),
        (["100", "100"], {"rate": "2.9", "maximum": "5"}, "5"),
    ],
)
def test_events_cost_their_percentage(events: list[str], price: dict[str, Any], amount: str) -> None:
    assert percent(*events, **price) == Decimal(amount)


def test_a_bound_holds_what_a_partly_free_event_still_pays() -> None:
    """10 of 100 are left to pay: 0.10 is lifted to 0.50."""
    assert percent("100", rate="1", free_amount="90", min_per_event="0.50") == Decimal("0.50")


def test_a_refund_pays_its_rate_back_and_restores_no_allowance() -> None:
    """2.9 % of -100 and the fixed 0.30; while an allowance lasts, a refund costs nothing."""
    assert percent("-100", rate="2.9", fixed="0.30") == Decimal("-2.60")
    assert percent("-100", rate="2.9", fixed="0.30", min_per_event="0.05") == Decimal("0.05")
    assert percent("60", "-60", "100", rate="1", free_amount="100") == Decimal("0.60")


def test_included_units_come_off_before_free_events_are_counted() -> None:
    """30 of 50 are included, so the event pays on 20; where all of it is, it is no event and the next one is free."""
    assert percent("50", rate="2", fixed="0.30", included="30") == Decimal("0.70")
    assert percent("50", "20", "100", rate="2", included="50", free_events=1) == Decimal("2.00")


def test_a_person_can_follow_a_percentage() -> None:
    """50 included; 20 free as an event; 70 and 30 of the 80 free; 2 % of 50 and of 200."""
    allowances = {"included": "50", "free_events": 1, "free_amount": "100"}
    found = rated("50", "20", "70", "80", "200", model="percentage", rate="2", fixed="0.30", **allowances)
    assert found.amount == Decimal("5.60")
    assert found.steps == (
        Step("included, all of 1 event", Decimal(50), Decimal(0), Decimal(0)),
        Step("free events, worth 20", Decimal(1), Decimal(0), Decimal(0)),
        Step("free amount, all of 1 event", Decimal(100), Decimal(0), Decimal(0)),
        Step("2 % of 250 in 2 events", Decimal(250), Decimal("0.02"), Decimal("5.00")),
        Step("fixed per event", Decimal(2), Decimal("0.30"), Decimal("0.60")),
    )
    held = rated("10", "80", "10000", model="percentage", rate="2.99", min_per_event="1.75", max_per_event="12.00")
    assert held.steps == (
        Step("2.99 % of 80 in 1 event", Decimal(80), Decimal("0.0299"), Decimal("2.392")),
        Step("events at the minimum, worth 10", Decimal(1), Decimal("1.75"), Decimal("1.75")),
        Step("events at the maximum, worth 10,000", Decimal(1), Decimal("12.00"), Decimal("12.00")),
    )


@given(
    st.lists(st.decimals(-50, 500, places=2), max_size=12),
    st.decimals(0, 300, places=1),
    st.integers(0, 3),
    st.decimals(0, 300, places=1),
)
def test_the_classes_hold_every_event_once_and_all_that_was_used(
    events: list[Decimal], included: Decimal, free_events: int, free_amount: Decimal
) -> None:
    stated = {"included": included, "free_events": free_events, "free_amount": free_amount}
    bounds = {"min_per_event": "1.00", "max_per_event": "6.00"}
    price = PRICE.validate_python({"model": "percentage", "rate": "2", "fixed": "0.30", **stated, **bounds})
    assert isinstance(price, Percentage)
    found = tally(price, tuple(events))
    counted = found.included_events + found.free_events + found.covered_events + found.paying_events
    assert counted + found.events_at_minimum + found.events_at_maximum == len(events)
    worth = found.free_events_value + found.paying + found.value_at_minimum + found.value_at_maximum
    if all(value >= 0 for value in events):
        assert found.included + worth + found.free == sum(events)
    steps = rate(price, Usage(sum(events, Decimal(0)), events=tuple(events))).steps if events else ()
    assert all(step.amount == (step.quantity or 0) * (step.unit_price or 0) for step in steps)


def test_a_thousand_events_make_no_more_steps_than_one() -> None:
    price = {"rate": "1", "fixed": "0.10", "min_per_event": "0.25", "max_per_event": "0.50", "free_events": 10}
    assert len(rated(*map(str, range(1000)), model="percentage", **price).steps) == 5


def test_only_a_percentage_looks_at_each_event_and_says_when_they_are_missing() -> None:
    price = PRICE.validate_python({"model": "percentage", "rate": "1"})
    assert reads_events(price)
    with pytest.raises(ValueError, match="needs its usage event by event"):
        rate(price, Usage(Decimal(1)))
    for other in (
        {"model": "dynamic"},
        {"model": "flat", "amount": 1},
        {"model": "graduated_percentage", "tiers": BANDS},
    ):
        assert not reads_events(PRICE.validate_python(other))


@pytest.mark.parametrize(
    ("total", "more", "amount"),
    [
        ("0", {}, "200"),
        ("10", {}, "200.10"),
        ("11", {}, "500.12"),
        # 0.10 + 0.20 + 3 % of 5 and the three flats.
        ("25", {}, "900.45"),
        ("25", {"included": "5"}, "500.30"),
        ("25", {"maximum": "600"}, "600"),
        ("-100", {}, "199"),
    ],
)
def test_percentages_in_tiers_are_graduated_over_the_sum(total: str, more: dict[str, Any], amount: str) -> None:
    price = PRICE.validate_python({"model": "graduated_percentage", "tiers": BANDS, **more})
    assert rate(price, Usage(Decimal(total))).amount == Decimal(amount)


def test_a_person_can_follow_percentages_in_tiers() -> None:
    price = PRICE.validate_python(
        {"model": "graduated_percentage", "tiers": [*BANDS[:1], {"up_to": None, "rate": "2.5"}]}
    )
    assert rate(price, Usage(Decimal(30))).steps == (
        Step("1 %, up to 10", Decimal(10), Decimal("0.01"), Decimal("0.10")),
        Step("up to 10, flat", None, None, Decimal(200)),
        Step("2.5 %, above 10", Decimal(20), Decimal("0.025"), Decimal("0.500")),
    )


def test_a_dynamic_price_is_the_sum_of_the_amounts() -> None:
    assert rated("0.134", "0.134", "0.134", model="dynamic").amount == Decimal("0.402")
    assert rated("5", "-8.10", model="dynamic").amount == Decimal("-3.10")
    assert rated(model="dynamic").amount == 0
    assert rated("5", "8", model="dynamic", included="3").steps == (
        Step("included", Decimal(3), Decimal(0), Decimal(0)),
        Step("amounts of the events", None, None, Decimal(10)),
    )


VALUES = st.lists(st.decimals(-1000, 10**6, places=3), max_size=30)
CENTS = st.integers(0, 500)


@st.composite
def percentages(draw: st.DrawFn) -> dict[str, Any]:
    least = draw(CENTS)
    return {
        "rate": Decimal(draw(st.integers(0, 5000))) / 100,
        "fixed": draw(CENTS),
        "free_events": draw(st.integers(0, 5)),
        "free_amount": draw(st.sampled_from([0, 1, 500, 10**6])),
        "min_per_event": draw(st.sampled_from([None, least])),
        "max_per_event": draw(st.sampled_from([None, least + draw(CENTS)])),
    }


def one_by_one(price: dict[str, Any], values: list[Decimal]) -> Fraction:
    """The rule as the price list states it, event by event in exact fractions."""
    total, free = Fraction(0), Fraction(price["free_amount"])
    for position, value in enumerate(map(Fraction, values)):
        covered = min(free, max(value, Fraction(0)))
        if position < price["free_events"] or (free and value <= free):
            free -= 0 if position < price["free_events"] else covered
            continue
        free -= covered
        cost = (value - covered) * Fraction(price["rate"]) / 100 + price["fixed"]
        cost = max(cost, price["min_per_event"]) if price["min_per_event"] is not None else cost
        total += min(cost, price["max_per_event"]) if price["max_per_event"] is not None else cost
    return total


@given(percentages(), VALUES)
def test_classes_of_events_cost_what_the_events_cost_one_by_one(price: dict[str, Any], values: list[Decimal]) -> None:
    found = rated(*(f"{value:f}" for value in values), model="percentage", **price)
    assert found.amount == one_by_one(price, values)
    assert sum((Fraction(step.amount) for step in found.steps), Fraction(0)) == found.amount
    assert len(found.steps) <= 6
