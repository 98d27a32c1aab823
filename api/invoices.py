"""Invoices and credit notes as they were issued, and how far each has been collected."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field

from api.amounts import Amount, Quantity
from api.calls import CurrentCall
from api.fields import Output
from api.pages import Cursor, Limit, Page, decode_cursor, page
from api.payments import PaymentOut, payment_out
from api.problems import not_found
from api.routing import api_router, needs
from domain.invoice import DocumentKind
from models import invoice as invoices
from models.collection import CollectionCase
from models.customer import resolve_customer
from models.invoice import Invoice, InvoiceLine
from models.payment import attempts_of, payment_of_invoice

InvoiceStatus = Literal["open", "paid", "void", "uncollectible", "issued"]

router = api_router("/v1/invoices", "Invoices")


class InvoiceSummary(Output):
    """A numbered document. A credit note's amounts are positive."""

    id: str = Field(examples=["inv_0f6d2c1b"])
    number: str = Field(examples=["INV-000001"])
    kind: DocumentKind
    status: InvoiceStatus = Field(description="A credit note is `issued`.")
    contract_id: str
    customer_id: str
    document: int = Field(description="Counts the contract's documents from 1.")
    issued_on: date
    due_on: date
    currency: str
    net: Amount
    tax: Amount
    total: Amount
    credited: Amount = Field(description="What credit notes took off.")
    credit_applied: Amount = Field(description="What customer credit paid when it was issued.")
    paid: Amount
    open: Amount = Field(description="What is still to be collected.")


class StepOut(Output):
    """One step of a calculation: `quantity` times `unit_price`, or an `amount` alone; in major units, not rounded."""

    label: str = Field(examples=["up to 250,000"])
    quantity: str | None
    unit_price: str | None
    amount: str


class InvoiceLineOut(Output):
    line: str = Field(description="The contract's line.", examples=["gates"])
    kind: Literal["charge", "credit", "usage", "adjustment", "prepaid", "drawn", "true_up", "overage"] = Field(
        description="`adjustment`: usage that came late; `drawn`: what prepaid credits paid; `true_up` and `overage`:"
        " what is short of a commitment, and what goes beyond it."
    )
    description: str
    period_start: date
    period_end: date = Field(description="Exclusive.")
    quantity: Quantity
    net: Amount
    tax: Amount
    steps: list[StepOut] = Field(description="How the amount of a whole period came about.")


class TaxOut(Output):
    name: str
    rate: str
    tax: Amount


class CollectionOut(Output):
    """What is being done about an invoice that its first charge did not settle."""

    stage: Literal["scheduled", "retrying", "exhausted", "overdue", "settled"]
    attempts: int
    first_failed_at: datetime | None
    next_action_at: datetime | None
    last_code: str | None
    last_message: str | None


class InvoiceOut(InvoiceSummary):
    corrects_invoice_id: str | None = Field(description="The invoice that a credit note corrects.")
    taxes: list[TaxOut]
    lines: list[InvoiceLineOut]
    payment: PaymentOut | None
    collection: CollectionOut | None


def _summary(row: Invoice) -> InvoiceSummary:
    def money(minor: int) -> Amount:
        return Amount.of(minor, row.currency)

    return InvoiceSummary(
        id=row.id,
        number=row.number,
        kind=row.kind,  # type: ignore[arg-type]  # the database checks it
        status=row.status,  # type: ignore[arg-type]  # the database checks it
        contract_id=row.contract_id,
        customer_id=row.customer_id,
        document=row.document,
        issued_on=row.issued_on,
        due_on=row.due_on,
        currency=row.currency,
        net=money(row.net_minor),
        tax=money(row.tax_minor),
        total=money(row.total_minor),
        credited=money(row.credited_minor),
        credit_applied=money(row.credit_applied_minor),
        paid=money(row.paid_minor),
        open=money(row.open_minor),
    )


@router.get(
    "", operation_id="listInvoices", summary="List invoices, newest first", dependencies=[needs("invoices:read")]
)
def list_invoices(
    call: CurrentCall,
    cursor: Cursor = None,
    limit: Limit = 50,
    contract: Annotated[str | None, Query(max_length=200)] = None,
    customer: Annotated[str | None, Query(max_length=200, description="The customer's id, or its key.")] = None,
    status: InvoiceStatus | None = None,
    kind: DocumentKind | None = None,
    number: Annotated[str | None, Query(max_length=50)] = None,
    issued_from: date | None = None,
    issued_to: Annotated[date | None, Query(description="Exclusive.")] = None,
) -> Page[InvoiceSummary]:
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        found = resolve_customer(session, customer) if customer is not None else None
        if customer is not None and found is None:
            return Page(items=[], next_cursor=None)
        rows = invoices.list_invoices(
            session,
            after=after,
            limit=limit + 1,
            contract_id=contract,
            customer_id=found.id if found else None,
            kind=kind,
            status=status,
            number=number,
            issued_from=issued_from,
            issued_to=issued_to,
        )
    return page(rows, limit, _summary)


@router.get(
    "/{invoice_id}", operation_id="getInvoice", summary="Read an invoice", dependencies=[needs("invoices:read")]
)
def get_invoice(invoice_id: str, call: CurrentCall) -> InvoiceOut:
    """Its lines with how each amount came about, its taxes, the attempts to collect it."""
    with call.parts.database.transaction() as session:
        row = invoices.get_invoice(session, invoice_id)
        if row is None:
            raise not_found("invoice", invoice_id)
        payment = payment_of_invoice(session, invoice_id)
        case = session.get(CollectionCase, invoice_id)
        return InvoiceOut(
            **dict(_summary(row)),
            corrects_invoice_id=row.corrects_invoice_id,
            taxes=_taxes(row.taxes, row.currency),
            lines=_lines(invoices.lines_of(session, invoice_id), row.currency),
            payment=payment_out(payment, attempts_of(session, payment.id)) if payment else None,
            collection=CollectionOut.model_validate(case, from_attributes=True) if case else None,
        )


def _taxes(taxes: Sequence[dict[str, Any]], currency: str) -> list[TaxOut]:
    return [TaxOut(name=tax["name"], rate=tax["rate"], tax=Amount.of(tax["tax_minor"], currency)) for tax in taxes]


def _lines(rows: Sequence[InvoiceLine], currency: str) -> list[InvoiceLineOut]:
    return [
        InvoiceLineOut(
            line=row.line_id,
            kind=row.kind,  # type: ignore[arg-type]  # what the books make
            description=row.description,
            period_start=row.period_start,
            period_end=row.period_end,
            quantity=row.quantity,
            net=Amount.of(row.net_minor, currency),
            tax=Amount.of(row.tax_minor, currency),
            steps=[StepOut(**step) for step in row.steps],
        )
        for row in rows
    ]
