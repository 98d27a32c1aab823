"""How a meter's quantity is rounded before it is priced."""

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.money import UNROUNDED, round_ratio
from domain.prices import Positive
from domain.rating import Group, Usage

Mode = Literal["nearest", "up", "down"]


class Rounding(BaseModel):
    """To a multiple of `to`: the nearest, where a half goes away from zero, or the next away from or towards zero.

    A negative quantity mirrors the positive.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Mode = "nearest"
    to: Positive = Field(description='Such as "0.01", "1" or "1000".')


def rounded(usage: Usage, rounding: Rounding | None) -> Usage:
    """The usage with its total and each group rounded, each for itself; what single events say stays as it is."""
    if rounding is None:
        return usage
    groups = tuple(Group(group.properties, _rounded(group.quantity, rounding)) for group in usage.groups)
    return Usage(_rounded(usage.total, rounding), groups, usage.events)


def _rounded(quantity: Decimal, rounding: Rounding) -> Decimal:
    above, below = quantity.as_integer_ratio(), rounding.to.as_integer_ratio()
    numerator, denominator = above[0] * below[1], above[1] * below[0]
    return UNROUNDED.multiply(_multiples(numerator, denominator, rounding.mode), rounding.to)


def _multiples(numerator: int, denominator: int, mode: Mode) -> int:
    if mode == "nearest":
        return round_ratio(numerator, denominator)
    whole, rest = divmod(abs(numerator), denominator)
    size = whole + (mode == "up" and rest > 0)
    return -size if numerator < 0 else size
