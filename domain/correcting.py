"""What can be done to an invoice after it was issued, as the API asks for it. Amounts are minor units, tax included."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from domain import correction
from domain.books import Books
from domain.line import Frozen, Slug
from domain.reissue import reissue
from domain.terms import Terms

Amount = Annotated[int, Field(gt=0, le=10**15, description="Minor units, tax included.")]
Reason = Annotated[str, Field(max_length=500)]


class RecordPayment(Frozen):
    """Money that came without the gateway, such as a bank transfer. What is beyond the invoice is customer credit."""

    kind: Literal["payment"] = "payment"
    amount_minor: Amount
    reference: Reason = ""


class IssueCreditNote(Frozen):
    """Less is owed; what was paid already becomes customer credit. All lines bear it if none is named."""

    kind: Literal["credit_note"] = "credit_note"
    amount_minor: Amount
    line: Slug | None = None
    reason: Reason = ""


class VoidInvoice(Frozen):
    """An unpaid invoice that should not have been."""

    kind: Literal["void"] = "void"
    reason: Reason = ""


class RefundPayment(Frozen):
    """Money goes back the way it came."""

    kind: Literal["refund"] = "refund"
    amount_minor: Amount
    reason: Reason = ""


class WriteOff(Frozen):
    """The invoice is uncollectible: bad debt for what was earned, the rest is undone."""

    kind: Literal["write_off"] = "write_off"
    reason: Reason = ""


class OpenDispute(Frozen):
    """The customer's bank holds the money back."""

    kind: Literal["dispute"] = "dispute"


class WinDispute(Frozen):
    """The money that was held back is ours after all."""

    kind: Literal["dispute_won"] = "dispute_won"


class LoseDispute(Frozen):
    """The money that was held back is gone."""

    kind: Literal["dispute_lost"] = "dispute_lost"


class BillAgain(Frozen):
    """What stood on a void invoice is billed again, dated today."""

    kind: Literal["bill_again"] = "bill_again"
    reason: Reason = ""


CorrectionType = (
    RecordPayment
    | IssueCreditNote
    | VoidInvoice
    | RefundPayment
    | WriteOff
    | OpenDispute
    | WinDispute
    | LoseDispute
    | BillAgain
)
Correction = Annotated[CorrectionType, Field(discriminator="kind")]

_PLAIN: dict[str, Callable[..., object]] = {
    "void": correction.void,
    "write_off": correction.write_off,
    "dispute": correction.dispute,
    "dispute_won": correction.dispute_won,
    "dispute_lost": correction.dispute_lost,
}


def correct(
    books: Books,
    terms: Terms,
    invoice_id: str,
    asked: CorrectionType,
    *,
    on: date,
    at: datetime,
    key: str,
    gone_minor: int = 0,
    ended_on: date | None = None,
) -> object:
    """Do to the invoice what is asked, on the local day `on`; return the document that this makes, if it does.

    `gone_minor` of a refund has left the gateway already; `ended_on` is the day on which the contract ended.

    Raises:
        DomainError: if the invoice's state does not allow it, with the field to correct.
    """
    match asked:
        case RecordPayment():
            return correction.pay(books, invoice_id, asked.amount_minor, on=on, at=at, key=key, ended_on=ended_on)
        case IssueCreditNote():
            return correction.credit_note(books, invoice_id, asked.amount_minor, asked.line, on=on, at=at, key=key)
        case RefundPayment():
            correction.refund(books, invoice_id, asked.amount_minor, on=on, at=at, key=key, gone_minor=gone_minor)
            return None
        case BillAgain():
            return reissue(books, invoice_id, terms, on=on, at=at, key=key)
        case _:
            return _PLAIN[asked.kind](books, invoice_id, on=on, at=at, key=key)
