"""Money that comes for an invoice."""

from dataclasses import dataclass
from datetime import date, datetime

from domain.allocation import allocate
from domain.bearers import revenue_of
from domain.books import Books, Document
from domain.corrected import remainders, written_off_tax
from domain.correction_entry import Correction, begin, check
from domain.credits import give
from domain.errors import DomainError
from domain.money import round_ratio


@dataclass(frozen=True, slots=True)
class Paid:
    """What became of money, in minor units: it paid what was open, recovered what was written off, or is credit."""

    applied_minor: int
    recovered_minor: int
    credit_minor: int


def pay(
    books: Books,
    invoice_id: str,
    amount_minor: int,
    *,
    on: date,
    at: datetime,
    key: str,
    account: str = "cash",
    ended_on: date | None = None,
) -> Paid:
    """Apply money that came to `account`: to what is open, then to what was written off; the rest is customer credit.

    Money after a write-off first takes back bad debt; what is beyond is revenue for days gone by since and deferred
    for days to come. `ended_on` is the day on which the contract ended: there are none to come from then on.

    Raises:
        DomainError: if the amount is not above 0, there is no such invoice, or the day's month is closed.
    """
    document = check(books, "payment", invoice_id, on=on, at=at, key=key)
    if amount_minor <= 0:
        raise DomainError("the amount must be above 0", "/amount")
    applied_minor = min(amount_minor, document.open_minor)
    recovered_minor = min(amount_minor - applied_minor, document.written_off_minor)
    credit_minor = amount_minor - applied_minor - recovered_minor
    correction = Correction(books, document, "payment", on, key)
    if recovered_minor:
        # Only here it matters how much is earned by now.
        correction = begin(books, document, "payment", on=on, key=key)
    correction.debit(account, amount_minor)
    correction.credit("receivable", applied_minor)
    document.paid_minor += applied_minor
    if recovered_minor:
        _recover(correction, recovered_minor, ended_on)
    if credit_minor:
        correction.credit("customer_credit", credit_minor)
        give(books, "payment", key, document.id, credit_minor)
    _settle(document)
    correction.post()
    return Paid(applied_minor, recovered_minor, credit_minor)


def _recover(correction: Correction, amount_minor: int, ended_on: date | None) -> None:
    document = correction.document
    tax_minor = round_ratio(amount_minor * written_off_tax(document), document.written_off_minor)
    bad_debt_minor = min(amount_minor - tax_minor, document.bad_debt_minor)
    # A share of tax that was rounded down may leave more than there is net.
    redone_minor = min(amount_minor - tax_minor - bad_debt_minor, document.undone_minor)
    tax_minor = amount_minor - bad_debt_minor - redone_minor
    correction.credit("bad_debt", bad_debt_minor)
    correction.credit("tax_payable", tax_minor)
    _redo(correction, redone_minor, ended_on)
    document.paid_minor += amount_minor
    document.written_off_minor -= amount_minor
    document.bad_debt_minor -= bad_debt_minor
    document.undone_minor -= redone_minor


def _redo(correction: Correction, net_minor: int, ended_on: date | None) -> None:
    """Take up the revenue that the write-off undid, line by line."""
    document, since = correction.document, correction.document.written_off_on
    assert since is not None
    if not net_minor:
        return
    lines = remainders(correction.books, document)
    bearers = [revenue_of(correction.books, one, correction.on) for one in lines]
    undone = [max(0, bearer.undone(since)) for bearer in bearers]
    weights = undone if any(undone) else [max(0, one.net_minor) for one in lines]
    for one, bearer, part in zip(lines, bearers, allocate(net_minor, weights), strict=True):
        earned_minor = bearer.give(part, since, ended_on) if part else 0
        correction.credit("revenue", earned_minor, one.line.line_id)
        correction.credit("contract_position", part - earned_minor, one.line.line_id)


def _settle(document: Document) -> None:
    if document.status == "open" and document.open_minor == 0:
        document.status = "paid"
    if document.status == "uncollectible" and document.written_off_minor == 0:
        document.status = "paid"
