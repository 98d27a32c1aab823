"""Minor units of ISO 4217 against those of Stripe."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.payment import GatewayRefused
from gateways.stripe_amounts import from_stripe, to_stripe


@pytest.mark.parametrize(
    ("amount_minor", "currency", "at_stripe"),
    [
        (1099, "USD", 1099),
        (1099, "usd", 1099),
        (500, "JPY", 500),
        (500, "ISK", 50_000),
        (7, "UGX", 700),
        (12_500, "MGA", 125),
        (5_120, "KWD", 5_120),
        (5_124, "KWD", 5_124),
    ],
)
def test_each_currency_is_converted_both_ways(amount_minor: int, currency: str, at_stripe: int) -> None:
    assert to_stripe(amount_minor, currency) == at_stripe
    assert from_stripe(at_stripe, currency) == amount_minor


@pytest.mark.parametrize(("amount_minor", "currency"), [(150, "MGA"), (1, "MGA")])
def test_an_amount_stripe_cannot_express_is_refused_not_rounded(amount_minor: int, currency: str) -> None:
    with pytest.raises(GatewayRefused) as caught:
        to_stripe(amount_minor, currency)
    assert caught.value.code == "amount_not_representable"


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_only_positive_amounts_can_be_charged(amount_minor: int) -> None:
    with pytest.raises(GatewayRefused):
        to_stripe(amount_minor, "USD")


def test_a_fraction_of_a_currency_without_minor_unit_is_an_error() -> None:
    with pytest.raises(ValueError, match="ISK"):
        from_stripe(50_001, "ISK")


@given(st.integers(1, 10**12), st.sampled_from(["USD", "JPY", "ISK", "UGX", "MGA", "KWD", "TND", "EUR"]))
def test_what_stripe_is_asked_for_reads_back_as_the_same_amount(amount_minor: int, currency: str) -> None:
    try:
        asked = to_stripe(amount_minor, currency)
    except GatewayRefused:
        assert currency == "MGA"
        return
    assert from_stripe(asked, currency) == amount_minor
