"""Voiding an invoice that should not have been."""

from datetime import date, datetime

from domain import redrawing
from domain.bearers import take_back
from domain.books import Books, Document
from domain.corrected import left, remainders, whole
from domain.correction_entry import begin, check
from domain.credits import give_back
from domain.errors import DomainError


def void(books: Books, invoice_id: str, *, on: date, at: datetime, key: str) -> None:
    """Reverse what is left of an unpaid invoice, on the day `on`; give back the credits that it used.

    Those are customer credit and prepaid credits, of which what has expired meanwhile stays expired. What was
    recognised becomes negative revenue of that day.

    Raises:
        DomainError: if money was paid on the invoice, it is settled, written off or void.
    """
    document = check(books, "void", invoice_id, on=on, at=at, key=key)
    _check_unpaid(document)
    lines, open_minor = remainders(books, document), document.open_minor
    unused_minor = left(document, lines) - open_minor
    if unused_minor < 0:
        raise DomainError("a change has credited days of it on another invoice; credit it instead", "/invoice")
    correction = begin(books, document, "void", on=on, key=key)
    take_back(correction, whole(lines), "revenue")
    redrawing.give_back(correction, document)
    correction.credit("receivable", open_minor)
    correction.credit("customer_credit", unused_minor)
    give_back(books, unused_minor)
    document.status = "void"
    correction.post()


def _check_unpaid(document: Document) -> None:
    if document.status == "void":
        raise DomainError("the invoice is void already", "/invoice")
    if document.status == "uncollectible":
        raise DomainError("the invoice is written off, which has undone what was not earned", "/invoice")
    if document.status == "paid" or document.paid_minor:
        raise DomainError("the invoice is paid, or a part of it; credit it instead", "/invoice")
