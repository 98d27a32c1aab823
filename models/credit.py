"""Customer credit: what a contract's customer is owed, and which invoices it has paid."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Identity, Index, text
from sqlmodel import Field, Session, SQLModel

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
        Index("ix_customer_credit_unused", "contract_id", postgresql_where=text("remaining_minor > 0")),
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
    """Store a new credit."""
    session.add(credit)
    session.flush()


def use(session: Session, contract_id: str, invoice_id: str, amount_minor: int) -> int:
    """Pay up to `amount_minor` of an invoice from the contract's credit, oldest first; return how much that is.

    The caller holds the contract's lock.
    """
    left = amount_minor
    for credit_id, remaining_minor in session.execute(_UNUSED, {"contract_id": contract_id}).all():
        taken = min(left, remaining_minor)
        if taken == 0:
            break
        session.execute(_USE, {"credit_id": credit_id, "invoice_id": invoice_id, "taken": taken})
        left -= taken
    return amount_minor - left


_UNUSED = text("""
    SELECT id, remaining_minor FROM customer_credit WHERE contract_id = :contract_id AND remaining_minor > 0
    ORDER BY sequence FOR UPDATE
""")
_USE = text("""
    WITH used AS (
      UPDATE customer_credit SET remaining_minor = remaining_minor - :taken WHERE id = :credit_id RETURNING id
    )
    INSERT INTO customer_credit_use (credit_id, invoice_id, amount_minor) SELECT id, :invoice_id, :taken FROM used
""")
