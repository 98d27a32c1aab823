"""Payments that the customer's bank holds back. Recognition goes on until the dispute is lost."""

from datetime import date, datetime

from domain.books import Books, Document
from domain.correction_entry import begin, check, check_amount
from domain.errors import DomainError
from domain.refund import hand_back, kept


def dispute(
    books: Books,
    invoice_id: str,
    amount_minor: int | None = None,
    *,
    on: date,
    at: datetime,
    key: str,
    account: str = "cash",
) -> None:
    """The bank takes `amount_minor` of what was paid out of `account` until the dispute is decided; all if absent.

    Raises:
        DomainError: if nothing was paid, less than that, or a dispute runs already.
    """
    document = check(books, "dispute", invoice_id, on=on, at=at, key=key)
    if document.disputed_minor:
        raise DomainError("the invoice is in dispute already", "/invoice")
    if kept(document) <= 0:
        raise DomainError("nothing that was paid on the invoice is left to dispute", "/invoice")
    disputed_minor = kept(document) if amount_minor is None else amount_minor
    check_amount(disputed_minor, kept(document), "what was paid and is left")
    correction = begin(books, document, "dispute", on=on, key=key)
    correction.debit("disputed", disputed_minor)
    correction.credit(account, disputed_minor)
    document.disputed_minor = disputed_minor
    correction.post()


def dispute_won(books: Books, invoice_id: str, *, on: date, at: datetime, key: str, account: str = "cash") -> None:
    """The money is back in `account`.

    Raises:
        DomainError: if there is no dispute.
    """
    document = _disputed(books, "dispute_won", invoice_id, on=on, at=at, key=key)
    correction = begin(books, document, "dispute_won", on=on, key=key)
    correction.debit(account, document.disputed_minor)
    correction.credit("disputed", document.disputed_minor)
    document.disputed_minor = 0
    correction.post()


def dispute_lost(books: Books, invoice_id: str, *, on: date, at: datetime, key: str) -> None:
    """The money is gone, as if it had been refunded.

    Raises:
        DomainError: if there is no dispute.
    """
    document = _disputed(books, "dispute_lost", invoice_id, on=on, at=at, key=key)
    correction = begin(books, document, "dispute_lost", on=on, key=key)
    disputed_minor, document.disputed_minor = document.disputed_minor, 0
    correction.credit("disputed", disputed_minor)
    hand_back(correction, disputed_minor)
    correction.post()


def _disputed(books: Books, kind: str, invoice_id: str, *, on: date, at: datetime, key: str) -> Document:
    document = check(books, kind, invoice_id, on=on, at=at, key=key)
    if not document.disputed_minor:
        raise DomainError("no dispute of the invoice is open", "/invoice")
    return document
