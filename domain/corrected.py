"""What is left of an invoice after all that has credited it, and how an amount with tax is spread over its lines."""

from collections.abc import Sequence
from typing import NamedTuple

from domain.allocation import allocate
from domain.books import BookedLine, Books, Document
from domain.changed import changes_of
from domain.money import round_ratio


class Remainder(NamedTuple):
    """What is left of a line, in minor units; before corrections it was `whole_net_minor` and `whole_tax_minor`.

    `changes` are lines of credit notes by which changes of the contract credited its days.
    """

    line: BookedLine
    net_minor: int
    tax_minor: int
    whole_net_minor: int
    whole_tax_minor: int
    changes: tuple[BookedLine, ...] = ()


class Share(NamedTuple):
    """A part of what is left of a line, in minor units."""

    of: Remainder
    net_minor: int
    tax_minor: int


def remainders(books: Books, document: Document) -> list[Remainder]:
    """What is left of each line of the invoice, and of what changes have billed on credit notes of it."""
    by_line, others = changes_of(books, document)
    lines = [_remainder(line, tuple(by_line.get(line.id, ()))) for line in document.lines]
    return lines + [_mirrored(line) for line in others]


def left(document: Document, lines: Sequence[Remainder]) -> int:
    """What of the invoice was neither credited, nor refunded beyond that, nor written off; tax included."""
    return _gross(lines) - document.written_off_minor


def creditable(document: Document, lines: Sequence[Remainder], line_id: str | None = None) -> int:
    """The most that may be taken off a line of the contract, or off all if none is named, tax included.

    Nothing is taken off lines that lower the invoice.
    """
    return min(left(document, lines), _gross(_chosen(lines, line_id)))


def split(document: Document, lines: Sequence[Remainder], amount_minor: int, line_id: str | None = None) -> list[Share]:
    """`amount_minor`, tax included, over the creditable lines by what is left of their net.

    The tax is in the ratio of the invoice, or of the named line; it is cumulative over all corrections, so that the
    last one takes exactly what is left. `amount_minor` is at most `creditable`.
    """
    chosen = _chosen(lines, line_id)
    tax_minor = _tax_in(document, lines, chosen if line_id else lines, chosen, amount_minor)
    nets = _spread(amount_minor - tax_minor, [one.net_minor for one in chosen])
    taxes = _spread(tax_minor, [one.tax_minor for one in chosen])
    return [Share(*parts) for parts in zip(chosen, nets, taxes, strict=True)]


def whole(lines: Sequence[Remainder]) -> list[Share]:
    """All that is left of each line, also of those that lower the invoice."""
    return [Share(one, one.net_minor, one.tax_minor) for one in lines]


def tax_of_open(document: Document, lines: Sequence[Remainder]) -> int:
    """The tax in what is still owed."""
    return _tax_in(document, lines, lines, lines, document.open_minor)


def written_off_tax(document: Document) -> int:
    """The tax in what was written off and has not come since."""
    return document.written_off_minor - document.bad_debt_minor - document.undone_minor


def take_off(shares: Sequence[Share]) -> None:
    """Note on the lines what of them was credited or refunded."""
    for of, net_minor, tax_minor in shares:
        of.line.credited_minor += net_minor
        of.line.credited_tax_minor += tax_minor


def _remainder(line: BookedLine, changes: tuple[BookedLine, ...]) -> Remainder:
    net_minor = line.net_minor - sum(change.net_minor for change in changes)
    tax_minor = line.tax_minor - sum(change.tax_minor for change in changes)
    net_left, tax_left = net_minor - line.credited_minor, tax_minor - line.credited_tax_minor
    return Remainder(line, net_left, tax_left, net_minor, tax_minor, changes)


def _mirrored(line: BookedLine) -> Remainder:
    """What a credit note takes back it bills: its lines have the opposite sign."""
    net_left, tax_left = -line.net_minor - line.credited_minor, -line.tax_minor - line.credited_tax_minor
    return Remainder(line, net_left, tax_left, -line.net_minor, -line.tax_minor)


def _chosen(lines: Sequence[Remainder], line_id: str | None) -> list[Remainder]:
    return [one for one in lines if one.net_minor > 0 and line_id in (None, one.line.line_id)]


def _gross(lines: Sequence[Remainder]) -> int:
    return sum(one.net_minor + one.tax_minor for one in lines)


def _tax_in(
    document: Document,
    lines: Sequence[Remainder],
    base: Sequence[Remainder],
    chosen: Sequence[Remainder],
    amount_minor: int,
) -> int:
    """The tax in the next `amount_minor` of `base`: what it comes to with all before, less what was taken before."""
    lost, lost_tax = document.written_off_minor, written_off_tax(document)
    whole_tax = sum(one.whole_tax_minor for one in base)
    whole_gross = whole_tax + sum(one.whole_net_minor for one in base)
    before = whole_gross - _gross(base) + lost
    tax_before = whole_tax - sum(one.tax_minor for one in base) + lost_tax
    tax_minor = round_ratio((before + amount_minor) * whole_tax, whole_gross) - tax_before
    tax_left = min(_taxes(chosen), _taxes(lines) - lost_tax)
    net_left = min(_nets(chosen), _nets(lines) - (lost - lost_tax))
    return max(0, amount_minor - net_left, min(tax_minor, amount_minor, tax_left))


def _nets(lines: Sequence[Remainder]) -> int:
    return sum(one.net_minor for one in lines)


def _taxes(lines: Sequence[Remainder]) -> int:
    return sum(one.tax_minor for one in lines)


def _spread(amount_minor: int, weights: Sequence[int]) -> list[int]:
    return allocate(amount_minor, weights) if amount_minor else [0] * len(weights)
