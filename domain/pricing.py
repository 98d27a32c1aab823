"""What an item of a bill is worth: its gross amount with the steps that explain it, before and after discounts."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

from domain.money import UNROUNDED, exponent, round_half_away, to_major, to_minor
from domain.rating import Rated, Step, Usage, proportion, rate
from domain.rounding import rounded
from domain.state import Item
from domain.tax import TaxRate, contained_in

ONE = Decimal(1)


@dataclass(slots=True)
class PricedLine:
    """A line of a document to be, in minor units with all that its price includes; negative for a credit.

    `exact` is its amount before it is rounded, kept only where something needs it. `taken` is what each discount of a
    fixed amount took off, `drawn_minor` what prepaid credits pay of it, by grant. `stretches` are what a period that is
    adjusted comes to now, `sources` the lines that a drawing of prepaid credits pays for, with how much of each.
    `earned_on` is the one day on which it is earned, where its days do not say.
    """

    item: Item
    line_id: str
    kind: str
    starts_on: date
    ends_on: date
    minor: int
    usage: Usage
    steps: tuple[Step, ...] = ()
    rates: tuple[TaxRate, ...] = ()
    exact: Fraction | None = None
    gross: Fraction | None = None
    taken: tuple[tuple[str, int], ...] = ()
    drawn_minor: dict[str, int] = field(default_factory=dict)
    period_id: str | None = None
    stretches: tuple["PricedLine", ...] = ()
    sources: tuple[tuple["PricedLine", int], ...] = ()
    earned_on: date | None = None


def priced(item: Item, usage: Usage | None, currency: str, *, exact: bool = False) -> PricedLine:
    """The line of an item, rounded once; `usage` is needed where its kind is usage. With `exact` also unrounded."""
    if item.kind == "usage":
        assert usage is not None, f"usage of {item.line} was not rated"
        # Only here: what is claimed stays unrounded, so that late usage is rounded with all else of its stretch.
        usage = rounded(usage, item.round)
        rated, whole = _rate_usage(item, usage, currency), True
    else:
        usage = Usage(ONE if item.quantity is None else item.quantity)
        rated, whole = rate(item.price, usage), item.part_days == item.whole_days
    amount = rated.amount if whole else proportion(rated.amount, item.part_days, item.whole_days)
    minor = to_minor(amount, currency)
    line = PricedLine(
        item, item.line, item.kind, item.start, item.end, -minor if item.kind == "credit" else minor, usage, rated.steps
    )
    if exact:
        unrounded = Fraction(amount) * 10 ** exponent(currency)
        line.exact = line.gross = -unrounded if item.kind == "credit" else unrounded
    return line


def settle(line: PricedLine) -> None:
    """Round the line, after the last discount."""
    if line.exact is not None:
        line.minor = round_half_away(line.exact)


def net_of(line: PricedLine, minor: int) -> int:
    """What is left of an amount of the line without the taxes that its price includes."""
    return round_half_away(minor / contained_in(line.rates)) if line.rates else minor


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
