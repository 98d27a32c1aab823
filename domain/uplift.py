"""Prices scaled by a factor, as an uplift at a renewal does it."""

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal

from pydantic import TypeAdapter

from domain.money import UNROUNDED, to_major, to_minor
from domain.prices import Price

# What stands on an invoice as it is, and what each unit, package, tier or event costs: that may be finer.
_WHOLE = frozenset({"minimum", "maximum"})
_FINE = frozenset({"amount", "unit", "otherwise", "flat", "fixed", "min_per_event", "max_per_event"})
_TWELVE_DECIMALS = Decimal("1E-12")
_HALF_AWAY = Context(prec=200, rounding=ROUND_HALF_UP)
_PRICE: TypeAdapter[Price] = TypeAdapter(Price)


def scaled(price: Price, factor: Decimal, currency: str) -> Price:
    """`price` with every amount of money multiplied by `factor`: 1.03 for an uplift of 3 %.

    Rounded half away from zero: a flat price, the minimum and the maximum to the currency's decimals, any other
    amount to twelve. Rates, included units and free allowances stay as they are.

    Raises:
        ValueError: if `factor` is negative, or an amount would have more than 18 digits before the point.
    """
    if factor < 0:
        raise ValueError(f"factor: {factor:f} is negative, which would turn charges into credits")
    whole = _WHOLE | {"amount"} if price.model == "flat" else _WHOLE

    def amount(name: str, value: Decimal) -> Decimal:
        if name in whole:
            return _cut(UNROUNDED.multiply(value, factor), currency)
        return _fine(UNROUNDED.multiply(value, factor), currency) if name in _FINE else value

    return _PRICE.validate_python(_replaced(price.model_dump(), amount))


def _replaced(values: Mapping[str, object], amount: Callable[[str, Decimal], Decimal]) -> dict[str, object]:
    """`values` with `amount` in place of each decimal, also in cells and tiers."""
    replaced = dict(values)
    for name, value in values.items():
        if isinstance(value, Decimal):
            replaced[name] = amount(name, value)
        elif isinstance(value, tuple):
            replaced[name] = tuple(_replaced(entry, amount) for entry in value)
    return replaced


def _cut(amount: Decimal, currency: str) -> Decimal:
    return to_major(to_minor(amount, currency), currency)


def _fine(amount: Decimal, currency: str) -> Decimal:
    """`amount` to twelve decimals, written with no more of them than it needs."""
    fine, cut = amount.quantize(_TWELVE_DECIMALS, context=_HALF_AWAY), _cut(amount, currency)
    return cut if cut == fine else fine.normalize(UNROUNDED)
