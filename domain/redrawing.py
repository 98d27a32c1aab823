"""Prepaid credits that an invoice drew: given back when it is void, drawn again when it is billed again."""

from collections.abc import Iterator
from typing import NamedTuple

from domain.books import BookedLine, Books, Document, Grant
from domain.correction_entry import Correction
from domain.errors import DomainError
from domain.prepaid import DRAWING, earned


class Drawn(NamedTuple):
    """What a line of an invoice drew of a grant; below zero where it gave back."""

    line: BookedLine
    grant: Grant
    amount_minor: int


def drawn_by(books: Books, document: Document) -> Iterator[Drawn]:
    """What the invoice's usage drew, line by line."""
    for line in document.lines:
        if line.kind in DRAWING:
            for id_, amount_minor in line.discounted:
                if id_ in books.grants:
                    yield Drawn(line, books.grants[id_], amount_minor)


def check_left(books: Books, document: Document) -> None:
    """Raise unless there is still as much of each grant as the void invoice had drawn.

    Raises:
        DomainError: if later invoices have used it.
    """
    wanted: dict[str, int] = {}
    for drawn in drawn_by(books, document):
        grant = drawn.grant
        wanted[grant.id] = wanted.get(grant.id, 0) + drawn.amount_minor
        if grant.used_minor + wanted[grant.id] > grant.granted_minor:
            raise DomainError("the prepaid credits that it used have been used by later invoices", "/invoice")


def give_back(correction: Correction, document: Document) -> None:
    """Put what the invoice drew back into the grants that it came from; what was earned of it is earned no more.

    What has expired meanwhile is no use to anyone: it stays earned, as what is left at expiry.
    """
    for drawn in drawn_by(correction.books, document):
        _use(correction, drawn, -drawn.amount_minor)


def draw_again(correction: Correction, document: Document) -> None:
    """Draw what the void invoice had drawn, from the same grants: its usage is of days on which they held."""
    for drawn in drawn_by(correction.books, document):
        _use(correction, drawn, drawn.amount_minor)


def _use(correction: Correction, drawn: Drawn, amount_minor: int) -> None:
    books, (line, grant, _) = correction.books, drawn
    used_minor = grant.used_minor + amount_minor
    if not _is_over(grant, correction):
        earned_minor = earned(grant, used_minor) - earned(grant, grant.used_minor)
        grant.earned_minor += earned_minor
        correction.debit("contract_position", earned_minor, line.line_id)
        correction.credit("revenue", earned_minor, line.line_id)
    grant.used_minor = used_minor
    books.touched.add(("grants", grant.id))
    for period in books.periods.values():
        if period.line_id == line.line_id and period.starts_on <= line.starts_on < period.ends_on:
            period.drawn_minor += amount_minor
            books.touched.add(("periods", period.id))


def _is_over(grant: Grant, correction: Correction) -> bool:
    return grant.closed or (grant.expires_on is not None and correction.on > grant.expires_on)
