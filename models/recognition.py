"""Revenue schedules: what each billed or accrued line earns over its days, and how much of it was posted."""

from datetime import date
from typing import Any, get_args

from sqlalchemy import CheckConstraint, Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from domain.line import Recognition
from models.base import MINOR
from models.keys import deferred

METHODS: tuple[str, ...] = get_args(Recognition)
# What `domain.revenue.is_done` says of a schedule, the other way round.
UNFINISHED_SQL = (
    "NOT billed OR recognized_minor <> amount_minor"
    " OR recognized_through < ends_on AND method NOT IN ('at_delivery', 'percent_complete')"
)


class RevenueSchedule(SQLModel, table=True):
    """`amount_minor` earned over the local dates [starts_on, ends_on), negative for a credit.

    `basis` is the account that revenue is taken from: the contract's position where it was billed in advance,
    unbilled receivables where it is billed later. What is `as_used` counts whole at its end, or by `parts`:
    cumulative amounts by the first days of the calendar months in between, and `posted` says what was posted by
    those days; what is delivered counts by `progress`. Until it is `billed` the amount is what was earned so far and
    will grow. Of a line that follows the whole term, schedules are the pieces of its plan.
    """

    __tablename__ = "revenue_schedule"
    __table_args__ = (
        CheckConstraint("basis IN ('position', 'unbilled')", name="basis_known"),
        CheckConstraint(f"method IN ({', '.join(repr(name) for name in METHODS)})", name="method_known"),
        CheckConstraint("ends_on > starts_on", name="ends_after_it_starts"),
        Index("ix_revenue_schedule_unfinished", "contract_id", postgresql_where=text(UNFINISHED_SQL)),
        Index("ix_revenue_schedule_line", "invoice_line_id", postgresql_where=text("invoice_line_id IS NOT NULL")),
        Index("ix_revenue_schedule_plan", "plan_id", postgresql_where=text("plan_id IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    contract_id: str = Field(index=True, foreign_key="contract.id")
    line_id: str
    # Checked at commit: the number, and with it the document, is stored last.
    invoice_line_id: str | None = Field(default=None, sa_column=deferred("invoice_line.id", nullable=True))
    basis: str
    method: str
    starts_on: date
    ends_on: date
    amount_minor: int = Field(sa_type=MINOR)
    parts: list[list[Any]] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    posted: list[list[Any]] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    progress: list[list[Any]] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    recognized_minor: int = Field(sa_type=MINOR)
    recognized_through: date
    billed: bool
    plan_id: str | None = Field(default=None, foreign_key="revenue_plan.id")


# Stores the rows of :schedules; :plan_of says which of them are pieces of a plan.
STORE_SQL = """
      INSERT INTO revenue_schedule (
        id, contract_id, line_id, basis, method, starts_on, ends_on, amount_minor, recognized_minor, recognized_through,
        parts, posted, progress, invoice_line_id, billed, plan_id
      )
      SELECT id, :contract_id, line_id, basis, method, starts_on, ends_on, amount_minor, recognized_minor,
        recognized_through, nullif(parts, '[]'), nullif(posted, '[]'), nullif(progress, '[]'), invoice_line_id, billed,
        CAST(:plan_of AS jsonb) ->> id
      FROM json_to_recordset(CAST(:schedules AS json)) AS s (
        id text, line_id text, basis text, method text, starts_on date, ends_on date, amount_minor bigint,
        recognized_minor bigint, recognized_through date, parts jsonb, posted jsonb, progress jsonb,
        invoice_line_id text, billed boolean
      )
      ON CONFLICT (id) DO UPDATE SET
        line_id = excluded.line_id, basis = excluded.basis, method = excluded.method, starts_on = excluded.starts_on,
        ends_on = excluded.ends_on, amount_minor = excluded.amount_minor, parts = excluded.parts,
        posted = excluded.posted, progress = excluded.progress, recognized_minor = excluded.recognized_minor,
        recognized_through = excluded.recognized_through, invoice_line_id = excluded.invoice_line_id,
        billed = excluded.billed, plan_id = coalesce(excluded.plan_id, revenue_schedule.plan_id)
"""
