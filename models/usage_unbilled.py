"""Usage that came too late: its contract is over, and no invoice will take it up any more."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session


class UnbilledEvent(NamedTuple):
    """An event that came after the last invoice of its contract, or was `voided` after it and stays billed."""

    seq: int
    source: str
    event_id: str
    event: str
    at: datetime
    received_at: datetime
    contract_id: str
    voided: bool


def unbilled(
    session: Session, *, after: int = 0, limit: int = 100, contract_id: str | None = None
) -> list[UnbilledEvent]:
    """The events that no invoice takes up any more, in the order they came, beginning after the one with `seq` `after`.

    Their time lies in a period that was billed, they came or were voided later, and their contract bills nothing more,
    unless it is taken up again. It reads the events of all contracts that are over, or of the one that is named.
    """
    found = session.execute(_UNBILLED, {"after": after, "limit": limit, "contract_id": contract_id})
    return [UnbilledEvent(*row) for row in found]


# As `models.rated_line` finds what came late: of each stretch the newest claim says up to where it is counted.
_UNBILLED = text("""
    SELECT e.seq, e.source, e.event_id, e.event, e.at, e.received_at, e.contract_id, e.voided_seq IS NOT NULL
    FROM contract c JOIN usage_event e ON e.contract_id = c.id
    WHERE c.status IN ('cancelled', 'expired') AND coalesce(c.next_due_reason, 'close') = 'close'
      AND (CAST(:contract_id AS text) IS NULL OR c.id = :contract_id) AND e.seq > :after
      AND EXISTS (
        SELECT FROM rated_line r
        WHERE r.contract_id = c.id AND r.event = e.event AND r.from_at <= e.at AND e.at < r.to_at
          AND (e.seq > r.up_to_seq AND e.voided_seq IS NULL OR e.seq <= r.up_to_seq AND e.voided_seq > r.up_to_seq)
          AND NOT EXISTS (
            SELECT FROM rated_line n
            WHERE n.contract_id = r.contract_id AND n.line_id = r.line_id AND n.from_at = r.from_at
              AND n.generation > r.generation
          )
      )
    ORDER BY e.seq LIMIT :limit
""")
