from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.tax import Taxes, TaxRate, tax_on


def exclusive(rate: str, name: str = "VAT") -> TaxRate:
    return TaxRate(name=name, rate=Decimal(rate))


def inclusive(rate: str, name: str = "VAT") -> TaxRate:
    return TaxRate(name=name, rate=Decimal(rate), inclusive=True)


LINES = st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=8)
RATES = st.lists(
    st.builds(
        TaxRate,
        name=st.just("tax"),
        rate=st.decimals(min_value=0, max_value=100, places=4),
        inclusive=st.booleans(),
    ),
    max_size=3,
)


@pytest.mark.parametrize(
    ("lines", "rate", "total"),
    [
        ([10000, 5000], "15", 2250),
        ([7000], "8.25", 578),
        ([1055], "10", 106),
        ([-1055], "10", -106),
        ([], "20", 0),
    ],
)
def test_an_exclusive_rate_is_rounded_once_on_the_net(lines: list[int], rate: str, total: int) -> None:
    taxes = tax_on(lines, [exclusive(rate)])
    assert taxes.tax_minor == total
    assert taxes.net_by_line == tuple(lines)


def test_tax_is_rounded_per_document_and_not_per_line() -> None:
    """7.7 % of 9.99 is 0.76923; each line's own 0.25641 would be 0.26, and thrice that 0.78."""
    assert tax_on([333, 333, 333], [exclusive("7.7")]) == Taxes((333, 333, 333), (26, 26, 25), (77,))


def test_several_rates_each_apply_to_the_net() -> None:
    assert tax_on([10000], [exclusive("6", "State"), exclusive("2", "City")]) == Taxes((10000,), (800,), (600, 200))


def test_without_rates_there_is_no_tax() -> None:
    assert tax_on([100, 200], []) == Taxes((100, 200), (0, 0), ())


def test_a_credit_beside_a_charge_bears_its_own_tax() -> None:
    """25 % of -7.74 and 11.61 is -1.935 and 2.9025, together 0.9675."""
    assert tax_on([-774, 1161], [exclusive("25")]) == Taxes((-774, 1161), (-193, 290), (97,))


def test_lines_that_cancel_out_bear_taxes_that_do() -> None:
    """20 % of 3.33 is 0.666: 0.67 on the one side and -0.67 on the other."""
    assert tax_on([-333, 333], [exclusive("20")]) == Taxes((-333, 333), (-67, 67), (0,))


def test_of_lines_that_cancel_out_the_first_says_which_document_is_the_reversal() -> None:
    """25 % of 0.10 is two and a half cents on either side."""
    assert tax_on([10, -10], [exclusive("25")]).tax_by_line == (3, -3)
    assert tax_on([-10, 10], [exclusive("25")]).tax_by_line == (-3, 3)


@pytest.mark.parametrize(("gross", "rate", "net", "tax"), [(12000, "20", 10000, 2000), (4999, "19", 4201, 798)])
def test_an_inclusive_tax_is_taken_out_of_the_price(gross: int, rate: str, net: int, tax: int) -> None:
    assert tax_on([gross], [inclusive(rate)]) == Taxes((net,), (tax,), (tax,))


def test_inclusive_rates_share_one_net() -> None:
    """120.00 with 12 % and 8 % is 100.00 and 20.00, not 120 / 1.12 / 1.08."""
    assert tax_on([12000], [inclusive("12"), inclusive("8")]) == Taxes((10000,), (2000,), (1200, 800))


def test_an_exclusive_rate_applies_to_what_an_inclusive_one_leaves() -> None:
    assert tax_on([12000], [exclusive("5"), inclusive("20")]) == Taxes((10000,), (2500,), (500, 2000))


def test_a_rate_is_an_exact_percentage_of_0_or_more() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        TaxRate.model_validate({"name": "VAT", "rate": "-1"})
    with pytest.raises(ValidationError, match="a float is not exact"):
        TaxRate.model_validate({"name": "VAT", "rate": 19.0})


def test_a_rate_is_borne_by_the_lines_that_name_it() -> None:
    """20 % of 100.00, 5 % of 150.00; 30.00 are exempt."""
    vat, city = exclusive("20"), exclusive("5", "City")
    taxes = tax_on([10000, 5000, 3000], [vat, city], [[vat, city], [city], []])
    assert taxes == Taxes((10000, 5000, 3000), (2500, 250, 0), (2000, 750))


def test_an_inclusive_rate_is_no_part_of_the_price_of_exempt_lines() -> None:
    """120.00 with 20 % inside, and 120.00 without."""
    vat = inclusive("20")
    assert tax_on([12000, 12000], [vat], [[vat], []]) == Taxes((10000, 12000), (2000, 0), (2000,))


def test_lines_that_bear_other_inclusive_rates_have_other_nets() -> None:
    """120.00 / 1.2 and 125.00 / 1.25, of which 5 points are the city's."""
    vat, city = inclusive("20"), inclusive("5", "City")
    taxes = tax_on([12000, 12500], [vat, city], [[vat], [vat, city]])
    assert taxes == Taxes((10000, 10000), (2000, 2500), (4000, 500))


@given(LINES, RATES)
def test_taxes_by_line_and_by_rate_agree(lines: list[int], rates: list[TaxRate]) -> None:
    taxes = tax_on(lines, rates)
    assert sum(taxes.tax_by_line) == sum(taxes.tax_by_rate)
    contained = sum(tax for tax, rate in zip(taxes.tax_by_rate, rates, strict=True) if rate.inclusive)
    assert taxes.net_minor + contained == sum(lines)


@given(LINES, RATES)
def test_a_reversed_document_bears_the_opposite_taxes(lines: list[int], rates: list[TaxRate]) -> None:
    taxes, mirrored = tax_on(lines, rates), tax_on([-line for line in lines], rates)
    assert mirrored.tax_by_line == tuple(-tax for tax in taxes.tax_by_line)
    assert mirrored.tax_by_rate == tuple(-tax for tax in taxes.tax_by_rate)


@given(LINES, st.decimals(min_value=0, max_value=100, places=4))
def test_a_line_bears_its_exact_tax_rounded_up_or_down(lines: list[int], rate: Decimal) -> None:
    taxes = tax_on(lines, [exclusive(str(rate))])
    for line, tax in zip(lines, taxes.tax_by_line, strict=True):
        assert abs(tax - line * rate / 100) < 1
