"""Where the collection of each unsettled invoice stands."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from models.base import INSTANT
from models.keys import deferred


class CollectionCase(SQLModel, table=True):
    """An invoice that its first charge did not settle, or that is not due yet; `next_action_at` is the next charge."""

    __tablename__ = "collection"
    __table_args__ = (
        CheckConstraint("stage IN ('scheduled', 'retrying', 'exhausted', 'settled')", name="stage_known"),
        Index("ix_collection_clock_id", "clock_id", "next_action_at", postgresql_where=text("stage <> 'settled'")),
    )

    invoice_id: str = Field(sa_column=deferred("invoice.id", primary_key=True))
    contract_id: str = Field(index=True)
    customer_id: str = Field(index=True)
    clock_id: str | None = None
    stage: str
    attempts: int
    first_failed_at: datetime | None = Field(default=None, sa_type=INSTANT)
    next_action_at: datetime | None = Field(default=None, sa_type=INSTANT)
    last_code: str | None = None
    last_message: str | None = None
