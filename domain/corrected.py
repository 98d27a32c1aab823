"""What is left of an invoice after its corrections, and how an amount with tax is spread over its lines."""

from collections.abc import Sequence
from typing import NamedTuple

from domain.allocation import allocate
from domain.books import BookedLine, Document
from domain.money import round_ratio


class Share(NamedTuple):
    """A part of one line, in minor units."""

    line: BookedLine
    net_minor: int
    tax_minor: int


class _Sums(NamedTuple):
    """What stood on some lines, and what is left of it."""

    net_minor: int
    tax_minor: int
    net_left_minor: int
    tax_left_minor: int

    @property
    def left_minor(self) -> int:
        return self.net_left_minor + self.tax_left_minor


def net_left(line: BookedLine) -> int:
    """What is left of the line's net."""
    return line.net_minor - line.credited_minor


def tax_left(line: BookedLine) -> int:
    """What is left of the line's tax."""
    return line.tax_minor - line.credited_tax_minor


def left(document: Document) -> int:
    """What of the invoice was neither credited, nor refunded beyond that, nor written off; tax included."""
    return _sums(document.lines).left_minor - document.written_off_minor


def creditable(document: Document, line_id: str | None) -> tuple[BookedLine, ...]:
    """The lines that a correction of the contract's line may take something off; of all lines, if none is named."""
    return tuple(line for line in document.lines if line_id in (None, line.line_id) and net_left(line) > 0)


def creditable_minor(document: Document, line_id: str | None) -> int:
    """The most that may be credited, tax included: of lines that lower the invoice nothing can be given back."""
    return min(left(document), _sums(creditable(document, line_id)).left_minor)


def split(document: Document, amount_minor: int, line_id: str | None = None) -> list[Share]:
    """`amount_minor`, tax included, over the creditable lines by what is left of their net.

    The tax is in the ratio of the invoice, or of the named line; it is cumulative over all corrections, so that the
    last one takes exactly what is left. `amount_minor` is at most `creditable_minor`.
    """
    chosen = creditable(document, line_id)
    tax_minor = _tax_in(document, _sums(chosen if line_id else document.lines), _sums(chosen), amount_minor)
    nets = _spread(amount_minor - tax_minor, [net_left(line) for line in chosen])
    taxes = _spread(tax_minor, [tax_left(line) for line in chosen])
    return [Share(*parts) for parts in zip(chosen, nets, taxes, strict=True)]


def tax_of_open(document: Document) -> int:
    """The tax in what is still owed."""
    sums = _sums(document.lines)
    return _tax_in(document, sums, sums, document.open_minor)


def written_off_tax(document: Document) -> int:
    """The tax in what was written off and has not come since."""
    return document.written_off_minor - document.bad_debt_minor - document.undone_minor


def take_off(shares: Sequence[Share]) -> None:
    """Note on the lines what of them was credited or refunded."""
    for line, net_minor, tax_minor in shares:
        line.credited_minor += net_minor
        line.credited_tax_minor += tax_minor


def whole(document: Document) -> list[Share]:
    """All that is left of each line, also of those that lower the invoice."""
    return [Share(line, net_left(line), tax_left(line)) for line in document.lines]


def _sums(lines: Sequence[BookedLine]) -> _Sums:
    return _Sums(
        sum(line.net_minor for line in lines),
        sum(line.tax_minor for line in lines),
        sum(net_left(line) for line in lines),
        sum(tax_left(line) for line in lines),
    )


def _tax_in(document: Document, whole: _Sums, chosen: _Sums, amount_minor: int) -> int:
    """The tax in the next `amount_minor` of `whole`: what it comes to with all before, less what was taken before."""
    lost, lost_tax = document.written_off_minor, written_off_tax(document)
    gross = whole.net_minor + whole.tax_minor
    before = gross - whole.left_minor + lost
    reached = round_ratio((before + amount_minor) * whole.tax_minor, gross)
    tax_minor = reached - (whole.tax_minor - whole.tax_left_minor + lost_tax)
    invoice = _sums(document.lines)
    most = min(amount_minor, chosen.tax_left_minor, invoice.tax_left_minor - lost_tax)
    net_most = min(chosen.net_left_minor, invoice.net_left_minor - (lost - lost_tax))
    return max(0, amount_minor - net_most, min(tax_minor, most))


def _spread(amount_minor: int, weights: Sequence[int]) -> list[int]:
    return allocate(amount_minor, weights) if amount_minor else [0] * len(weights)
