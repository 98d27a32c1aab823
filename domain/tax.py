"""Taxes of a document: computed once per rate, then pushed to its lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pydantic import BaseModel, ConfigDict, Field

from domain.allocation import largest_remainder
from domain.money import round_ratio
from domain.prices import NonNegative


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


def tax_on(lines_minor: Sequence[int], rates: Sequence[TaxRate]) -> Taxes:
    """The taxes on lines of these amounts after discounts, in minor units.

    Each rate is applied to the sum of the lines and rounded once, half away from zero; its lines then get their
    own exact tax rounded up or down by largest remainder, so that they sum to it. Exclusive rates each apply to the
    net and do not compound; an inclusive tax is gross - gross / (1 + rate), with the sum of all inclusive rates.
    Lines of the opposite sign give the opposite taxes.
    """
    net = list(lines_minor)
    tax = [0] * len(net)
    by_rate = [0] * len(rates)
    shares = [_share(rate) for rate in rates]
    contained = 1 + sum(share for rate, share in zip(rates, shares, strict=True) if rate.inclusive)
    for inclusive in (True, False):
        base = tuple(net)
        for index, rate in enumerate(rates):
            if rate.inclusive != inclusive:
                continue
            pushed = _push(base, shares[index] / contained if inclusive else shares[index])
            by_rate[index] = sum(pushed)
            tax = [former + more for former, more in zip(tax, pushed, strict=True)]
            if inclusive:
                net = [former - less for former, less in zip(net, pushed, strict=True)]
    return Taxes(tuple(net), tuple(tax), tuple(by_rate))


def _share(rate: TaxRate) -> Fraction:
    numerator, denominator = rate.rate.as_integer_ratio()
    return Fraction(numerator, denominator * 100)


def _push(lines_minor: Sequence[int], share: Fraction) -> list[int]:
    """`share` of the sum of the lines, rounded once, as parts of the lines."""
    if _is_mirrored(lines_minor):
        return [-part for part in _push([-line for line in lines_minor], share)]
    total = round_ratio(sum(lines_minor) * share.numerator, share.denominator)
    return largest_remainder(total, [line * share.numerator for line in lines_minor], share.denominator)


def _is_mirrored(lines_minor: Sequence[int]) -> bool:
    """Whether the document is the negative of another: by its sum, or where that is 0 by its first line."""
    return (sum(lines_minor) or next((line for line in lines_minor if line), 0)) < 0
