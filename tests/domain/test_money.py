from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import (
    TooManyDecimals,
    UnknownCurrency,
    exact_minor,
    exponent,
    format_money,
    round_half_away,
    round_ratio,
    to_major,
    to_minor,
)

CURRENCIES = st.sampled_from(["JPY", "USD", "KWD", "CLF"])


@pytest.mark.parametrize(
    ("currency", "decimals"),
    [("JPY", 0), ("ISK", 0), ("UYI", 0), ("USD", 2), ("EUR", 2), ("MRU", 2), ("XCG", 2), ("KWD", 3), ("CLF", 4)],
)
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, decimals: int) -> None:
    assert exponent(currency) == decimals


@pytest.mark.parametrize("currency", ["", "usd", "XAU", "EURO", "ZZZ"])
def test_a_code_without_a_minor_unit_is_unknown(currency: str) -> None:
    with pytest.raises(UnknownCurrency, match="unknown currency"):
        to_major(1, currency)


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("0.5", 1), ("-0.5", -1), ("0.4999999999999999999999999999999999", 0), ("1.5", 2), ("2.5", 3), ("-2.5", -3)],
)
def test_a_half_goes_away_from_zero(amount: str, rounded: int) -> None:
    assert round_half_away(Decimal(amount)) == rounded
    assert round_half_away(Fraction(amount)) == rounded


def test_rounding_ignores_the_precision_of_the_thread() -> None:
    """28 digits, the default, are not enough for this amount."""
    assert round_half_away(Decimal("1234567890123456789012345678901234.5")) == 1234567890123456789012345678901235


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("10.275", "USD", 1028),
        ("-10.275", "USD", -1028),
        ("1000.5", "JPY", 1001),
        ("1.2345", "KWD", 1235),
        ("18.518505", "USD", 1852),
        ("0.00005", "CLF", 1),
    ],
)
def test_an_amount_is_rounded_to_the_minor_unit(amount: str, currency: str, minor: int) -> None:
    assert to_minor(Decimal(amount), currency) == minor


def test_a_fraction_is_rounded_from_its_exact_value() -> None:
    """27 of 31 days of 10.00 are 8.7096..; two thirds of 0.0075 are exactly half a cent."""
    assert to_minor(Fraction(270, 31), "USD") == 871
    assert to_minor(Fraction(2, 3) * Fraction("0.0075"), "USD") == 1


def test_an_amount_that_must_be_exact_is_refused_when_it_is_finer_than_the_currency() -> None:
    assert exact_minor(Decimal("12.30"), "USD") == 1230
    assert exact_minor(Decimal("12.3000"), "USD") == 1230
    with pytest.raises(TooManyDecimals, match=r"12\.305 has more than the 2 decimals of USD"):
        exact_minor(Decimal("12.305"), "USD")
    with pytest.raises(TooManyDecimals):
        exact_minor(Decimal("0.5"), "JPY")


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (3_800_000, "USD", "38,000.00 USD"),
        (-5, "USD", "-0.05 USD"),
        (0, "KWD", "0.000 KWD"),
        (1_000_000, "JPY", "1,000,000 JPY"),
        (10**30, "USD", "10,000,000,000,000,000,000,000,000,000.00 USD"),
    ],
)
def test_money_is_written_with_all_decimals_and_its_currency(minor: int, currency: str, text: str) -> None:
    assert format_money(minor, currency) == text


def test_a_ratio_without_a_positive_denominator_is_refused() -> None:
    with pytest.raises(ValueError, match="positive denominator"):
        round_ratio(1, 0)


@given(st.integers(-(10**40), 10**40), CURRENCIES)
def test_minor_units_survive_the_way_to_major_units_and_back(minor: int, currency: str) -> None:
    assert exact_minor(to_major(minor, currency), currency) == minor


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**12))
def test_rounding_is_within_a_half_and_mirrors_the_sign(numerator: int, denominator: int) -> None:
    rounded = round_half_away(Fraction(numerator, denominator))
    assert abs(rounded - Fraction(numerator, denominator)) <= Fraction(1, 2)
    assert round_half_away(Fraction(-numerator, denominator)) == -rounded


@given(st.decimals(min_value=-(10**18), max_value=10**18, places=12))
def test_decimals_and_fractions_round_alike(amount: Decimal) -> None:
    assert round_half_away(amount) == round_half_away(Fraction(amount))
