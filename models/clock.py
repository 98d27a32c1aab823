"""Test clocks: time that only moves when somebody moves it, for the contracts that hang on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Identity, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, Session, SQLModel, col, select

from models.base import BIG, INSTANT


class TestClock(SQLModel, table=True):
    """A clock that stands at `now_at`, and goes to `target_at` while it is advancing."""

    __tablename__ = "test_clock"
    __table_args__ = (
        CheckConstraint("status IN ('ready', 'advancing')", name="status_known"),
        CheckConstraint("(status = 'advancing') = (target_at IS NOT NULL)", name="advances_to_a_target"),
    )
    __test__ = False  # pytest would take it for a test by its name

    id: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    name: str
    now_at: datetime = Field(sa_type=INSTANT)
    status: str = "ready"
    target_at: datetime | None = Field(default=None, sa_type=INSTANT)
    created_at: datetime = Field(sa_type=INSTANT)


@dataclass(frozen=True, slots=True)
class Due:
    """What hangs on a clock and is due at `at`: contracts, collections as (invoice, contract), and quotes."""

    at: datetime
    contracts: tuple[str, ...]
    collections: tuple[tuple[str, str], ...]
    quotes: tuple[str, ...]


def insert_clock(session: Session, clock: TestClock) -> bool:
    """Store a clock. False where its id is taken; what is there stays as it is."""
    new = insert(TestClock).values(clock.model_dump(exclude={"sequence"})).on_conflict_do_nothing()
    return session.execute(new.returning(col(TestClock.id))).first() is not None


def get_clock(session: Session, clock_id: str) -> TestClock | None:
    return session.get(TestClock, clock_id)


def farthest(session: Session) -> datetime | None:
    """The instant that the clock farthest ahead shows, or goes to; None where there is no clock."""
    query = select(func.max(func.coalesce(col(TestClock.target_at), col(TestClock.now_at))))
    return session.exec(query).one()


def list_clocks(session: Session, *, after: int | None, limit: int) -> Sequence[TestClock]:
    """Clocks, newest first, that are older than the one numbered `after`."""
    query = select(TestClock).order_by(col(TestClock.sequence).desc()).limit(limit)
    if after is not None:
        query = query.where(col(TestClock.sequence) < after)
    return session.exec(query).all()


def begin_advance(session: Session, clock_id: str, to: datetime) -> None:
    """Show that the clock is on its way to `to`, unless it has been there."""
    session.execute(_BEGIN, {"clock_id": clock_id, "to": to, "again": False})


def resume_advance(session: Session, clock_id: str, to: datetime) -> None:
    """Like `begin_advance`, and also where it shows `to` and what is due at that very instant is still to be done.

    For the one who then finishes the advance: nobody else would.
    """
    session.execute(_BEGIN, {"clock_id": clock_id, "to": to, "again": True})


def finish_advance(session: Session, clock_id: str, to: datetime) -> None:
    """Show that the clock has reached `to`. It never goes back, and stays on its way to a later target."""
    session.execute(_FINISH, {"clock_id": clock_id, "to": to})


def next_due(session: Session, clock_id: str, until: datetime) -> Due | None:
    """What hangs on the clock and is due first, all of it; None where nothing is due at or before `until`."""
    rows = session.execute(_DUE, {"clock_id": clock_id, "until": until}).all()
    if not rows:
        return None
    return Due(
        rows[0].at,
        tuple(row.contract_id for row in rows if row.invoice_id is None and row.quote_id is None),
        tuple((row.invoice_id, row.contract_id) for row in rows if row.invoice_id is not None),
        tuple(row.quote_id for row in rows if row.quote_id is not None),
    )


def unsettled(session: Session, clock_id: str, until: datetime) -> list[tuple[str, str]]:
    """The (invoice, contract) of all on the clock that is being collected, or is due by `until` and not paid."""
    values = {"clock_id": clock_id, "until": until}
    return [(row[0], row[1]) for row in session.execute(_UNSETTLED, values)]


_BEGIN = text("""
    UPDATE test_clock SET status = 'advancing', target_at = greatest(:to, target_at)
    WHERE id = :clock_id AND (now_at < :to OR (:again AND now_at = :to))
""")
_FINISH = text("""
    UPDATE test_clock SET now_at = greatest(now_at, :to),
      status = CASE WHEN target_at > :to THEN status ELSE 'ready' END,
      target_at = CASE WHEN target_at > :to THEN target_at END
    WHERE id = :clock_id
""")
_DUE = text("""
    WITH due AS (
      SELECT next_due_at AS at, id AS contract_id, CAST(NULL AS text) AS invoice_id, CAST(NULL AS text) AS quote_id
      FROM contract
      WHERE clock_id = :clock_id AND next_due_at <= :until
      UNION ALL
      SELECT next_action_at, contract_id, invoice_id, NULL FROM collection
      WHERE clock_id = :clock_id AND stage IN ('scheduled', 'retrying') AND next_action_at <= :until
      UNION ALL
      SELECT expires_at, NULL, NULL, id FROM quote
      WHERE clock_id = :clock_id AND status IN ('draft', 'pending_approval', 'approved', 'sent')
        AND expires_at <= :until
    )
    SELECT at, contract_id, invoice_id, quote_id FROM due
    WHERE at = (SELECT min(at) FROM due) ORDER BY contract_id, invoice_id, quote_id
""")
_UNSETTLED = text("""
    SELECT invoice_id, contract_id FROM collection WHERE clock_id = :clock_id AND stage <> 'settled'
    UNION
    SELECT i.id, i.contract_id FROM invoice i JOIN contract c ON c.id = i.contract_id
    WHERE c.clock_id = :clock_id AND i.kind = 'invoice' AND i.status = 'open' AND i.due_at <= :until
    ORDER BY 1
""")
