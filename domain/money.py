"""Money: the minor units of each currency, and the one rounding rule.

Amounts are integers of the minor unit, or decimals and fractions of the major unit until they are rounded.
"""

from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from fractions import Fraction

# Arithmetic on decimals goes through this context: operators would use the thread's own, which rounds silently
# at 28 digits. Here a result that does not fit raises instead.
UNROUNDED = Context(prec=200, traps=[Inexact, InvalidOperation, Overflow, DivisionByZero])

# ISO 4217. Currencies withdrawn in recent years stay, since their invoices can still be credited.
_CODES_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
        CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF
        IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
        MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP
        SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG
        YER ZAR ZMW ZWG
        ANG BGN CUC HRK SLL ZWL
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_EXPONENTS = {code: exponent for exponent, codes in _CODES_BY_EXPONENT.items() for code in codes.split()}


class UnknownCurrency(ValueError):
    """The code is not one of ISO 4217's currencies that have a minor unit."""


class TooManyDecimals(ValueError):
    """The amount is finer than the currency's minor unit."""


def exponent(currency: str) -> int:
    """The number of decimals that `currency` has.

    Raises:
        UnknownCurrency: if `currency` is not an ISO 4217 code in capital letters.
    """
    try:
        return _EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(f"unknown currency {currency!r}") from None


def round_half_away(amount: Decimal | Fraction) -> int:
    """The integer nearest to `amount`; a half goes away from zero, so a negative mirrors the positive."""
    if isinstance(amount, Decimal):
        # Decimal's "half up" means away from zero, and this method ignores the context's precision.
        return int(amount.to_integral_value(ROUND_HALF_UP))
    return round_ratio(amount.numerator, amount.denominator)


def round_ratio(numerator: int, denominator: int) -> int:
    """The integer nearest to the quotient of two integers, by the rule of `round_half_away`."""
    if denominator <= 0:
        raise ValueError(f"a ratio needs a positive denominator, not {denominator}")
    rounded = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -rounded if numerator < 0 else rounded


def trimmed(number: Decimal) -> Decimal:
    """The number without zeros at the end of its decimals."""
    whole = number.to_integral_value()
    return whole if whole == number else number.normalize(UNROUNDED)


def to_minor(amount: Decimal | Fraction, currency: str) -> int:
    """`amount` of the major unit in minor units, rounded half away from zero."""
    places = exponent(currency)
    if isinstance(amount, Decimal):
        return round_half_away(amount.scaleb(places, UNROUNDED))
    return round_half_away(amount * 10**places)


def exact_minor(amount: Decimal, currency: str) -> int:
    """`amount` of the major unit in minor units, where it has no more decimals than the currency.

    Raises:
        TooManyDecimals: if it would have to be rounded.
    """
    minor = to_minor(amount, currency)
    if to_major(minor, currency) != amount:
        raise TooManyDecimals(f"{amount:f} has more than the {exponent(currency)} decimals of {currency}")
    return minor


def to_major(minor: int, currency: str) -> Decimal:
    """`minor` units as a decimal of the major unit, with all of the currency's decimals."""
    return Decimal(minor).scaleb(-exponent(currency), UNROUNDED)


def format_money(minor: int, currency: str) -> str:
    """`minor` units for people to read, such as "38,000.00 USD"."""
    return f"{to_major(minor, currency):,f} {currency}"
