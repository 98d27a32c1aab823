"""Money that goes back to the customer."""

from datetime import date, datetime

from domain.bearers import take_back
from domain.books import Books, Document
from domain.corrected import creditable, remainders, split
from domain.correction_entry import Correction, begin, check, check_amount
from domain.credits import pay_out, refundable


def refund(
    books: Books, invoice_id: str, amount_minor: int, *, on: date, at: datetime, key: str, gone_minor: int = 0
) -> None:
    """Give back `amount_minor` of what was paid: `gone_minor` has left the gateway already, the rest leaves `cash`.

    It first pays out customer credit that credit notes of the invoice made. What is beyond, tax included, comes from
    the lines: the earned share goes to `refunds`, the rest comes out of deferred revenue.

    Raises:
        DomainError: if less was paid, is left of that, or is not credited yet. Of money that is gone nothing is
            refused: what nothing bears any more is `refunds`.
    """
    document = check(books, "refund", invoice_id, on=on, at=at, key=key)
    if not gone_minor:
        check_amount(amount_minor, _most(books, document), "what was paid and may be given back")
    correction = begin(books, document, "refund", on=on, key=key)
    correction.credit("gateway_clearing", gone_minor)
    correction.credit("cash", amount_minor - gone_minor)
    hand_back(correction, amount_minor)
    correction.post()


def kept(document: Document) -> int:
    """What was paid on the invoice, was not given back, and is not held back by the bank."""
    return document.paid_minor - document.refunded_minor - document.disputed_minor


def hand_back(correction: Correction, amount_minor: int) -> None:
    """Debit what money that is gone is taken from; what the lines do not bear any more is `refunds` as well."""
    books, document = correction.books, correction.document
    from_credit_minor = pay_out(books, document.id, amount_minor)
    correction.debit("customer_credit", from_credit_minor)
    beyond_minor = amount_minor - from_credit_minor
    borne_minor = max(0, min(beyond_minor, _borne(books, document)))
    if borne_minor:
        take_back(correction, split(document, remainders(books, document), borne_minor), "refunds")
    correction.debit("refunds", beyond_minor - borne_minor)
    # The gateway may have given back more than was kept: what an overpayment brought was credit.
    document.refunded_minor = min(document.paid_minor, document.refunded_minor + amount_minor)


def _most(books: Books, document: Document) -> int:
    return min(kept(document), refundable(books, document.id) + _borne(books, document))


def _borne(books: Books, document: Document) -> int:
    """What of the lines was paid and not credited."""
    return creditable(document, remainders(books, document)) - document.open_minor
