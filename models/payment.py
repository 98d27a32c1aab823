"""Payments: one intent of the gateway for each invoice, and the attempts to charge it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Identity, func, update
from sqlmodel import Field, Session, SQLModel, col, select

from models.base import BIG, INSTANT, MINOR
from models.inbox import WebhookEvent


class Payment(SQLModel, table=True):
    """The one way an invoice is collected. Its state only moves forward, see `domain.payment`.

    `intent_number` counts the intents that were made for the invoice: another one comes only after the gateway has
    cancelled the one before. `attempt` is the attempt that `status` speaks of, `last_charge_id` the last charge that
    the intent was seen with.
    """

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint(
            "status IN ('created', 'confirming', 'requires_action', 'processing', 'failed', 'succeeded', 'canceled')",
            name="status_known",
        ),
    )

    id: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    invoice_id: str = Field(unique=True, foreign_key="invoice.id")
    contract_id: str = Field(index=True)
    customer_id: str = Field(index=True)
    gateway: str
    intent_id: str | None = Field(default=None, unique=True)
    intent_number: int = 1
    last_charge_id: str | None = None
    currency: str
    amount_minor: int = Field(sa_type=MINOR)
    attempt: int = 0
    status: str = "created"
    created_at: datetime = Field(sa_type=INSTANT)
    settled_at: datetime | None = Field(default=None, sa_type=INSTANT)


class PaymentAttempt(SQLModel, table=True):
    """One try to charge a payment method, at the business instant `business_at`.

    `prior_charge_id` is the charge that the intent had before, so that a failure it shows can be told to be this
    attempt's. `key_number` counts the idempotency keys it used: another one comes only once the gateway was seen
    not to have executed the one before.
    """

    __tablename__ = "payment_attempt"
    __table_args__ = (
        CheckConstraint(
            "status IN ('created', 'sent', 'requires_action', 'processing', 'failed', 'succeeded', 'canceled')",
            name="status_known",
        ),
    )

    payment_id: str = Field(primary_key=True, foreign_key="payment.id")
    number: int = Field(primary_key=True)
    status: str
    payment_method: str | None = None
    key: str | None = None
    key_number: int = 1
    prior_charge_id: str | None = None
    charge_id: str | None = None
    code: str | None = None
    message: str | None = None
    business_at: datetime = Field(sa_type=INSTANT)


def get_payment(session: Session, payment_id: str) -> Payment | None:
    return session.get(Payment, payment_id)


def payment_of_invoice(session: Session, invoice_id: str) -> Payment | None:
    return session.exec(select(Payment).where(Payment.invoice_id == invoice_id)).first()


def attempts_of(session: Session, payment_id: str) -> Sequence[PaymentAttempt]:
    """The attempts to charge a payment, first to last."""
    mine = select(PaymentAttempt).where(PaymentAttempt.payment_id == payment_id)
    return session.exec(mine.order_by(col(PaymentAttempt.number))).all()


def list_payments(
    session: Session,
    *,
    after: int | None,
    limit: int,
    contract_id: str | None = None,
    customer_id: str | None = None,
    invoice_id: str | None = None,
    status: str | None = None,
) -> Sequence[Payment]:
    """Payments, newest first, that are older than the one numbered `after`."""
    query = select(Payment).order_by(col(Payment.sequence).desc()).limit(limit)
    if after is not None:
        query = query.where(col(Payment.sequence) < after)
    filters = (
        (Payment.contract_id, contract_id),
        (Payment.customer_id, customer_id),
        (Payment.invoice_id, invoice_id),
        (Payment.status, status),
    )
    for column, wanted in filters:
        if wanted is not None:
            query = query.where(col(column) == wanted)
    return session.exec(query).all()


def lock_payment(session: Session, invoice_id: str) -> Payment | None:
    """The invoice's payment, kept from other writers until this transaction ends."""
    query = select(Payment).where(Payment.invoice_id == invoice_id).with_for_update()
    return session.exec(query, execution_options={"populate_existing": True}).first()


def attempt_of(session: Session, payment: Payment, number: int) -> PaymentAttempt | None:
    """The payment's attempt with that number; a payment knows its newest, so what lies beyond is not asked for."""
    if not 1 <= number <= payment.attempt:
        return None
    return session.get(PaymentAttempt, (payment.id, number))


def last_event(session: Session) -> int:
    """The place of the newest webhook event, 0 where there is none."""
    return session.exec(select(func.max(WebhookEvent.sequence))).one() or 0


def events_handled(session: Session, objects: Collection[str], *, up_to: int, outcome: str, at: datetime) -> None:
    """Settle the events that told of these objects of the gateway and came no later than event number `up_to`."""
    told = (
        col(WebhookEvent.object_id).in_(objects),
        col(WebhookEvent.sequence) <= up_to,
        col(WebhookEvent.handled_at).is_(None),
    )
    session.execute(update(WebhookEvent).where(*told).values(handled_at=at, outcome=outcome))
