"""Revenue schedules: what each billed or accrued line earns over its days, and how much of it was posted."""

from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.base import MINOR

UNFINISHED_SQL = "recognized_minor <> amount_minor OR invoice_line_id IS NULL"


class RevenueSchedule(SQLModel, table=True):
    """`amount_minor` earned over the local dates [starts_on, ends_on), negative for a credit.

    `basis` is the account that revenue is taken from: the contract's position where it was billed in advance,
    unbilled receivables where it is billed later. What is `as_used` counts whole at its end, or by `parts`:
    cumulative amounts by the first days of the calendar months in between. Without `invoice_line_id` the
    amount is what was earned so far and will grow.
    """

    __tablename__ = "revenue_schedule"
    __table_args__ = (
        CheckConstraint("basis IN ('position', 'unbilled')", name="basis_known"),
        CheckConstraint("method IN ('daily', 'as_used')", name="method_known"),
        CheckConstraint("ends_on > starts_on", name="ends_after_it_starts"),
        Index("ix_revenue_schedule_unfinished", "contract_id", postgresql_where=text(UNFINISHED_SQL)),
    )

    id: str = Field(primary_key=True)
    contract_id: str = Field(index=True)
    line_id: str
    invoice_line_id: str | None = Field(default=None, unique=True)
    basis: str
    method: str
    starts_on: date
    ends_on: date
    amount_minor: int = Field(sa_type=MINOR)
    parts: list[list[Any]] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    recognized_minor: int = Field(sa_type=MINOR)
    recognized_through: date
