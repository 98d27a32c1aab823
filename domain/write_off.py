"""Invoices that nobody will pay."""

from datetime import date, datetime

from domain.allocation import allocate
from domain.bearers import revenue_of
from domain.books import Books, Document
from domain.corrected import remainders, tax_of_open
from domain.correction_entry import begin, check
from domain.errors import DomainError


def write_off(books: Books, invoice_id: str, *, on: date, at: datetime, key: str) -> None:
    """Give up what is open on the invoice: what was earned and not paid is bad debt, the rest is undone.

    What was paid beyond what was earned is earned on the days left; the open amount's tax is not owed any more.

    Raises:
        DomainError: if nothing is open on the invoice.
    """
    document = check(books, "write_off", invoice_id, on=on, at=at, key=key)
    _check_open(document)
    correction = begin(books, document, "write_off", on=on, key=key)
    lines = remainders(books, document)
    bearers = [revenue_of(books, one, on) for one in lines]
    to_come = [one.net_minor - bearer.earned() for one, bearer in zip(lines, bearers, strict=True)]
    open_minor, tax_minor = document.open_minor, tax_of_open(document, lines)
    net_minor = open_minor - tax_minor
    undone_minor = max(0, min(net_minor, sum(to_come)))
    for one, bearer, part in zip(lines, bearers, _parts(undone_minor, to_come), strict=True):
        bearer.stop(part)
        correction.debit("contract_position", part, one.line.line_id)
    correction.debit("bad_debt", net_minor - undone_minor)
    correction.debit("tax_payable", tax_minor)
    correction.credit("receivable", open_minor)
    document.written_off_minor = open_minor
    document.bad_debt_minor = net_minor - undone_minor
    document.undone_minor = undone_minor
    document.written_off_on = on
    document.status = "uncollectible"
    correction.post()


def _parts(undone_minor: int, to_come: list[int]) -> list[int]:
    """What is undone of each line: all that is to come, or a part of it of those that have something to come."""
    if undone_minor == sum(to_come):
        return to_come
    return allocate(undone_minor, [max(0, part) for part in to_come]) if undone_minor else [0] * len(to_come)


def _check_open(document: Document) -> None:
    if document.status == "uncollectible":
        raise DomainError("the invoice is written off already", "/invoice")
    if document.status == "void":
        raise DomainError("the invoice is void; nothing of it is owed", "/invoice")
    if document.open_minor <= 0:
        raise DomainError("the invoice is paid; refund or credit it instead", "/invoice")
