"""Customer credit: what a contract's customer is owed, and which invoices it has paid."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Identity, Index, func, text
from sqlmodel import Field, Session, SQLModel, col, select

from models.base import BIG, INSTANT, MINOR
from models.keys import deferred


class CustomerCredit(SQLModel, table=True):
    """Credit that a credit note or an overpayment gave; later invoices use it, oldest first (`place`).

    `payment_id` is the payment of that id or a transfer that came by bank; `invoice_id` is the invoice that was
    credited or overpaid.
    """

    __tablename__ = "customer_credit"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("remaining_minor BETWEEN 0 AND amount_minor", name="remainder_within_amount"),
        CheckConstraint("(credit_note_id IS NULL) <> (payment_id IS NULL)", name="one_source"),
        Index("ix_customer_credit_contract_id_place", "contract_id", "place"),
        Index("ix_customer_credit_invoice", "invoice_id", postgresql_where=text("invoice_id IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    contract_id: str = Field(foreign_key="contract.id")
    customer_id: str = Field(index=True)
    credit_note_id: str | None = Field(default=None, sa_column=deferred("invoice.id", nullable=True))
    payment_id: str | None = None
    invoice_id: str | None = Field(default=None, sa_column=deferred("invoice.id", nullable=True))
    place: int = Field(default=0, sa_type=BIG)
    currency: str
    amount_minor: int = Field(sa_type=MINOR)
    remaining_minor: int = Field(sa_type=MINOR)
    created_at: datetime = Field(sa_type=INSTANT)


class CustomerCreditUse(SQLModel, table=True):
    """How much of a credit an invoice used when it was issued."""

    __tablename__ = "customer_credit_use"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount_positive"),)

    credit_id: str = Field(primary_key=True, foreign_key="customer_credit.id")
    invoice_id: str = Field(sa_column=deferred("invoice.id", primary_key=True))
    amount_minor: int = Field(sa_type=MINOR)


def give(session: Session, credit: CustomerCredit) -> None:
    """Store a new credit, to be used after those that there are."""
    last = select(func.max(col(CustomerCredit.place))).where(CustomerCredit.contract_id == credit.contract_id)
    credit.place = 1 + (session.exec(last).one() or 0)
    session.add(credit)
    session.flush()
