"""A document drafted from a bill: its lines with how each amount came about, its taxes, its total."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

from domain.money import UNROUNDED, to_major, to_minor
from domain.rating import Rated, Step, Usage, proportion, rate
from domain.state import Bill, Item
from domain.tax import tax_on
from domain.terms import Terms

DocumentKind = Literal["invoice", "credit_note"]


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One line; `net_minor` is before tax. On a credit note a positive amount is a credit."""

    item: Item
    usage: Usage
    net_minor: int
    tax_minor: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A document that has no number yet. All amounts are minor units; a credit note's total is positive."""

    kind: DocumentKind
    lines: tuple[DraftLine, ...]
    net_minor: int
    tax_minor: int
    tax_by_rate: tuple[tuple[str, int], ...]

    @property
    def total_minor(self) -> int:
        return self.net_minor + self.tax_minor


def draft(bill: Bill, usage: Mapping[int, Usage], terms: Terms) -> Draft | None:
    """The document for `bill`, or None where it has no lines; `usage` is by position in `bill.items`.

    Each line is rounded once. Usage that costs nothing makes no line. What sums to less than zero is a
    credit note, the mirror image of the invoice that it would be.
    """
    priced = [_price(item, usage.get(position), terms.currency) for position, item in enumerate(bill.items)]
    lines = [line for line in priced if line.minor or line.item.kind != "usage"]
    if not lines:
        return None
    sign = -1 if sum(line.minor for line in lines) < 0 else 1
    taxes = tax_on([sign * line.minor for line in lines], terms.tax)
    return Draft(
        kind="credit_note" if sign < 0 else "invoice",
        lines=tuple(
            DraftLine(line.item, line.usage, net_minor, tax_minor, line.steps)
            for line, net_minor, tax_minor in zip(lines, taxes.net_by_line, taxes.tax_by_line, strict=True)
        ),
        net_minor=taxes.net_minor,
        tax_minor=taxes.tax_minor,
        tax_by_rate=tuple(zip((rate.name for rate in terms.tax), taxes.tax_by_rate, strict=True)),
    )


def earned(item: Item, usage: Usage | None, currency: str) -> int:
    """What `item` is worth in minor units: its line's amount before tax, negative for a credit."""
    return _price(item, usage, currency).minor


class _Priced(NamedTuple):
    item: Item
    usage: Usage
    minor: int
    steps: tuple[Step, ...]


def _price(item: Item, usage: Usage | None, currency: str) -> _Priced:
    if item.kind == "usage":
        assert usage is not None, f"usage of {item.line} was not rated"
        rated = _rate_usage(item, usage, currency)
        minor = to_minor(rated.amount, currency)
    else:
        assert item.quantity is not None
        usage = Usage(item.quantity)
        rated = rate(item.price, usage)
        minor = to_minor(proportion(rated.amount, item.part_days, item.whole_days), currency)
    return _Priced(item, usage, -minor if item.kind == "credit" else minor, rated.steps)


def _rate_usage(item: Item, usage: Usage, currency: str) -> Rated:
    """Tiers and units hold for any part of a period; a minimum holds for a whole one, so a part bears its days."""
    price = item.price
    if price.minimum is None or item.part_days == item.whole_days:
        return rate(price, usage)
    rated = rate(price.model_copy(update={"minimum": None}), usage)
    least = to_major(to_minor(proportion(price.minimum, item.part_days, item.whole_days), currency), currency)
    if rated.amount >= least:
        return rated
    label = f"up to the minimum of {price.minimum:,f} for {item.part_days} of {item.whole_days} days"
    return Rated(least, (*rated.steps, Step(label, None, None, UNROUNDED.subtract(least, rated.amount))))


def monthly_value(terms: Terms) -> int:
    """The monthly recurring value of the lines with a fixed quantity, in minor units."""
    months = {"month": 1, "quarter": 3, "year": 12}
    values = (
        Fraction(rate(line.price, Usage(line.units)).amount) / months[line.every]
        for line in terms.lines
        if line.meter is None
    )
    return to_minor(sum(values, Fraction(0)), terms.currency)
