"""The tables of usage: each event's key, held for good, and the events by the month in which they happened."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Sequence, text
from sqlmodel import Field, SQLModel

from models.base import BIG, INSTANT, JSON, QUANTITY, metadata

_WAITING = text("contract_id IS NULL AND voided_seq IS NULL")

# Rises with whatever counts for a claim: an event that comes, joins a contract or is voided. See `models.usage_lock`.
USAGE_SEQ = Sequence("usage_seq", metadata=metadata)


class UsageKey(SQLModel, table=True):
    """The key of every event that was ever accepted, with where its present version is found.

    It stays when the events of a month are archived, so that none is ever taken twice.
    """

    __tablename__ = "usage_key"

    source: str = Field(primary_key=True)
    event_id: str = Field(primary_key=True)
    seq: int = Field(sa_column=Column(BIG, server_default=USAGE_SEQ.next_value(), nullable=False))
    at: datetime = Field(sa_type=INSTANT)
    body_hash: bytes = Field(sa_type=LargeBinary)


class StoredUsageEvent(SQLModel, table=True):
    """An event as it came, and the contract it was matched to; without one it waits.

    It counts for a claim up to the `seq` W if it came by then and was not voided by then: `seq` <= W, and `voided_seq`
    is NULL or > W. An event that was replaced is voided, and the other version is a row of its own.
    """

    __tablename__ = "usage_event"
    __table_args__ = (
        CheckConstraint("requested_contract_id IS NOT NULL OR customer_key IS NOT NULL", name="addressed"),
        CheckConstraint("voided_seq > seq", name="voided_after_it_came"),
        Index("ix_usage_event_contract_id_event_at", "contract_id", "event", "at"),
        Index("ix_usage_event_waiting", "seq", postgresql_where=_WAITING),
        Index("ix_usage_event_waiting_customer", "customer_key", "at", postgresql_where=_WAITING),
        Index("ix_usage_event_waiting_contract", "requested_contract_id", "at", postgresql_where=_WAITING),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    seq: int = Field(sa_column=Column(BIG, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_type=INSTANT, primary_key=True)
    source: str
    event_id: str
    customer_key: str | None = None
    requested_contract_id: str | None = None
    contract_id: str | None = None
    event: str
    value: Decimal | None = Field(default=None, sa_type=QUANTITY)
    properties: dict[str, object] = Field(sa_type=JSON)
    # When it arrived: a fact about the record, so the database's clock tells it.
    received_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": text("now()")})
    voided_seq: int | None = Field(default=None, sa_column=Column(BIG))


class UsageArchive(SQLModel, table=True):
    """A month, by its first day in UTC, whose events are in a file and no longer in the database."""

    __tablename__ = "usage_archive"

    month: date = Field(primary_key=True)
    file: str
    sha256: str
    event_count: int = Field(sa_type=BIG)
    archived_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": text("now()")})
