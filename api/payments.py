"""Payments: how each invoice was collected, attempt by attempt."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from api.amounts import Amount
from api.calls import CurrentCall
from api.fields import Output
from api.pages import Cursor, Limit, Page, decode_cursor, page
from api.problems import not_found
from api.routing import api_router, needs
from domain.payment import PaymentStatus
from models import payment as payments
from models.payment import Payment, PaymentAttempt

router = api_router("/v1/payments", "Payments")

Reference = Annotated[str | None, Query(max_length=200)]


class PaymentSummary(Output):
    id: str
    invoice_id: str
    contract_id: str
    customer_id: str
    gateway: str = Field(examples=["stripe"])
    intent_id: str | None = Field(description="The gateway's id: one intent for the whole life of the invoice.")
    amount: Amount
    status: PaymentStatus
    attempt: int = Field(description="The attempt that the status speaks of.")
    created_at: datetime
    settled_at: datetime | None


class AttemptOut(Output):
    """One try to charge a payment method."""

    number: int
    status: Literal["created", "sent", "requires_action", "processing", "failed", "succeeded", "canceled"]
    payment_method: str | None
    charge_id: str | None
    code: str | None = Field(description="Why the issuer declined.", examples=["insufficient_funds"])
    message: str | None
    at: datetime = Field(description="Business time.")


class PaymentOut(PaymentSummary):
    attempts: list[AttemptOut] = Field(description="First to last.")


def payment_summary(row: Payment) -> PaymentSummary:
    return PaymentSummary(
        id=row.id,
        invoice_id=row.invoice_id,
        contract_id=row.contract_id,
        customer_id=row.customer_id,
        gateway=row.gateway,
        intent_id=row.intent_id,
        amount=Amount.of(row.amount_minor, row.currency),
        status=row.status,  # type: ignore[arg-type]  # the database checks it
        attempt=row.attempt,
        created_at=row.created_at,
        settled_at=row.settled_at,
    )


def payment_out(row: Payment, attempts: Sequence[PaymentAttempt]) -> PaymentOut:
    return PaymentOut(**dict(payment_summary(row)), attempts=[_attempt(attempt) for attempt in attempts])


def _attempt(row: PaymentAttempt) -> AttemptOut:
    return AttemptOut(
        number=row.number,
        status=row.status,  # type: ignore[arg-type]  # the database checks it
        payment_method=row.payment_method,
        charge_id=row.charge_id,
        code=row.code,
        message=row.message,
        at=row.business_at,
    )


@router.get(
    "", operation_id="listPayments", summary="List payments, newest first", dependencies=[needs("payments:read")]
)
def list_payments(
    call: CurrentCall,
    cursor: Cursor = None,
    limit: Limit = 50,
    contract: Reference = None,
    customer: Annotated[str | None, Query(max_length=200, description="The customer's id.")] = None,
    invoice: Reference = None,
    status: PaymentStatus | None = None,
) -> Page[PaymentSummary]:
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        rows = payments.list_payments(
            session,
            after=after,
            limit=limit + 1,
            contract_id=contract,
            customer_id=customer,
            invoice_id=invoice,
            status=status,
        )
    return page(rows, limit, payment_summary)


@router.get("/{payment_id}", operation_id="getPayment", summary="Read a payment", dependencies=[needs("payments:read")])
def get_payment(payment_id: str, call: CurrentCall) -> PaymentOut:
    with call.parts.database.transaction() as session:
        row = payments.get_payment(session, payment_id)
        if row is None:
            raise not_found("payment", payment_id)
        return payment_out(row, payments.attempts_of(session, payment_id))
