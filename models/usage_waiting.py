"""Usage that no contract takes yet: why it waits, and how it joins or leaves a contract."""

from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from models import usage_rollup
from models.usage_lock import lock_contract

Reason = Literal["unknown_customer", "unknown_contract", "outside_term", "several_contracts"]


class WaitingEvent(NamedTuple):
    """An event without a contract, and why no contract takes it."""

    seq: int
    source: str
    event_id: str
    event: str
    at: datetime
    customer_key: str | None
    requested_contract_id: str | None
    reason: Reason


def unmatched(session: Session, *, after: int = 0, limit: int = 100) -> list[WaitingEvent]:
    """The events without a contract in the order they came, beginning after the one with `seq` `after`."""
    found = session.execute(_UNMATCHED, {"after": after, "limit": limit})
    return [WaitingEvent(*row) for row in found]


def match_waiting(session: Session, contract_id: str) -> int:
    """Give the contract the waiting events that it takes, in the transaction that makes it or extends its term.

    They get a new `seq`, so they count as usage that comes now. Returns how many joined.
    """
    key = lock_contract(session, contract_id)
    joined = session.execute(_JOIN, {"contract_id": contract_id, "key": key}).scalars().all()
    usage_rollup.recount(session, contract_id, joined)
    return len(joined)


def release_after_end(session: Session, contract_id: str, ends_at: datetime) -> int:
    """Let go of the contract's events at or after `ends_at`, in the transaction that ends it then.

    What a rated line has counted stays: it was billed. Returns how many were let go.
    """
    lock_contract(session, contract_id)
    left = session.execute(_LEAVE, {"contract_id": contract_id, "ends_at": ends_at}).scalars().all()
    usage_rollup.recount(session, contract_id, left)
    return len(left)


_UNMATCHED = text("""
    SELECT e.seq, e.source, e.event_id, e.event, e.at, e.customer_key, e.requested_contract_id,
      CASE
        WHEN e.requested_contract_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM contract c WHERE c.id = e.requested_contract_id) THEN 'unknown_contract'
        WHEN e.requested_contract_id IS NULL
          AND NOT EXISTS (SELECT FROM customer k WHERE k.key = e.customer_key) THEN 'unknown_customer'
        WHEN e.requested_contract_id IS NULL AND (
          SELECT count(*) FROM customer k JOIN contract c ON c.customer_id = k.id
          WHERE k.key = e.customer_key AND c.starts_at <= e.at AND (c.ends_at IS NULL OR e.at < c.ends_at)
        ) > 1 THEN 'several_contracts'
        ELSE 'outside_term'
      END
    FROM usage_event e WHERE e.contract_id IS NULL AND e.voided_seq IS NULL AND e.seq > :after
    ORDER BY e.seq LIMIT :limit
""")
# The key follows the event's new `seq`, by which it is found.
_JOIN = text("""
    WITH joined AS (
      UPDATE usage_event e SET contract_id = c.id, seq = nextval('usage_seq') FROM contract c
      WHERE c.id = :contract_id AND e.contract_id IS NULL AND e.voided_seq IS NULL
        AND c.starts_at <= e.at AND (c.ends_at IS NULL OR e.at < c.ends_at)
        AND (
          e.requested_contract_id = c.id
          OR e.requested_contract_id IS NULL AND e.customer_key = :key AND NOT EXISTS (
            SELECT FROM contract other
            WHERE other.customer_id = c.customer_id AND other.id <> c.id
              AND other.starts_at <= e.at AND (other.ends_at IS NULL OR e.at < other.ends_at)
          )
        )
      RETURNING e.source, e.event_id, e.seq
    )
    UPDATE usage_key k SET seq = j.seq FROM joined j WHERE k.source = j.source AND k.event_id = j.event_id
    RETURNING k.at
""")
_LEAVE = text("""
    WITH gone AS (
      UPDATE usage_event e SET contract_id = NULL, seq = nextval('usage_seq')
      WHERE e.contract_id = :contract_id AND e.at >= :ends_at AND e.voided_seq IS NULL AND NOT EXISTS (
        SELECT FROM rated_line r
        WHERE r.contract_id = e.contract_id AND r.event = e.event AND r.from_at <= e.at AND e.at < r.to_at
          AND r.after_seq < e.seq AND e.seq <= r.up_to_seq
      )
      RETURNING e.source, e.event_id, e.seq
    )
    UPDATE usage_key k SET seq = g.seq FROM gone g WHERE k.source = g.source AND k.event_id = g.event_id
    RETURNING k.at
""")
