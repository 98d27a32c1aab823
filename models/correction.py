"""What was done to invoices after they were issued: one row for each correction, written with what it did."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Session, SQLModel, col, select

from models.base import BIG, INSTANT
from models.keys import deferred


class CorrectionRecord(SQLModel, table=True):
    """One correction. That it stands here says that it is done; `document_id` is the document that it made."""

    __tablename__ = "correction"
    __table_args__ = (Index("ix_correction_invoice_id", "invoice_id", "sequence"),)

    id: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    contract_id: str = Field(foreign_key="contract.id")
    invoice_id: str = Field(foreign_key="invoice.id")
    kind: str
    asked: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    document_id: str | None = Field(default=None, sa_column=deferred("invoice.id", nullable=True))
    at: datetime = Field(sa_type=INSTANT)


def done(session: Session, correction_id: str) -> CorrectionRecord | None:
    """The correction, where it was done already."""
    return session.get(CorrectionRecord, correction_id)


def corrections_of(session: Session, invoice_id: str) -> Sequence[CorrectionRecord]:
    """What was done to the invoice, in the order of its doing."""
    mine = select(CorrectionRecord).where(CorrectionRecord.invoice_id == invoice_id)
    return session.exec(mine.order_by(col(CorrectionRecord.sequence))).all()


def at_gateway(session: Session, invoice_id: str) -> int:
    """What the gateway took for the invoice and has not given back, in minor units."""
    return int(session.execute(_AT_GATEWAY, {"invoice_id": invoice_id}).scalar_one())


def keep(session: Session, record: CorrectionRecord) -> None:
    """Note that a correction is done."""
    session.add(record)
    session.flush()


_AT_GATEWAY = text("""
    SELECT coalesce(sum(l.amount_minor), 0) FROM journal_entry e JOIN journal_line l ON l.entry_id = e.id
    WHERE e.invoice_id = :invoice_id AND l.account = 'gateway_clearing'
""")
