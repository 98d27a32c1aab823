from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.errors import UnpricedUsage
from domain.money import to_minor
from domain.prices import Price
from domain.rating import Group, Rated, Step, Usage, group_by, proportion, rate

PRICE: TypeAdapter[Price] = TypeAdapter(Price)

WITH_FLATS = [
    {"up_to": 10, "unit": "10", "flat": "2"},
    {"up_to": 20, "unit": "5", "flat": "3"},
    {"up_to": None, "unit": "5", "flat": "3"},
]
FLAT_THEN_UNITS = [
    {"up_to": 5, "unit": "0", "flat": "100"},
    {"up_to": 10, "unit": "0", "flat": "50"},
    {"up_to": 15, "unit": "5"},
    {"up_to": None, "unit": "1"},
]
VOLUME = [
    {"up_to": 100, "unit": "2", "flat": "10"},
    {"up_to": 200, "unit": "1"},
    {"up_to": None, "unit": "0.5", "flat": "50"},
]
STAIRS = [{"up_to": 5, "flat": "100"}, {"up_to": 10, "flat": "150"}, {"up_to": None, "flat": "400"}]
CALLS = [{"up_to": 100, "unit": "0.20"}, {"up_to": None, "unit": "0.10"}]
SEATS = [{"up_to": 250000, "unit": "4.50"}, {"up_to": None, "unit": "4.10"}]
ORIGINS = {"EWR": "612.00", "JFK": "703.50", "LGA": "655.25"}


def rated(quantity: str, **price: object) -> Rated:
    return rate(PRICE.validate_python(price), Usage(Decimal(quantity)))


def by_origin(counts: dict[str, str], **more: object) -> Rated:
    cells = [{"when": {"origin": origin}, "unit": unit} for origin, unit in ORIGINS.items()]
    price = PRICE.validate_python({"model": "matrix", "cells": cells, **more})
    groups = tuple(Group({"origin": origin}, Decimal(count)) for origin, count in counts.items())
    return rate(price, Usage(sum((group.quantity for group in groups), Decimal(0)), groups))


@pytest.mark.parametrize(
    ("quantity", "price", "minor"),
    [
        ("7", {"model": "flat", "amount": "49.00"}, 4900),
        ("1", {"model": "flat", "amount": "-10.275"}, -1028),
        ("17.5", {"model": "per_unit", "amount": "0.10"}, 175),
        ("1234567", {"model": "per_unit", "amount": "0.000015"}, 1852),
        ("0", {"model": "per_unit", "amount": "20.00"}, 0),
        ("0", {"model": "graduated", "tiers": WITH_FLATS}, 200),
        ("1", {"model": "graduated", "tiers": WITH_FLATS}, 1200),
        ("10", {"model": "graduated", "tiers": WITH_FLATS}, 10200),
        ("12", {"model": "graduated", "tiers": WITH_FLATS}, 11500),
        ("21", {"model": "graduated", "tiers": WITH_FLATS}, 16300),
        ("22", {"model": "graduated", "tiers": FLAT_THEN_UNITS}, 18200),
        ("250000", {"model": "graduated", "tiers": SEATS}, 112_500_000),
        ("250001", {"model": "graduated", "tiers": SEATS}, 112_500_410),
        ("100", {"model": "volume", "tiers": VOLUME}, 21000),
        ("100.5", {"model": "volume", "tiers": VOLUME}, 10050),
        ("0", {"model": "volume", "tiers": VOLUME}, 1000),
        ("0", {"model": "stairstep", "tiers": STAIRS}, 10000),
        ("5", {"model": "stairstep", "tiers": STAIRS}, 10000),
        ("5.01", {"model": "stairstep", "tiers": STAIRS}, 15000),
        ("11", {"model": "stairstep", "tiers": STAIRS}, 40000),
        ("121", {"model": "package", "size": 10, "amount": "100"}, 130000),
        ("120", {"model": "package", "size": 10, "amount": "100"}, 120000),
        ("0", {"model": "package", "size": 10, "amount": "100"}, 0),
        ("0.3", {"model": "package", "size": "0.1", "amount": "1"}, 300),
        ("23456.5", {"model": "package", "size": 10000, "amount": "125.00"}, 37500),
    ],
)
def test_a_quantity_has_its_price(quantity: str, price: dict[str, object], minor: int) -> None:
    assert to_minor(rated(quantity, **price).amount, "USD") == minor


