"""What may be charged: a positive amount not below Stripe's minimum, in a currency code of three letters."""

from typing import Final

from sandbox.stripe.errors import bad_parameter, missing_parameter
from sandbox.stripe.forms import Params

# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MINIMUM: Final = {
    "usd": 50, "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30,
    "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200,
    "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
# Stripe takes eight digits by default and more for accounts that ask; invoices of businesses need more.
MAXIMUM: Final = 999_999_999_999
ANY_AMOUNT: Final = "any_amount"
THREE_DECIMALS: Final = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
HUNDREDTHS_ONLY: Final = frozenset({"isk", "ugx"})


def checked_currency(sent: str) -> str:
    currency = sent.lower()
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha()):
        raise bad_parameter(f"Invalid currency: {sent}", param="currency")
    return currency


def checked_amount(params: Params, currency: str, *, any_amount: bool) -> int:
    """The amount to charge; with `any_amount` it may be small and of any step, which Stripe itself does not allow."""
    amount = params.integer("amount")
    if amount is None:
        raise missing_parameter("amount")
    if amount < 1:
        raise bad_parameter("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    if amount < MINIMUM.get(currency, 1) and not any_amount:
        raise bad_parameter(
            f"Amount must be at least {MINIMUM[currency]} in {currency}", param="amount", code="amount_too_small"
        )
    if amount > MAXIMUM:
        raise bad_parameter(f"Amount must be no more than {MAXIMUM}", param="amount", code="amount_too_large")
    step = 10 if currency in THREE_DECIMALS else 100 if currency in HUNDREDTHS_ONLY else 1
    if amount % step and not any_amount:
        raise bad_parameter(f"Amounts in {currency} must be a multiple of {step}.", param="amount")
    return amount
