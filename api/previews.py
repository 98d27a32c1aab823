"""What a contract would bill: next, or after a change. The core that bills does it, and nothing is kept."""

from datetime import date
from decimal import Decimal
from typing import Final

from pydantic import Field
from sqlmodel import Session

from api.amounts import Amount, Quantity
from api.calls import CurrentCall
from api.contracts import existing_contract
from api.fields import Output
from api.invoices import StepOut, TaxOut
from api.routing import api_router, needs
from domain import issuing
from domain.books import BookedLine, Document, DocumentKind
from domain.commands import Wake
from domain.contract import decide
from domain.due import next_due
from domain.state import ContractState, Decision
from models.books import load
from models.contract import state_of
from models.usage_source import DatabaseUsage

# Between two bills of a yearly line lie at most twelve wake-ups that only recognise revenue.
WAKES_MAX: Final = 24

router = api_router("/v1/contracts/{contract_id}", "Contracts")


class PreviewLine(Output):
    line: str = Field(examples=["gates"])
    kind: str
    period_start: date
    period_end: date = Field(description="Exclusive.")
    quantity: Quantity
    net: Amount
    tax: Amount
    steps: list[StepOut]


class Preview(Output):
    """The document that would be issued if nothing else happens; usage as it has arrived so far."""

    contract_id: str
    version: int
    kind: DocumentKind
    issued_on: date
    due_on: date
    net: Amount
    tax: Amount
    total: Amount
    taxes: list[TaxOut]
    lines: list[PreviewLine]


class NextInvoice(Output):
    next_invoice: Preview | None = Field(description="Null where the contract bills nothing any more.")


@router.get(
    "/preview",
    operation_id="previewNextInvoice",
    summary="The next invoice, as it would be now",
    dependencies=[needs("contracts:read")],
)
def preview_next_invoice(contract_id: str, call: CurrentCall) -> NextInvoice:
    with call.parts.database.transaction() as session:
        state = state_of(existing_contract(session, contract_id))
        return NextInvoice(next_invoice=next_document(session, state))


def next_document(session: Session, state: ContractState) -> Preview | None:
    """The next document that time brings; None where none comes within two years."""
    for _ in range(WAKES_MAX):
        due = next_due(state)
        if due is None:
            return None
        decision = decide(state, Wake(), due.at)
        state = decision.state
        document = document_of(session, decision)
        if document is not None:
            return document
    return None


def document_of(session: Session, decision: Decision) -> Preview | None:
    """The document that a decision would make; None where it bills nothing."""
    state, bill = decision.state, decision.bill
    if bill is None:
        return None
    terms = state.terms
    books = load(
        session,
        state.contract_id,
        zone=terms.timezone,
        currency=terms.currency,
        book=terms.legal_entity,
        since=min((item.start for item in bill.items), default=bill.on),
    )
    document = issuing.preview(books, decision, DatabaseUsage(session, state.contract_id))
    return _shown(state, document) if document is not None else None


def _shown(state: ContractState, document: Document) -> Preview:
    currency = state.terms.currency
    rates = {rate.name: rate for rate in state.terms.tax}
    return Preview(
        contract_id=state.contract_id,
        version=state.version,
        kind=document.kind,
        issued_on=document.issued_on,
        due_on=document.due_on,
        net=Amount.of(document.net_minor, currency),
        tax=Amount.of(document.tax_minor, currency),
        total=Amount.of(document.total_minor, currency),
        taxes=[
            TaxOut(name=name, rate=f"{rates[name].rate:f}", tax=Amount.of(minor, currency))
            for name, minor in document.tax_by_rate
        ],
        lines=[_line(line, currency) for line in document.lines],
    )


def _line(line: BookedLine, currency: str) -> PreviewLine:
    return PreviewLine(
        line=line.line_id,
        kind=line.kind,
        period_start=line.starts_on,
        period_end=line.ends_on,
        quantity=Decimal(line.quantity or 0),
        net=Amount.of(line.net_minor, currency),
        tax=Amount.of(line.tax_minor, currency),
        steps=[
            StepOut(
                label=step.label,
                quantity=None if step.quantity is None else f"{step.quantity:f}",
                unit_price=None if step.unit_price is None else f"{step.unit_price:f}",
                amount=f"{step.amount:f}",
            )
            for step in line.steps
        ],
    )
