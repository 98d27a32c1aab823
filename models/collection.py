"""Where the collection of each unsettled invoice stands."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, Session, SQLModel

from models.base import INSTANT
from models.keys import deferred


class CollectionCase(SQLModel, table=True):
    """An invoice that its first charge did not settle, or that is not due yet; `next_action_at` is the next charge."""

    __tablename__ = "collection"
    __table_args__ = (
        CheckConstraint("stage IN ('scheduled', 'retrying', 'exhausted', 'overdue', 'settled')", name="stage_known"),
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


def schedule(session: Session, case: CollectionCase) -> None:
    """Note an invoice that is to be charged later; what is noted already stays."""
    session.execute(_SCHEDULE, case.model_dump())


def decline(session: Session, case: CollectionCase) -> None:
    """Note a declined charge and when it is tried again; the first failure stays the first."""
    session.execute(_DECLINE, case.model_dump())


def pend(session: Session, case: CollectionCase) -> None:
    """Note a charge whose outcome the gateway will know later: until then nothing is due."""
    session.execute(_PEND, case.model_dump())


def fall_due(session: Session, invoice_id: str, at: datetime) -> bool:
    """Note that an invoice is due whose customer pays by hand; return whether anything is left to collect."""
    return session.execute(_FALL_DUE, {"invoice_id": invoice_id, "at": at}).first() is not None


def settle(session: Session, invoice_id: str) -> None:
    """Note that nothing is left to collect, where a collection was noted at all."""
    session.execute(_SETTLE, {"invoice_id": invoice_id})


_INSERT = """
    INSERT INTO collection (
      invoice_id, contract_id, customer_id, clock_id, stage, attempts, first_failed_at, next_action_at, last_code,
      last_message
    )
    VALUES (
      :invoice_id, :contract_id, :customer_id, :clock_id, :stage, :attempts, :first_failed_at, :next_action_at,
      :last_code, :last_message
    )
"""
_SCHEDULE = text(f"{_INSERT} ON CONFLICT (invoice_id) DO NOTHING")
_DECLINE = text(f"""
    {_INSERT}
    ON CONFLICT (invoice_id) DO UPDATE SET
      stage = excluded.stage, attempts = excluded.attempts, next_action_at = excluded.next_action_at,
      first_failed_at = coalesce(collection.first_failed_at, excluded.first_failed_at),
      last_code = excluded.last_code, last_message = excluded.last_message
    WHERE collection.stage <> 'settled' AND collection.attempts <= excluded.attempts
""")
_PEND = text(f"""
    {_INSERT}
    ON CONFLICT (invoice_id) DO UPDATE SET
      attempts = excluded.attempts, next_action_at = NULL, last_code = excluded.last_code, last_message = NULL
    WHERE collection.stage <> 'settled' AND collection.attempts <= excluded.attempts
""")
_FALL_DUE = text("""
    UPDATE collection SET stage = 'overdue', first_failed_at = coalesce(first_failed_at, :at), next_action_at = NULL
    WHERE invoice_id = :invoice_id AND stage <> 'settled' RETURNING 1
""")
_SETTLE = text("UPDATE collection SET stage = 'settled', next_action_at = NULL WHERE invoice_id = :invoice_id")
