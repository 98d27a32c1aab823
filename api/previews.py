"""What a contract's next invoice would be: the same pure core that bills, and nothing claimed."""

from datetime import date
from typing import Final

from pydantic import Field
from sqlmodel import Session

from api.amounts import Amount, Quantity
from api.calls import CurrentCall
from api.contract_usage import usage_so_far
from api.contracts import existing_contract
from api.fields import Output
from api.invoices import StepOut, TaxOut
from api.routing import api_router, needs
from domain.commands import Wake
from domain.contract import decide
from domain.due import next_due
from domain.invoice import DocumentKind, Draft, DraftLine, draft
from domain.rating import Usage
from domain.state import Bill, ContractState
from models.contract import state_of

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
        found = _next_document(session, state)
    return NextInvoice(next_invoice=_preview(state, *found) if found else None)


def _next_document(session: Session, state: ContractState) -> tuple[Bill, Draft] | None:
    for _ in range(WAKES_MAX):
        due = next_due(state)
        if due is None:
            return None
        decision = decide(state, Wake(), due.at)
        state = decision.state
        if decision.bill is not None:
            document = draft(decision.bill, _usage_of(session, state, decision.bill), state.terms)
            if document is not None:
                return decision.bill, document
    return None


def _usage_of(session: Session, state: ContractState, bill: Bill) -> dict[int, Usage]:
    metered = ((n, item) for n, item in enumerate(bill.items) if item.kind == "usage")
    return {n: usage_so_far(session, state, item) for n, item in metered}


def _preview(state: ContractState, bill: Bill, document: Draft) -> Preview:
    currency = state.terms.currency
    rates = {rate.name: rate for rate in state.terms.tax}
    return Preview(
        contract_id=state.contract_id,
        version=state.version,
        kind=document.kind,
        issued_on=bill.on,
        due_on=bill.due_on,
        net=Amount.of(document.net_minor, currency),
        tax=Amount.of(document.tax_minor, currency),
        total=Amount.of(document.total_minor, currency),
        taxes=[
            TaxOut(name=name, rate=f"{rates[name].rate:f}", tax=Amount.of(minor, currency))
            for name, minor in document.tax_by_rate
        ],
        lines=[_line(line, currency) for line in document.lines],
    )


def _line(line: DraftLine, currency: str) -> PreviewLine:
    return PreviewLine(
        line=line.item.line,
        kind=line.item.kind,
        period_start=line.item.start,
        period_end=line.item.end,
        quantity=line.usage.total,
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
