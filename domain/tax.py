"""Taxes of a document: computed once per rate, then pushed to its lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import lcm

from pydantic import BaseModel, ConfigDict, Field

from domain.allocation import largest_remainder
from domain.money import round_ratio
from domain.prices import NonNegative

NOTHING = Fraction(0)


class TaxRate(BaseModel):
    """A tax of `rate` percent. An `inclusive` one is part of the prices already, any other comes on top."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    rate: NonNegative
    inclusive: bool = False


@dataclass(frozen=True, slots=True)
class Taxes:
    """Taxes in minor units, by line in the order of the lines and by rate in the order of the rates.

    Net and tax of a line are its price with all taxes: what an inclusive tax takes is no longer in the net.
    """

    net_by_line: tuple[int, ...]
    tax_by_line: tuple[int, ...]
    tax_by_rate: tuple[int, ...]

    @property
    def net_minor(self) -> int:
        return sum(self.net_by_line)

    @property
    def tax_minor(self) -> int:
        return sum(self.tax_by_rate)


def tax_on(
    lines_minor: Sequence[int],
    rates: Sequence[TaxRate],
    borne: Sequence[Sequence[TaxRate]] | None = None,
) -> Taxes:
    """The taxes on lines of these amounts after discounts, in minor units.

    Each rate is applied to the sum of the lines that bear it and rounded once, half away from zero; they then get
    their own exact tax rounded up or down by largest remainder, so that they sum to it. Exclusive rates each apply to
    the net and do not compound; an inclusive tax is gross - gross / (1 + rate), with the sum of a line's inclusive
    rates. Lines of the opposite sign give the opposite taxes.

    `borne` are the rates among `rates` that each line bears; without it every line bears all.
    """
    net = list(lines_minor)
    if not rates:
        return Taxes(tuple(net), (0,) * len(net), ())
    tax = [0] * len(net)
    by_rate = [0] * len(rates)
    bearing = [rates] * len(net) if borne is None else borne
    contained = [contained_in(own) for own in bearing]
    for inclusive in (True, False):
        base = tuple(net)
        for index, rate in enumerate(rates):
            if rate.inclusive != inclusive:
                continue
            share = _share(rate)
            shares = [
                (share / whole if inclusive else share) if rate in own else NOTHING
                for own, whole in zip(bearing, contained, strict=True)
            ]
            pushed = _push(base, shares)
            by_rate[index] = sum(pushed)
            tax = [former + more for former, more in zip(tax, pushed, strict=True)]
            if inclusive:
                net = [former - less for former, less in zip(net, pushed, strict=True)]
    return Taxes(tuple(net), tuple(tax), tuple(by_rate))


@lru_cache(maxsize=1024)
def _share(rate: TaxRate) -> Fraction:
    numerator, denominator = rate.rate.as_integer_ratio()
    return Fraction(numerator, denominator * 100)


def contained_in(rates: Iterable[TaxRate]) -> Fraction:
    """What a price with these taxes is of its net: more than 1 where inclusive ones are among them."""
    return 1 + sum((_share(rate) for rate in rates if rate.inclusive), NOTHING)


def _push(lines_minor: Sequence[int], shares: Sequence[Fraction]) -> list[int]:
    """The shares of the lines: their sum, rounded once, as parts of the lines."""
    if _is_mirrored(lines_minor):
        return [-part for part in _push([-line for line in lines_minor], shares)]
    common = lcm(*(share.denominator for share in shares))
    parts = [
        line * share.numerator * (common // share.denominator) for line, share in zip(lines_minor, shares, strict=True)
    ]
    return largest_remainder(round_ratio(sum(parts), common), parts, common)


def _is_mirrored(lines_minor: Sequence[int]) -> bool:
    """Whether the document is the negative of another: by its sum, or where that is 0 by its first line."""
    return (sum(lines_minor) or next((line for line in lines_minor if line), 0)) < 0