@pytest.mark.parametrize(
    ("quantity", "price", "minor"),
    [
        (
            "200",
            {"model": "graduated", "tiers": [{"up_to": 100, "unit": "0.20"}, {"up_to": None, "unit": "0.10"}]},
            2500,
        ),
        ("121", {"model": "package", "size": 10, "amount": "100"}, 80000),
        ("50", {"model": "per_unit", "amount": "3"}, 0),
        ("20", {"model": "per_unit", "amount": "3"}, 0),
    ],
)
def test_included_units_come_off_before_pricing(quantity: str, price: dict[str, object], minor: int) -> None:
    """50 units are included each time: 150, 71, 0 and 0 are left to price."""
    assert to_minor(rated(quantity, included=50, **price).amount, "USD") == minor


@pytest.mark.parametrize(("quantity", "minor"), [("0", 1500), ("120", 1500), ("200", 2000), ("731", 5000)])
def test_minimum_and_maximum_hold_the_amount(quantity: str, minor: int) -> None:
    held = rated(quantity, model="per_unit", amount="0.10", minimum="15.00", maximum="50.00")
    assert to_minor(held.amount, "USD") == minor


def test_a_matrix_prices_each_group_by_its_cell() -> None:
    """3 x 612.00 + 2 x 703.50 + 5 x 655.25 = 1836.00 + 1407.00 + 3276.25."""
    assert by_origin({"LGA": "5", "EWR": "3", "JFK": "2"}).amount == Decimal("6519.25")


def test_a_person_can_follow_how_an_amount_came_about() -> None:
    assert by_origin({"EWR": "3", "JFK": "2", "LGA": "1"}, minimum="5000.00").steps == (
        Step("origin EWR", Decimal(3), Decimal("612.00"), Decimal("1836.00")),
        Step("origin JFK", Decimal(2), Decimal("703.50"), Decimal("1407.00")),
        Step("origin LGA", Decimal(1), Decimal("655.25"), Decimal("655.25")),
        Step("up to the minimum of 5,000.00", None, None, Decimal("1101.75")),
    )
    assert rated("35", model="graduated", included=13, tiers=WITH_FLATS).steps == (
        Step("included", Decimal(13), Decimal(0), Decimal(0)),
        Step("up to 10", Decimal(10), Decimal(10), Decimal(100)),
        Step("up to 10, flat", None, None, Decimal(2)),
        Step("above 10 up to 20", Decimal(10), Decimal(5), Decimal(50)),
        Step("above 10 up to 20, flat", None, None, Decimal(3)),
        Step("above 20", Decimal(2), Decimal(5), Decimal(10)),
        Step("above 20, flat", None, None, Decimal(3)),
    )
    assert rated("23456", model="package", size=10000, amount="125.00", maximum="300").steps == (
        Step("packages of 10,000", Decimal(3), Decimal("125.00"), Decimal("375.00")),
        Step("down to the maximum of 300", None, None, Decimal("-75.00")),
    )


def test_the_first_cell_that_matches_counts_and_otherwise_takes_the_rest() -> None:
    price = PRICE.validate_python(
        {
            "model": "matrix",
            "cells": [
                {"when": {"region": "eu", "plan": "gold"}, "unit": "0.03"},
                {"when": {"region": "eu"}, "unit": "0.05"},
            ],
            "otherwise": "0.08",
        }
    )
    groups = (
        Group({"region": "eu", "plan": "gold"}, Decimal(100)),
        Group({"region": "eu"}, Decimal(10)),
        Group({"region": "eu", "plan": "tin"}, Decimal(10)),
        Group({"plan": "gold"}, Decimal(50)),
    )
    assert group_by(price) == ("plan", "region")
    assert [(step.label, step.amount) for step in rate(price, Usage(Decimal(170), groups)).steps] == [
        ("region eu, plan gold", Decimal("3.00")),
        ("region eu", Decimal("1.00")),
        ("otherwise", Decimal("4.00")),
    ]


def test_included_units_of_a_matrix_come_off_in_the_order_of_its_cells() -> None:
    """4 of 5 units are free: all 3 of EWR, then 1 of the 2 of JFK."""
    assert by_origin({"JFK": "2", "EWR": "3"}, included=4).amount == Decimal("703.50")


def test_other_prices_need_no_groups() -> None:
    assert group_by(PRICE.validate_python({"model": "flat", "amount": "1"})) == ()


def test_usage_that_no_cell_covers_has_no_price() -> None:
    with pytest.raises(UnpricedUsage, match="no cell of the matrix prices origin PHL"):
        by_origin({"EWR": "1", "PHL": "1"})


def test_a_matrix_without_groups_is_refused_unless_nothing_was_used() -> None:
    price = PRICE.validate_python({"model": "matrix", "cells": [{"when": {"origin": "EWR"}, "unit": "1"}]})
    assert rate(price, Usage(Decimal(0))).amount == 0
    with pytest.raises(ValueError, match="grouped by origin"):
        rate(price, Usage(Decimal(1)))


