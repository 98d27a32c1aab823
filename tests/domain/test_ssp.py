from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.errors import DomainError
from domain.money import TooManyDecimals
from domain.ssp import AllocationRefused, Discount, Obligation, Variable, allocate_price
from tests.domain.public_cases import case_name, minor, public_cases

OBLIGATIONS = TypeAdapter(tuple[Obligation, ...])
DISCOUNTS = TypeAdapter(tuple[Discount, ...])
VARIABLE = TypeAdapter(tuple[Variable, ...])
SSPS = st.lists(st.decimals("0.01", "1000000", places=2), min_size=1, max_size=12)
PRICES = st.integers(-(10**12), 10**12)


def sold(**ssps: str) -> list[Obligation]:
    return [Obligation(id=name, ssp=Decimal(ssp)) for name, ssp in ssps.items()]


def residual(name: str, low: str, high: str) -> Obligation:
    return Obligation(id=name, residual=True, ssp_range=(Decimal(low), Decimal(high)))


def off(amount: str, *to: str) -> Discount:
    return Discount(amount=Decimal(amount), to=to)


def royalty(amount: str, *to: str) -> Variable:
    return Variable(amount=Decimal(amount), to=to)


def numbered(ssps: list[Decimal]) -> list[Obligation]:
    return [Obligation(id=f"o{index}", ssp=ssp) for index, ssp in enumerate(ssps)]


@pytest.mark.parametrize("case", public_cases("allocate"), ids=case_name)
def test_the_public_cases_of_allocation(case: dict[str, Any]) -> None:
    answer: dict[str, Any]
    try:
        shares = allocate_price(
            minor(case["price"], case),
            OBLIGATIONS.validate_python(case["obligations"]),
            discounts=DISCOUNTS.validate_python(case.get("discounts", [])),
            variable=VARIABLE.validate_python(case.get("variable", [])),
            currency=case.get("currency", "USD"),
        )
        answer = {"allocation": shares}
    except AllocationRefused as refused:
        answer = {"error": refused.code}
    expected = case["expect"]
    if "allocation" in expected:
        expected = {"allocation": {name: minor(share, case) for name, share in expected["allocation"].items()}}
    assert answer == expected


def test_a_discount_of_some_is_no_discount_of_the_others() -> None:
    """40.00 off 55.00 and 45.00 leave 33.00 and 27.00; 90.00 over 40, 33 and 27 are 36.00, 29.70 and 24.30."""
    shares = allocate_price(9000, sold(a="40", b="55", c="45"), discounts=[off("40", "b", "c")], currency="USD")
    assert shares == {"a": 3600, "b": 2970, "c": 2430}


def test_a_second_discount_lowers_what_the_first_left() -> None:
    """20.00 off 60 and 40 leave 48 and 32; 35.00 off 32 and 38 leave 16 and 19."""
    discounts = [off("20", "a", "b"), off("35", "b", "c")]
    shares = allocate_price(8300, sold(a="60", b="40", c="38"), discounts=discounts, currency="USD")
    assert shares == {"a": 4800, "b": 1600, "c": 1900}


def test_a_variable_amount_of_several_goes_to_them_by_stand_alone_price() -> None:
    """90.00 are 30.00 and 60.00 of 100 and 200; the fixed 300.00 then weigh 70, 140 and 90 of 300."""
    shares = allocate_price(30000, sold(a="100", b="200", c="90"), variable=[royalty("90", "a", "b")], currency="USD")
    assert shares == {"a": 7000 + 3000, "b": 14000 + 6000, "c": 9000}


def test_who_received_more_than_its_price_takes_nothing_of_the_fixed_price() -> None:
    shares = allocate_price(5000, sold(a="50", b="20"), variable=[royalty("30", "b")], currency="USD")
    assert shares == {"a": 5000, "b": 3000}


def test_where_all_received_their_price_the_rest_is_spread_by_stand_alone_price() -> None:
    variable = [royalty("50", "a"), royalty("30", "b")]
    assert allocate_price(800, sold(a="50", b="30"), variable=variable, currency="USD") == {"a": 5500, "b": 3300}


def test_a_residual_is_what_the_others_leave_of_the_whole_price() -> None:
    """150.00, of which 20.00 are a royalty, less 40.00 and 60.00 are 50.00."""
    given_to_b = allocate_price(
        13000, [*sold(a="40", b="60"), residual("d", "50", "50")], variable=[royalty("20", "b")], currency="USD"
    )
    assert given_to_b == {"a": 4000, "b": 4000 + 2000, "d": 5000}
    given_to_d = allocate_price(
        13000, [*sold(a="40", b="60"), residual("d", "50", "50")], variable=[royalty("20", "d")], currency="USD"
    )
    assert given_to_d == {"a": 4000, "b": 6000, "d": 3000 + 2000}


@pytest.mark.parametrize(("price", "share"), [(5500, 1500), (8500, 4500)])
def test_the_range_of_a_residual_includes_its_bounds(price: int, share: int) -> None:
    obligations = [*sold(a="40"), residual("d", "15", "45")]
    assert allocate_price(price, obligations, currency="USD") == {"a": 4000, "d": share}
    with pytest.raises(AllocationRefused, match=r"the residual of d is .*, outside 15 to 45"):
        allocate_price(price + (1 if share == 4500 else -1), obligations, currency="USD")


