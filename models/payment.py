"""Payments: one intent of the gateway for each invoice, and the attempts to charge it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Identity
from sqlmodel import Field, SQLModel

from models.base import BIG, INSTANT, MINOR


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
