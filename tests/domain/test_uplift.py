from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.prices import Price
from domain.rating import Usage, rate
from domain.uplift import scaled

PRICE: TypeAdapter[Price] = TypeAdapter(Price)
UPLIFT = Decimal("1.03")


def uplifted(currency: str = "USD", factor: Decimal = UPLIFT, **stated: Any) -> dict[str, Any]:
    """What a price says after an uplift, as JSON, without what it does not state."""
    price = scaled(PRICE.validate_python(stated), factor, currency)
    written: dict[str, Any] = PRICE.dump_python(price, mode="json", exclude_unset=True)
    return {name: value for name, value in written.items() if name in stated and value is not None}


@pytest.mark.parametrize(
    ("currency", "amount", "expected"),
    [("USD", "99.99", "102.99"), ("USD", "-10.50", "-10.82"), ("JPY", "150", "155"), ("KWD", "0.050", "0.052")],
)
def test_a_flat_amount_is_cut_to_the_currencys_decimals(currency: str, amount: str, expected: str) -> None:
    """99.99 is 102.9897; -10.50 is -10.815, 150 is 154.5 and 0.050 is 0.0515: halves, away from zero."""
    assert uplifted(currency, model="flat", amount=amount) == {"model": "flat", "amount": expected}


def test_a_unit_price_keeps_twelve_decimals_and_its_bounds_those_of_the_currency() -> None:
    stated: dict[str, Any] = {"amount": "0.000015", "included": "100", "minimum": "10.05", "maximum": "20.05"}
    assert uplifted(model="per_unit", **stated) == {
        "model": "per_unit",
        "amount": "0.00001545",
        "included": "100",
        "minimum": "10.35",
        "maximum": "20.65",
    }


def test_a_unit_price_is_rounded_half_away_from_zero_in_the_twelfth_decimal() -> None:
    """0.00000000005 x 1.03 is 0.0000000000515."""
    assert uplifted(model="per_unit", amount="0.00000000005")["amount"] == "0.000000000052"
    assert uplifted(model="per_unit", amount="-0.00000000005")["amount"] == "-0.000000000052"


def test_every_amount_of_a_percentage_grows_and_no_rate_and_no_allowance() -> None:
    free: dict[str, Any] = {"rate": "2.9", "free_amount": "100", "free_events": 3, "included": "5"}
    bounds: dict[str, Any] = {"fixed": "0.30", "min_per_event": "0.50", "max_per_event": "20"}
    found = uplifted(model="percentage", **free, **bounds)
    assert found == {
        **free,
        "model": "percentage",
        "fixed": "0.309",
        "min_per_event": "0.515",
        "max_per_event": "20.60",
    }


def test_tiers_grow_in_units_and_flats_and_end_where_they_did() -> None:
    tiers = [{"up_to": "10", "unit": "1", "flat": "200"}, {"up_to": None, "unit": "2", "flat": "0.01"}]
    assert uplifted(model="graduated", tiers=tiers)["tiers"] == [
        {"up_to": "10", "unit": "1.03", "flat": "206.00"},
        {"up_to": None, "unit": "2.06", "flat": "0.0103"},
    ]
    rates = [{"up_to": None, "rate": "3", "flat": "100"}]
    found = uplifted(model="graduated_percentage", tiers=rates)["tiers"]
    assert found == [{"up_to": None, "rate": "3", "flat": "103.00"}]


def test_cells_grow_whatever_their_properties_are_called() -> None:
    cells = [{"when": {"unit": "kg", "amount": "1"}, "unit": "0.50"}]
    assert uplifted(model="matrix", cells=cells, otherwise="2") == {
        "model": "matrix",
        "cells": [{"when": {"unit": "kg", "amount": "1"}, "unit": "0.515"}],
        "otherwise": "2.06",
    }


def test_a_dynamic_price_has_only_its_bounds() -> None:
    assert uplifted(model="dynamic", minimum="5") == {"model": "dynamic", "minimum": "5.15"}


def test_a_factor_below_zero_is_refused_and_so_is_an_amount_too_long() -> None:
    with pytest.raises(ValueError, match="factor: -1 is negative"):
        uplifted(factor=Decimal(-1), model="flat", amount="1")
    with pytest.raises(ValueError, match="18 digits before the decimal point"):
        uplifted(factor=Decimal(10), model="flat", amount="9" * 18)


AMOUNTS = st.decimals(0, 10**6, places=6).map(lambda amount: f"{amount:f}")


@given(AMOUNTS, st.integers(0, 10**9))
def test_a_factor_of_one_changes_no_amount(unit: str, quantity: int) -> None:
    price = PRICE.validate_python({"model": "package", "size": 7, "amount": unit, "minimum": "12.34"})
    assert rate(scaled(price, Decimal(1), "USD"), Usage(Decimal(quantity))) == rate(price, Usage(Decimal(quantity)))


@given(st.lists(AMOUNTS, min_size=2, max_size=2), st.decimals(0, 3, places=4))
def test_bounds_stay_in_order(bounds: list[str], factor: Decimal) -> None:
    least, most = sorted(bounds, key=Decimal)
    price = PRICE.validate_python({"model": "percentage", "rate": "1", "min_per_event": least, "max_per_event": most})
    grown = scaled(price.model_copy(update={"minimum": Decimal(least), "maximum": Decimal(most)}), factor, "USD")
    assert grown.minimum is not None and grown.maximum is not None
    assert grown.minimum <= grown.maximum