def test_a_residual_without_a_range_is_not_negative() -> None:
    obligations = [*sold(a="40"), Obligation(id="d", residual=True)]
    assert allocate_price(4000, obligations, currency="USD") == {"a": 4000, "d": 0}
    with pytest.raises(AllocationRefused, match=r"the residual of d is -0\.01, below 0"):
        allocate_price(3999, obligations, currency="USD")


def test_a_residual_after_a_discount_that_divides_unevenly_loses_no_cent() -> None:
    """10.00 off 10, 10 and 10 leave 6.66..; the residual of 30.00 is 10.00 and the cent goes to the first."""
    obligations = [*sold(a="10", b="10", c="10"), residual("d", "10", "10")]
    shares = allocate_price(3000, obligations, discounts=[off("10", "a", "b", "c")], currency="USD")
    assert shares == {"a": 667, "b": 667, "c": 666, "d": 1000}


def test_a_price_has_the_decimals_of_its_currency() -> None:
    assert allocate_price(100, sold(a="1", b="2"), currency="JPY") == {"a": 33, "b": 67}
    variable = [royalty("0.001", "b")]
    assert allocate_price(0, sold(a="1", b="2"), variable=variable, currency="KWD") == {"a": 0, "b": 1}
    with pytest.raises(TooManyDecimals):
        allocate_price(0, sold(a="1", b="2"), variable=variable, currency="USD")


@pytest.mark.parametrize(
    ("obligations", "discounts", "variable", "code", "field"),
    [
        ([], [], [], "no_obligations", "/obligations"),
        ([*sold(a="1"), *sold(a="2")], [], [], "duplicate_obligation", "/obligations"),
        (sold(a="1"), [off("1", "b")], [], "unknown_obligation", "/discounts/0/to"),
        (sold(a="1"), [], [royalty("1", "b")], "unknown_obligation", "/variable/0/to"),
        (sold(a="1"), [], [royalty("1", "a", "a")], "duplicate_obligation", "/variable/0/to"),
        ([residual("c", "0", "9"), residual("d", "0", "9")], [], [], "two_residuals", "/obligations"),
        (
            [*sold(a="1"), residual("d", "0", "9")],
            [off("1", "a", "d")],
            [],
            "discount_of_residual",
            "/discounts/0/to",
        ),
        (sold(a="1", b="2"), [off("3.01", "a", "b")], [], "discount_above_price", "/discounts/0/amount"),
        (sold(a="0", b="0"), [], [], "no_stand_alone_price", "/obligations"),
    ],
)
def test_figures_that_cannot_be_allocated_are_refused(
    obligations: list[Obligation], discounts: list[Discount], variable: list[Variable], code: str, field: str
) -> None:
    for price in (500, -500):
        with pytest.raises(AllocationRefused) as refused:
            allocate_price(price, obligations, discounts=discounts, variable=variable, currency="USD")
        assert (refused.value.code, refused.value.field) == (code, field)
        assert isinstance(refused.value, DomainError)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"id": "a"}, "give either an ssp or residual: true"),
        ({"id": "a", "ssp": "1", "residual": True}, "give either an ssp or residual: true"),
        ({"id": "a", "ssp": "1", "ssp_range": ["1", "2"]}, "ssp_range: only a residual has one"),
        ({"id": "a", "residual": True, "ssp_range": ["2", "1"]}, "ssp_range: 2 is above 1"),
        ({"id": "a", "ssp": "-1"}, "greater than or equal to 0"),
        ({"id": "a", "ssp": 1.5}, "a float is not exact"),
        ({"id": "a", "ssp": "1", "price": "1"}, "Extra inputs"),
    ],
)
def test_an_obligation_has_one_price(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Obligation.model_validate(given)


@given(PRICES, SSPS)
def test_the_parts_sum_to_the_price_and_a_negative_mirrors_it(price: int, ssps: list[Decimal]) -> None:
    obligations = numbered(ssps)
    shares = allocate_price(price, obligations, currency="USD")
    assert sum(shares.values()) == price
    mirror = allocate_price(-price, obligations, currency="USD")
    assert mirror == {name: -share for name, share in shares.items()}


@given(st.data(), PRICES, SSPS, st.lists(st.decimals("-99999", "99999", places=2), max_size=3))
def test_fixed_and_variable_parts_sum_to_both(
    data: st.DataObject, price: int, ssps: list[Decimal], amounts: list[Decimal]
) -> None:
    obligations = numbered(ssps)
    names = st.lists(st.sampled_from([one.id for one in obligations]), min_size=1, unique=True)
    variable = [Variable(amount=amount, to=tuple(data.draw(names))) for amount in amounts]
    group = tuple(data.draw(names))
    worth = sum((one.ssp for one in obligations if one.ssp and one.id in group), Decimal(0))
    # With all of it taken off, nothing would be left to allocate by.
    most = worth - Decimal("0.01")
    assume(most > 0)
    discounts = [Discount(amount=data.draw(st.decimals("0.01", most, places=2)), to=group)]
    shares = allocate_price(price, obligations, discounts=discounts, variable=variable, currency="USD")
    assert sum(shares.values()) == price + sum(int(amount * 100) for amount in amounts)


@given(st.data(), PRICES, SSPS)
def test_the_order_of_obligations_moves_no_more_than_the_odd_unit(
    data: st.DataObject, price: int, ssps: list[Decimal]
) -> None:
    obligations = numbered(ssps)
    shares = allocate_price(price, obligations, currency="USD")
    shuffled = allocate_price(price, data.draw(st.permutations(obligations)), currency="USD")
    assert all(abs(shuffled[name] - share) <= 1 for name, share in shares.items())
    assert sum(shuffled.values()) == price
