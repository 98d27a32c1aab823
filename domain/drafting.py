"""The lines of a document: what its items come to, what is late, committed or prepaid, and the taxes on all of it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from domain import commitments, late, prepaid
from domain.books import BookedLine, Books, Document, DocumentKind
from domain.discounts import discount
from domain.matter import Matter
from domain.offers import Discount
from domain.pricing import PricedLine, priced
from domain.state import Bill, Item
from domain.still_charged import lower
from domain.tax import Taxes, TaxRate, tax_on
from domain.terms import Terms

# What costs nothing makes no line, where no one agreed on a line.
FREE_MAKES_NO_LINE = frozenset({"usage", "prepaid"})


@dataclass(slots=True)
class Drafted:
    """A document's lines with their taxes, not stored yet. A credit note has its lines mirrored in `taxes`.

    `bought` are the credits that it sells, with whether that is a top-up: also those that are free.
    """

    kind: DocumentKind
    lines: list[PricedLine]
    taxes: Taxes
    bought: list[tuple[PricedLine, bool]]
    rates: tuple[TaxRate, ...] = ()

    @property
    def sign(self) -> int:
        return -1 if self.kind == "credit_note" else 1


def drafted(matter: Matter, bill: Bill) -> Drafted:
    """The lines of the bill's document; commitments, periods and grants are counted on in the books."""
    terms = matter.terms
    rerated = [item for item in bill.items if item.rerated]
    lines = charged(matter, bill)
    adjusted: list[PricedLine] = []
    if rerated or matter.books.periods:
        adjusted = late.adjustments(matter, rerated, regular=bill.regular)
    if terms.meters:
        late.billed(matter, lines)
    bought = [(line, False) for line in lines if line.kind == "prepaid"]
    lines = [line for line in lines if line.minor or line.kind not in FREE_MAKES_NO_LINE] + adjusted
    if terms.commitments:
        lines += commitments.true_ups(matter, bill.items, lines)
    if terms.credits:
        lines += prepaid.drawn_lines(matter, lines)
        if bill.regular and not matter.state.over and not bought:
            topped_up = prepaid.top_ups(matter, bill.on)
            lines += [line for line in topped_up if line.minor]
            bought = [(line, True) for line in topped_up]
    return taxed(terms, lines, bought)


def charged(matter: Matter, bill: Bill) -> list[PricedLine]:
    """The lines of the bill's own items after discounts, also those that cost nothing."""
    terms = matter.terms
    discounts, currency, has_tax = terms.discounts, terms.currency, bool(terms.tax)
    lines = []
    for item in bill.items:
        if item.rerated or item.kind == "true_up":
            continue
        used = matter.usage.usage(item) if item.kind == "usage" else None
        line = priced(item, used, currency, exact=bool(discounts) or item.kind == "credit")
        if has_tax:
            line.rates = matter.rates(item.line)
        lines.append(line)
    if discounts:
        discount(lines, discounts, currency, regular=bill.regular, share_of=shares(matter))
    return lower(matter.books, lines, currency)


def taxed(terms: Terms, lines: list[PricedLine], bought: list[tuple[PricedLine, bool]]) -> Drafted:
    """The document of these lines. What sums to less than zero is a credit note, the mirror image of an invoice."""
    amounts = [line.minor for line in lines]
    kind: DocumentKind = "invoice"
    if sum(amounts) < 0:
        kind, amounts = "credit_note", [-amount for amount in amounts]
    if not terms.tax:
        return Drafted(kind, lines, Taxes(tuple(amounts), (0,) * len(amounts), ()), bought)
    # The stated ones come first, in their order, and then what a provider knows besides.
    every = tuple(dict.fromkeys([*terms.tax, *(rate for line in lines for rate in line.rates)]))
    return Drafted(kind, lines, tax_on(amounts, every, [line.rates for line in lines]), bought, every)


def billing_line(
    books: Books, line_id: str, day: date, kinds: Collection[str] = ("charge",)
) -> tuple[Document, BookedLine] | None:
    """The invoice, and its line, that last billed that day of a contract's line."""
    for document in reversed(books.documents.values()):
        if document.kind == "invoice":
            for line in document.lines:
                if line.line_id == line_id and line.kind in kinds and line.starts_on <= day < line.ends_on:
                    return document, line
    return None


def shares(matter: Matter) -> Callable[[Item, Discount], Fraction | None]:
    """How much of a discount of a fixed amount an item bears: its part of what the line that billed its days bore."""

    def share(item: Item, one: Discount) -> Fraction | None:
        found = billing_line(matter.books, item.line, item.start)
        if found is None or found[1].item is None:
            return None
        billed, whole = found[1], found[1].item
        taken_minor = sum(minor for id_, minor in billed.discounted if id_ == one.id)
        part = Fraction(item.part_days, item.whole_days)
        return abs(taken_minor) * part / Fraction(whole.part_days, whole.whole_days)

    return share