@pytest.mark.parametrize("model", ["graduated", "volume"])
def test_a_quantity_beyond_the_last_tier_has_no_price(model: str) -> None:
    tiers = [{"up_to": 1110, "unit": "0.5"}]
    assert rated("1110", model=model, tiers=tiers).amount == 555
    with pytest.raises(UnpricedUsage, match=r"the tiers end at 1,110, and 1,110\.5 units have no price"):
        rated("1110.5", model=model, tiers=tiers)


def test_amounts_longer_than_28_digits_stay_exact() -> None:
    """1,000,000.000000000001 x 10,000,000,000,000.01, multiplied out on paper."""
    amount = rated("1000000.000000000001", model="per_unit", amount="10000000000000.01").amount
    assert amount == Decimal("10000000000000010010.00000000000001")


def test_units_below_zero_are_the_first_tiers_and_start_no_package() -> None:
    """-3 x 10 + 2: a correction can exceed what it corrects within a period."""
    assert rated("-3", model="graduated", tiers=WITH_FLATS).amount == -28
    assert rated("-3", model="per_unit", amount="0.10", included=10).amount == Decimal("-0.30")
    assert rated("-3", model="package", size=10, amount="100").amount == 0


@pytest.mark.parametrize(
    ("amount", "part", "whole", "minor"),
    [
        ("10.00", 27, 31, 871),
        ("50000.00", 17, 31, 2_741_935),
        ("2000.00", 26, 29, 179_310),
        ("910.00", 32, 91, 32000),
        ("19.95", 8, 30, 532),
        ("152000.00", 15, 30, 7_600_000),
        ("-34.00", 16, 31, -1755),
    ],
)
def test_a_part_of_a_period_costs_its_days(amount: str, part: int, whole: int, minor: int) -> None:
    assert to_minor(proportion(Decimal(amount), part, whole), "USD") == minor


def test_a_proportion_is_not_rounded_before_it_is_rounded_to_money() -> None:
    """A third of 0.045 is exactly one and a half cents, which no decimal third would give."""
    assert proportion(Decimal("0.045"), 1, 3) == Fraction(15, 1000)
    assert proportion(Decimal(1), 1, 3) * 3 == 1


def test_a_proportion_of_no_days_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one day"):
        proportion(Decimal(1), 1, 0)


QUANTITIES = st.decimals(min_value=0, max_value=10**12, places=6)
UNITS = st.decimals(min_value=0, max_value=10**6, places=6)


@st.composite
def tiered(draw: st.DrawFn) -> Price:
    ends = sorted(draw(st.sets(st.integers(1, 10**9), max_size=5)))
    tiers = [{"up_to": end, "unit": draw(UNITS), "flat": draw(UNITS)} for end in (*ends, None)]
    return PRICE.validate_python({"model": draw(st.sampled_from(["graduated", "volume"])), "tiers": tiers})


@given(tiered(), QUANTITIES)
def test_steps_sum_to_the_amount(price: Price, quantity: Decimal) -> None:
    result = rate(price, Usage(quantity))
    assert sum(Fraction(step.amount) for step in result.steps) == result.amount
    assert sum(Fraction(step.quantity) for step in result.steps if step.quantity is not None) == quantity


@given(tiered().filter(lambda price: price.model == "graduated"), QUANTITIES, QUANTITIES)
def test_more_units_never_cost_less_in_graduated_tiers(price: Price, one: Decimal, other: Decimal) -> None:
    fewer, more = sorted((one, other))
    assert rate(price, Usage(fewer)).amount <= rate(price, Usage(more)).amount


@given(UNITS, QUANTITIES, st.integers(1, 10**6))
def test_tiers_of_one_price_are_that_price_per_unit(unit: Decimal, quantity: Decimal, end: int) -> None:
    tiers = [{"up_to": end, "unit": unit}, {"up_to": None, "unit": unit}]
    graduated = rated(str(quantity), model="graduated", tiers=tiers)
    assert graduated.amount == rated(str(quantity), model="per_unit", amount=unit).amount


@given(QUANTITIES, st.decimals(min_value=Decimal("0.000001"), max_value=10**6, places=6))
def test_packages_hold_all_units_and_none_is_empty(quantity: Decimal, size: Decimal) -> None:
    count = Fraction(rated(str(quantity), model="package", size=size, amount="1").amount)
    assert (count - 1) * Fraction(size) < Fraction(quantity) <= count * Fraction(size)
