"""A document drafted from a bill alone: its lines with how each amount came about, its taxes, its total.

What a contract's books add to it, such as commitments, prepaid credits and late usage, is left to `domain.issuing`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from domain.books import DocumentKind
from domain.discounts import discount
from domain.drafting import FREE_MAKES_NO_LINE, taxed
from domain.interval import months_in
from domain.money import to_minor
from domain.pricing import PricedLine, priced
from domain.rating import Step, Usage, rate
from domain.state import Bill, Item
from domain.taxation import STATED_RATES
from domain.terms import Terms

__all__ = ["DocumentKind", "Draft", "DraftLine", "draft", "earned", "monthly_value"]


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

    Each line is rounded once, after discounts. Usage that costs nothing makes no line. What sums to less than zero is
    a credit note, the mirror image of the invoice that it would be. Commitments are left out.
    """
    currency, exact = terms.currency, bool(terms.discounts)
    lines: list[PricedLine] = []
    for position, item in enumerate(bill.items):
        if item.kind != "true_up":
            line = priced(item, usage.get(position), currency, exact=exact)
            if terms.tax and item.kind != "prepaid":
                line.rates = STATED_RATES.rates(terms, terms.line(item.line))
            lines.append(line)
    if exact:
        discount(lines, terms.discounts, currency, regular=bill.regular, share_of=lambda item, one: None)
    lines = [line for line in lines if line.minor or line.kind not in FREE_MAKES_NO_LINE]
    if not lines:
        return None
    document = taxed(terms, lines, [])
    taxes = document.taxes
    return Draft(
        kind=document.kind,
        lines=tuple(
            DraftLine(line.item, line.usage, net_minor, tax_minor, line.steps)
            for line, net_minor, tax_minor in zip(lines, taxes.net_by_line, taxes.tax_by_line, strict=True)
        ),
        net_minor=taxes.net_minor,
        tax_minor=taxes.tax_minor,
        tax_by_rate=tuple(zip((rate.name for rate in document.rates), taxes.tax_by_rate, strict=True)),
    )


def earned(item: Item, usage: Usage | None, currency: str) -> int:
    """What `item` is worth in minor units: its line's amount before tax, negative for a credit."""
    return priced(item, usage, currency).minor


def monthly_value(terms: Terms) -> int:
    """The monthly recurring value of the lines with a fixed quantity, in minor units."""
    values = (
        Fraction(rate(line.price, Usage(line.units)).amount) / months_in(line.every)
        for line in terms.lines
        if line.meter is None and line.every != "once"
    )
    return to_minor(sum(values, Fraction(0)), terms.currency)
