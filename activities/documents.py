"""Documents as they are stored: ids derived from what they stand for, lines with how each amount came about."""

import hashlib
from collections.abc import Sequence

from pydantic import TypeAdapter

from activities.failures import DocumentMismatch
from activities.metering import Claims, stretch
from activities.signatures import Issued
from domain import keys
from domain.invoice import Draft, DraftLine
from domain.period import first_instant
from domain.state import Bill, ContractState
from domain.terms import Terms
from models.invoice import Invoice
from models.issuing import NewDocument, NewLine


def line_ids(state: ContractState, bill: Bill, document: Draft) -> list[str]:
    """The ids of the document's lines, in their order."""
    invoice_id = keys.invoice_id(state.contract_id, bill.document)
    return [keys.derived("il", invoice_id, position) for position in range(len(document.lines))]


def new_document(
    state: ContractState,
    bill: Bill,
    document: Draft,
    claims: Claims,
    *,
    applied_minor: int,
    corrects_invoice_id: str | None,
) -> NewDocument:
    """The document as it is to be stored; `applied_minor` of it is paid by customer credit already."""
    terms = state.terms
    ids = line_ids(state, bill, document)
    open_minor = document.total_minor - applied_minor
    status = "issued" if document.kind == "credit_note" else "open" if open_minor else "paid"
    return NewDocument(
        id=keys.invoice_id(state.contract_id, bill.document),
        kind=document.kind,
        contract_id=state.contract_id,
        customer_id=state.customer_id,
        document=bill.document,
        input_hash=hash_of(bill),
        currency=terms.currency,
        issued_on=bill.on,
        issued_at=bill.at,
        due_on=bill.due_on,
        due_at=max(bill.at, first_instant(bill.due_on, terms.timezone)),
        net_minor=document.net_minor,
        tax_minor=document.tax_minor,
        total_minor=document.total_minor,
        credit_applied_minor=applied_minor,
        status=status,
        corrects_invoice_id=corrects_invoice_id,
        taxes=_taxes(terms, document),
        lines=tuple(_line(terms, line, id_, claims) for line, id_ in zip(document.lines, ids, strict=True)),
    )


def issued(document: NewDocument, number: str) -> Issued:
    """What the contract's workflow is told of a document that was just stored."""
    collected = document.kind == "invoice"
    return Issued(
        invoice_id=document.id,
        number=number,
        kind="invoice" if collected else "credit_note",
        currency=document.currency,
        total_minor=document.total_minor,
        open_minor=document.total_minor - document.credit_applied_minor if collected else 0,
        due_on=document.due_on,
        lines=len(document.lines),
    )


def issued_before(stored: Invoice, lines: int, bill: Bill) -> Issued:
    """What the workflow was told when the document was stored.

    Raises:
        DocumentMismatch: if it was issued from another bill.
    """
    if stored.input_hash != hash_of(bill):
        raise DocumentMismatch(f"{stored.number} is the contract's document {bill.document}, from another bill")
    collected = stored.kind == "invoice"
    return Issued(
        invoice_id=stored.id,
        number=stored.number,
        kind="invoice" if collected else "credit_note",
        currency=stored.currency,
        total_minor=stored.total_minor,
        open_minor=stored.total_minor - stored.credit_applied_minor if collected else 0,
        due_on=stored.due_on,
        lines=lines,
    )


def hash_of(bill: Bill) -> str:
    return hashlib.sha256(_BILL.dump_json(bill)).hexdigest()


def _taxes(terms: Terms, document: Draft) -> tuple[dict[str, object], ...]:
    rates: Sequence[str] = [f"{rate.rate:f}" for rate in terms.tax]
    return tuple(
        {"name": name, "rate": rate, "tax_minor": tax_minor}
        for (name, tax_minor), rate in zip(document.tax_by_rate, rates, strict=True)
    )


def _line(terms: Terms, line: DraftLine, id_: str, claims: Claims) -> NewLine:
    item = line.item
    claim = claims.get(stretch(item)) if item.kind == "usage" else None
    name = terms.line(item.line).description or item.line
    return NewLine(
        id=id_,
        line_id=item.line,
        kind=item.kind,
        description=f"{name}: unused days" if item.kind == "credit" else name,
        period_start=item.start,
        period_end=item.end,
        quantity=line.usage.total,
        net_minor=line.net_minor,
        tax_minor=line.tax_minor,
        steps=line.steps,
        rated_line_id=claim.rated_line_id if claim else None,
    )


_BILL: TypeAdapter[Bill] = TypeAdapter(Bill)
