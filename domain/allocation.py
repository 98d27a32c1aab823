"""Splitting an amount into integers that sum to it exactly."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm


def allocate(total: int, weights: Sequence[int | Decimal | Fraction]) -> list[int]:
    """Split `total` in proportion to `weights` without losing a unit.

    Rounding down leaves some units over. They go one each to the shares with the largest remainders, earlier
    shares first. A negative total is split as its mirror image, so a reversal cancels the original line by line.

    Raises:
        ValueError: if `weights` is empty, holds a negative, or sums to zero.
    """
    integers = _integers(weights)
    whole = sum(integers)
    if whole == 0 or min(integers) < 0:
        raise ValueError(f"cannot allocate by weights {list(weights)}")
    size = abs(total)
    shares = largest_remainder(size, [size * weight for weight in integers], whole)
    return shares if total >= 0 else [-share for share in shares]


def largest_remainder(total: int, numerators: Sequence[int], denominator: int) -> list[int]:
    """The quotients of `numerators` by `denominator`, rounded to neighbouring integers that sum to `total`.

    `total` is the exact sum of the quotients, rounded or not. Those with the largest remainders are rounded up;
    of equal ones the earlier.
    """
    parts = [divmod(numerator, denominator) for numerator in numerators]
    shares = [quotient for quotient, _ in parts]
    left_over = total - sum(shares)
    if left_over:
        assert 0 < left_over <= len(shares), "total is not the rounded sum of the quotients"
        by_remainder = sorted(range(len(parts)), key=lambda i: -parts[i][1])
        for i in by_remainder[:left_over]:
            shares[i] += 1
    return shares


def _integers(weights: Sequence[int | Decimal | Fraction]) -> list[int]:
    """Integers in the same proportion to each other as `weights`."""
    ratios = [weight.as_integer_ratio() for weight in weights]
    common = lcm(*(denominator for _, denominator in ratios))
    return [numerator * (common // denominator) for numerator, denominator in ratios]
