"""Which webhook events wait to be acted on, and what is known of the payment that each speaks of.

All instants here say when the record was looked at, not when business was done, so the database's clock tells them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session

FIRST_PAUSE_SECONDS = 2
# 2, 4, 8 ... seconds, at most about four minutes between two tries.
DOUBLINGS_MAX = 7


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    """An unhandled event; `tries` counts those before this one. Without an invoice nobody here knows its payment."""

    id: str
    type: str
    tries: int
    invoice_id: str | None
    payment_status: str | None


def take_waiting(session: Session, *, limit: int) -> list[WaitingEvent]:
    """The unhandled events whose turn it is, in the order they came, each counted as tried once more.

    Events that another process is taking are left out, so that nothing is acted on twice at once.
    """
    values = {"limit": limit, "first_pause": FIRST_PAUSE_SECONDS, "doublings_max": DOUBLINGS_MAX}
    return [WaitingEvent(*row) for row in session.execute(_TAKE, values)]


def settle_events(session: Session, event_ids: Sequence[str], outcome: str) -> None:
    """Mark events as handled. The first outcome stays."""
    session.execute(_SETTLE, {"ids": list(event_ids), "outcome": outcome})


def database_now(session: Session) -> datetime:
    """The instant on the database's clock."""
    now: datetime = session.execute(text("SELECT now()")).scalar_one()
    return now


_TAKE = text("""
    WITH turn AS (
      SELECT id FROM webhook_event
      WHERE handled_at IS NULL AND (
        tried_at IS NULL
        OR tried_at + make_interval(secs => :first_pause * 2 ^ least(tries - 1, :doublings_max)) <= now()
      )
      ORDER BY sequence LIMIT :limit FOR UPDATE SKIP LOCKED
    ), taken AS (
      UPDATE webhook_event e SET tries = e.tries + 1, tried_at = now() FROM turn WHERE e.id = turn.id
      RETURNING e.id, e.type, e.tries - 1 AS tries, e.object_id, e.sequence
    )
    SELECT t.id, t.type, t.tries, p.invoice_id, p.status
    FROM taken t LEFT JOIN payment p ON p.intent_id = t.object_id ORDER BY t.sequence
""")
_SETTLE = text("""
    UPDATE webhook_event SET handled_at = now(), outcome = :outcome
    WHERE id = ANY(CAST(:ids AS text[])) AND handled_at IS NULL
""")
