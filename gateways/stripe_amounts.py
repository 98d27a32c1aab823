"""Minor units as ISO 4217 counts them against minor units as Stripe counts them.

They differ for three currencies: https://docs.stripe.com/currencies
What Stripe can express and does not take (an amount below its minimum, a last digit of a three-decimal one that is not
zero), it refuses itself.
"""

from typing import Final

from gateways.payment import GatewayRefused

# Stripe still counts these two in hundredths although they have had no minor unit for years.
HUNDREDTHS_AT_STRIPE: Final = frozenset({"ISK", "UGX"})
# ISO 4217 counts the ariary in hundredths, Stripe in whole ones.
WHOLE_AT_STRIPE: Final = frozenset({"MGA"})


def to_stripe(amount_minor: int, currency: str) -> int:
    """The amount Stripe is to be asked for; never rounded.

    Raises:
        GatewayRefused: Stripe cannot express the amount, or it is not positive.
    """
    code = currency.upper()
    if amount_minor <= 0:
        raise GatewayRefused(f"cannot charge {amount_minor} minor units", code="amount_not_positive", param="amount")
    if code in HUNDREDTHS_AT_STRIPE:
        return amount_minor * 100
    if code not in WHOLE_AT_STRIPE:
        return amount_minor
    if amount_minor % 100:
        message = f"{amount_minor} minor units of {code} is not a multiple of 100, as Stripe requires"
        raise GatewayRefused(message, code="amount_not_representable", param="amount")
    return amount_minor // 100


def from_stripe(amount: int, currency: str) -> int:
    """ISO 4217 minor units of an amount that Stripe reports.

    Raises:
        ValueError: the amount is a fraction of the currency's minor unit.
    """
    code = currency.upper()
    if code in WHOLE_AT_STRIPE:
        return amount * 100
    if code not in HUNDREDTHS_AT_STRIPE:
        return amount
    whole, rest = divmod(amount, 100)
    if rest:
        raise ValueError(f"Stripe reports {amount} hundredths of {code}, which has no minor unit")
    return whole
