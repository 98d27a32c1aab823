"""What a credit note does: it lowers what is owed for the days it credits; the rest becomes customer credit."""

from dataclasses import dataclass

from sqlmodel import Session

from domain.invoice import Draft
from domain.state import ContractState
from models.invoice import billing_invoice, lower_open


@dataclass(frozen=True, slots=True)
class Credited:
    """How a credit note's total was spent; `corrects_invoice_id` is the invoice that billed its first days."""

    corrects_invoice_id: str | None = None
    lowered_minor: int = 0
    rest_minor: int = 0


def credit(session: Session, state: ContractState, note: Draft) -> Credited:
    """Lower what is open on the invoices that billed the credited days, each by no more than was credited of it.

    The collection of one that is settled by this learns of it at its next charge.
    """
    corrects: str | None = None
    lowered: dict[str, int] = {}
    opened: dict[str, int] = {}
    left = note.total_minor
    for line in note.lines:
        if line.item.kind != "credit":
            continue
        invoice = billing_invoice(session, state.contract_id, line.item.line, line.item.start)
        if invoice is None:
            continue
        corrects = corrects or invoice.id
        still_open = opened.setdefault(invoice.id, invoice.open_minor)
        taken = max(0, min(left, line.net_minor + line.tax_minor, still_open))
        lowered[invoice.id] = lowered.get(invoice.id, 0) + taken
        opened[invoice.id] = still_open - taken
        left -= taken
    for invoice_id, amount_minor in lowered.items():
        if amount_minor:
            lower_open(session, invoice_id, credited_minor=amount_minor)
    return Credited(corrects, note.total_minor - left, left)
