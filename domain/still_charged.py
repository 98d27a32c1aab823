"""What is still charged of days that were billed: a change of the contract credits no more than that.

A credit note or a refund of a line lowers all days alike that its invoice line still charges.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from domain.books import BookedLine, Books, Document
from domain.corrected import Remainder, remainders
from domain.keys import derived
from domain.money import to_major
from domain.pricing import PricedLine, settle
from domain.rating import Step
from domain.tax import contained_in


@dataclass(frozen=True, slots=True)
class _Billed:
    """What billed a day last: the line, which a change may have put on a credit note, and the invoice line below it."""

    line: BookedLine
    invoice: Document
    below: BookedLine


def lower(books: Books, lines: Iterable[PricedLine], currency: str) -> list[PricedLine]:
    """The lines, with the credits among them lowered to what is still charged of their days; without those of nothing.

    A credit of days that a line before it charges, on this same document, stands against that one. The others carry
    their exact amounts, and are rounded once.
    """
    kept: list[PricedLine] = []
    left = dict[str, Fraction]()
    for line in lines:
        lowered = line.kind == "credit" and line.minor and not any(_charges(one, line) for one in kept)
        billed = _billed(books, line) if lowered else None
        if billed is None:
            kept.append(line)
            continue
        remainder = next(one for one in remainders(books, billed.invoice) if one.line is billed.below)
        tax_minor = remainder.tax_minor if contained_in(line.rates) != 1 else 0
        most = left.setdefault(billed.below.id, _owed(billed.invoice) * (remainder.net_minor + tax_minor))
        assert line.exact is not None
        exact, was_minor = line.exact, line.minor
        line.exact = -min(-exact * _share(books, billed, remainder) * _owed(billed.invoice), most)
        left[billed.below.id] = most + line.exact
        settle(line)
        if line.minor != was_minor:
            line.steps = (*line.steps, Step("credited before", None, None, to_major(line.minor - was_minor, currency)))
        if line.minor:
            kept.append(line)
    return kept


def _charges(charge: PricedLine, credit: PricedLine) -> bool:
    same = charge.line_id == credit.line_id and charge.kind == "charge"
    return same and charge.starts_on <= credit.starts_on < charge.ends_on


def _billed(books: Books, credit: PricedLine) -> _Billed | None:
    last: BookedLine | None = None
    for document in reversed(books.documents.values()):
        if document.kind == "credit_note" and document.correction_id is not None:
            continue
        for line in document.lines:
            same = line.line_id == credit.line_id and line.kind == "charge"
            if same and line.starts_on <= credit.starts_on < line.ends_on:
                last = last or line
                if document.kind == "invoice":
                    return _Billed(last, document, line)
    return None


def _share(books: Books, billed: _Billed, remainder: Remainder) -> Fraction:
    """How much of its price the days of the last line that billed them are still charged.

    What was taken off before a change lowered only what the invoice itself still charges, what was taken off since
    also what the change billed.
    """
    line = billed.below
    before_minor = _taken_before_change(books, billed, remainder)
    whole_minor = remainder.whole_net_minor - before_minor
    share = Fraction(remainder.net_minor, whole_minor) if whole_minor > 0 else Fraction(0)
    if billed.line is line and line.net_minor:
        share *= Fraction(line.net_minor - before_minor, line.net_minor)
    return max(Fraction(0), min(share, Fraction(1)))


def _taken_before_change(books: Books, billed: _Billed, remainder: Remainder) -> int:
    """What credit notes had taken off the invoice line when a change last credited its days."""
    changes = {line.id for line in remainder.changes}
    notes = [one for one in books.documents.values() if one.kind == "credit_note"]
    changed = [note.issued_at for note in notes for line in note.lines if line.id in changes]
    if not changed:
        return 0
    return sum(
        line.net_minor
        for note in notes
        if note.corrects == billed.invoice.id and note.correction_id is not None and note.issued_at < max(changed)
        for line in note.lines
        if line.id == derived("il", note.id, billed.below.id)
    )


def _owed(invoice: Document) -> Fraction:
    """The part of the invoice that is not written off."""
    return 1 - Fraction(invoice.written_off_minor, invoice.total_minor) if invoice.total_minor else Fraction(1)
