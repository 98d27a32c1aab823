"""The webhook inbox: every verified event of the gateway is stored once, before it is answered.

A dispatcher listens on `CHANNEL`, acts on what is `pending` and marks it handled; a sweeper does the same for what was
left behind. Nothing here trusts the payload: it only says which object to read again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Identity, Index, func, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, Session, SQLModel, col, select

from models.base import BIG, INSTANT, JSON

CHANNEL = "webhook_inbox"


class WebhookEvent(SQLModel, table=True):
    """An event as the gateway sent it. Unhandled while `handled_at` is empty."""

    __tablename__ = "webhook_event"
    __table_args__ = (Index("ix_webhook_event_unhandled", "sequence", postgresql_where=text("handled_at IS NULL")),)

    id: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    type: str
    object_id: str = Field(index=True)
    payload: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    received_at: datetime = Field(sa_type=INSTANT)
    handled_at: datetime | None = Field(default=None, sa_type=INSTANT)
    outcome: str | None = None
    tries: int = 0
    tried_at: datetime | None = Field(default=None, sa_type=INSTANT)


def insert_event(session: Session, event: WebhookEvent) -> bool:
    """Store an event and tell the dispatcher when this commits. False where it is a duplicate, which has no effect."""
    values = event.model_dump(exclude={"sequence"})
    new = session.execute(insert(WebhookEvent).values(values).on_conflict_do_nothing().returning(col(WebhookEvent.id)))
    if new.first() is None:
        return False
    session.execute(select(func.pg_notify(CHANNEL, event.id)))
    return True


def pending(session: Session, *, limit: int, not_before: datetime) -> Sequence[WebhookEvent]:
    """Unhandled events in the order they came, without those that were tried after `not_before`.

    They are locked for this transaction, and those another process has locked are left out: two dispatchers share
    the work.
    """
    query = (
        select(WebhookEvent)
        .where(col(WebhookEvent.handled_at).is_(None))
        .where(col(WebhookEvent.tried_at).is_(None) | (col(WebhookEvent.tried_at) <= not_before))
        .order_by(col(WebhookEvent.sequence))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return session.exec(query).all()


def mark_handled(session: Session, event_id: str, outcome: str, at: datetime) -> None:
    """Settle an event. The first outcome stays."""
    unhandled = (col(WebhookEvent.id) == event_id, col(WebhookEvent.handled_at).is_(None))
    session.execute(update(WebhookEvent).where(*unhandled).values(handled_at=at, outcome=outcome))


def bump_try(session: Session, event_id: str, at: datetime) -> None:
    """Note one more try, so that `pending` leaves the event alone for a while."""
    counted = {"tries": col(WebhookEvent.tries) + 1, "tried_at": at}
    session.execute(update(WebhookEvent).where(col(WebhookEvent.id) == event_id).values(counted))


def list_events(
    session: Session, *, after: int | None, limit: int, handled: bool | None = None
) -> Sequence[WebhookEvent]:
    """Events, newest first, that are older than the one numbered `after`."""
    query = select(WebhookEvent).order_by(col(WebhookEvent.sequence).desc()).limit(limit)
    if after is not None:
        query = query.where(col(WebhookEvent.sequence) < after)
    if handled is not None:
        query = query.where(col(WebhookEvent.handled_at).is_not(None) == handled)
    return session.exec(query).all()
