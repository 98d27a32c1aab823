"""What a contract's books remember beside documents, schedules and credits, as rows."""

from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, Column, Index
from sqlmodel import Field, SQLModel

from models.base import BIG, JSON, MINOR


class PrepaidGrant(SQLModel, table=True):
    """Prepaid credits of one purchase; late usage may draw from one that has expired, so it is never forgotten."""

    __tablename__ = "prepaid_grant"
    __table_args__ = (
        CheckConstraint("paid_minor >= 0", name="paid_sign"),
        CheckConstraint("used_minor BETWEEN 0 AND granted_minor", name="used_within_granted"),
        CheckConstraint("earned_minor BETWEEN 0 AND paid_minor", name="earned_within_paid"),
    )

    id: str = Field(primary_key=True)
    contract_id: str = Field(index=True, foreign_key="contract.id")
    credit_id: str
    paid_minor: int = Field(sa_type=MINOR)
    granted_minor: int = Field(sa_type=MINOR)
    used_minor: int = Field(sa_type=MINOR)
    earned_minor: int = Field(sa_type=MINOR)
    starts_on: date
    expires_on: date | None = None
    priority: int
    lines: list[str] = Field(sa_column=Column(JSON, nullable=False))
    schedule_line_id: str | None = None
    closed: bool


class CommitmentWindow(SQLModel, table=True):
    """One window [starts_on, ends_on) of a commitment: what counted, and what was billed for being short or beyond."""

    __tablename__ = "commitment_window"
    __table_args__ = (
        CheckConstraint("ends_on >= starts_on", name="ends_after_it_starts"),
        CheckConstraint("least(amount_minor, shortfall_minor) >= 0", name="signs"),
        Index("ix_commitment_window_contract_id_ends_on", "contract_id", "ends_on"),
    )

    id: str = Field(primary_key=True)
    contract_id: str = Field(foreign_key="contract.id")
    commitment_id: str
    starts_on: date
    ends_on: date
    amount_minor: int = Field(sa_type=MINOR)
    counted_minor: int = Field(sa_type=MINOR)
    shortfall_minor: int = Field(sa_type=MINOR)
    overage_minor: int = Field(sa_type=MINOR)
    closed: bool


class RatedPeriod(SQLModel, table=True):
    """What was billed of a metered line's period; events of its stretches count up to `up_to_seq`, later ones are late.

    `items` are the stretches with their prices, so that all of it can be rated again; `drawn_minor` was paid with
    prepaid credits, `discounted` is what each discount of a fixed amount took off.
    """

    __tablename__ = "rated_period"
    __table_args__ = (
        CheckConstraint("ends_on > starts_on", name="ends_after_it_starts"),
        Index("ix_rated_period_contract_id_ends_on", "contract_id", "ends_on"),
    )

    id: str = Field(primary_key=True)
    contract_id: str = Field(foreign_key="contract.id")
    line_id: str
    starts_on: date
    ends_on: date
    items: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    billed_minor: int = Field(sa_type=MINOR)
    drawn_minor: int = Field(sa_type=MINOR)
    discounted: list[list[Any]] = Field(sa_column=Column(JSON, nullable=False))
    up_to_seq: int = Field(sa_type=BIG)


class RevenuePlan(SQLModel, table=True):
    """Revenue of a line that follows the whole term [starts_on, ends_on), as so many `schedules` in a row."""

    __tablename__ = "revenue_plan"
    __table_args__ = (
        CheckConstraint("ends_on > starts_on", name="ends_after_it_starts"),
        CheckConstraint("schedules >= 0", name="schedules_counted"),
        Index("ix_revenue_plan_contract_id_ends_on", "contract_id", "ends_on"),
    )

    id: str = Field(primary_key=True)
    contract_id: str = Field(foreign_key="contract.id")
    line_id: str
    starts_on: date
    ends_on: date
    billed_minor: int = Field(sa_type=MINOR)
    amount_minor: int = Field(sa_type=MINOR)
    schedules: int
    version: int
