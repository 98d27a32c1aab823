"""Contracts as their workflows last recorded them, and the history of what happened to each."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, Identity, Index, text
from sqlmodel import Field, SQLModel

from models.base import BIG, INSTANT, JSON, MINOR


class Contract(SQLModel, table=True):
    """What is known of a contract outside its workflow, which alone decides.

    `decided` is the number of the last decision that was recorded. Usage in [starts_at, ends_at) belongs to the
    contract. `workflow_started_at` is empty until somebody has started the workflow.
    """

    __tablename__ = "contract"
    __table_args__ = (
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_iso_4217"),
        CheckConstraint("status IN ('signed', 'active', 'past_due', 'cancelled', 'expired')", name="status_known"),
        Index("ix_contract_clock_id", "clock_id", postgresql_where=text("clock_id IS NOT NULL")),
        Index("ix_contract_unstarted", "sequence", postgresql_where=text("workflow_started_at IS NULL")),
    )

    id: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    customer_id: str = Field(index=True)
    clock_id: str | None = None
    currency: str
    status: str
    version: int
    decided: int = Field(default=0, sa_type=BIG)
    terms: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    state: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    starts_at: datetime = Field(sa_type=INSTANT)
    ends_at: datetime | None = Field(default=None, sa_type=INSTANT)
    next_due_at: datetime | None = Field(default=None, sa_type=INSTANT, index=True)
    next_due_reason: str | None = None
    mrr_minor: int = Field(sa_type=MINOR)
    workflow_started_at: datetime | None = Field(default=None, sa_type=INSTANT)
    created_at: datetime = Field(sa_type=INSTANT)


class ContractEvent(SQLModel, table=True):
    """One decision of a contract's workflow: what happened, when, and which version and status came of it."""

    __tablename__ = "contract_event"

    contract_id: str = Field(primary_key=True, foreign_key="contract.id")
    sequence: int = Field(sa_column=Column(BIG, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_type=INSTANT)
    happened: str
    version: int
    status: str
    data: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
