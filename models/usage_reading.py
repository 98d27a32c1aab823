"""Usage events, read back: which there are, and which claims and invoice lines count one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlmodel import Session

from domain.filters import Filter
from models import usage_filters
from models.customer import resolve_customer
from models.usage_waiting import Reason, unmatched

_FILTERS: TypeAdapter[tuple[Filter, ...]] = TypeAdapter(tuple[Filter, ...])


class ReadEvent(NamedTuple):
    """A version of an event as it is stored; one with a `voided_seq` no longer counts.

    `properties` are JSON, as text, so that every digit of a number stays.
    """

    seq: int
    source: str
    event_id: str
    event: str
    at: datetime
    customer_key: str | None
    requested_contract_id: str | None
    contract_id: str | None
    value: Decimal | None
    properties: str
    received_at: datetime
    voided_seq: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events to list; what is None does not restrict. `to_at` is exclusive.

    `contract_id` is the contract that an event counts for. `customer` is an id or a key: of it are the events that
    name it, those that wait too, and those of its contracts. What was voided is only listed `with_voided`.
    """

    contract_id: str | None = None
    customer: str | None = None
    source: str | None = None
    event: str | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    with_voided: bool = False


class Counted(NamedTuple):
    """A claim that counts an event, and the invoice line that took it over; without one it is not billed yet.

    One that `takes_back` no longer counts what was voided after an earlier claim had counted it.
    """

    rated_line_id: str
    line_id: str
    period_start: date
    period_end: date
    generation: int
    aggregate: str
    reads: str
    expression: str | None
    takes_back: bool
    invoice_id: str | None
    number: str | None
    status: str | None
    position: int | None
    kind: str | None
    description: str | None


def list_events(session: Session, wanted: EventFilter, *, after: int = 0, limit: int = 100) -> Sequence[ReadEvent]:
    """Events by their `seq`, beginning after the one with `after`.

    An event that is replaced, or joins or leaves a contract, gets a new `seq`, so whoever reads on finds it again.
    """
    conditions, parameters = _conditions(session, wanted)
    if not wanted.with_voided:
        conditions += " AND e.voided_seq IS NULL"
    query = f"SELECT {_COLUMNS} FROM usage_event e WHERE e.seq > :after {conditions} ORDER BY e.seq LIMIT :limit"
    found = session.execute(text(query), {"after": after, "limit": limit, **parameters})
    return [ReadEvent(*row) for row in found]


def find_event(session: Session, source: str, event_id: str) -> ReadEvent | Literal["archived"] | None:
    """The present version of the event with this key, None where there never was one."""
    row = session.execute(_ONE, {"source": source, "event_id": event_id}).first()
    if row is None:
        return None
    return "archived" if row.seq is None else ReadEvent(*row)


def waits_because(session: Session, event: ReadEvent) -> Reason | None:
    """Why no contract takes the event; None where one does, and for one that was voided."""
    if event.contract_id is not None or event.voided_seq is not None:
        return None
    found = unmatched(session, after=event.seq - 1, limit=1)
    return found[0].reason if found and found[0].seq == event.seq else None


def counted_by(session: Session, event: ReadEvent) -> list[Counted]:
    """The claims that count the event, in the order they were made; one whose filters exclude it does not.

    What had nothing to aggregate is counted too: the claim saw it.
    """
    if event.contract_id is None:
        return []
    claims = session.execute(_COUNTING, event._asdict()).all()
    return [Counted(*claim[:-1]) for claim in claims if _passes(session, event, claim[-1])]


def _passes(session: Session, event: ReadEvent, filters: list[dict[str, Any]]) -> bool:
    """Whether the filters let the event in, by the words that counted it."""
    if not filters:
        return True
    asked = _FILTERS.validate_python(filters)
    query = f"""SELECT true FROM (SELECT CAST(:properties AS jsonb) AS properties) AS e
      WHERE true {usage_filters.conditions(asked)}"""
    parameters = {"properties": event.properties, **usage_filters.bound(asked)}
    return session.execute(text(query), parameters).first() is not None


def _conditions(session: Session, wanted: EventFilter) -> tuple[str, dict[str, object]]:
    """What to add to a WHERE, and what it binds. Only what restricts is named, so that an index can serve it."""
    parameters: dict[str, object] = {}
    for name in _CONDITIONS:
        if (value := getattr(wanted, name)) is not None:
            parameters[name] = value
    conditions = [_CONDITIONS[name] for name in parameters]
    if wanted.customer is not None:
        customer = resolve_customer(session, wanted.customer)
        parameters["customer_id"] = customer.id if customer else None
        # A key that nobody has yet may stand on events that wait for it.
        parameters["customer"] = customer.key if customer else wanted.customer
    return "".join(f" AND {condition}" for condition in conditions), parameters


_CONDITIONS = {
    "contract_id": "e.contract_id = :contract_id",
    "customer": """(e.customer_key = :customer OR e.contract_id IN (
      SELECT c.id FROM contract c WHERE c.customer_id = CAST(:customer_id AS text)
    ))""",
    "source": "e.source = :source",
    "event": "e.event = :event",
    "from_at": "e.at >= :from_at",
    "to_at": "e.at < :to_at",
}
_COLUMNS = """e.seq, e.source, e.event_id, e.event, e.at, e.customer_key, e.requested_contract_id, e.contract_id,
  e.value, CAST(e.properties AS text), e.received_at, e.voided_seq"""
_ONE = text(f"""
    SELECT {_COLUMNS} FROM usage_key k LEFT JOIN usage_event e ON e.seq = k.seq AND e.at = k.at
    WHERE k.source = :source AND k.event_id = :event_id
""")
# As `models.rated_line` counts them: by the watermark an event has come and is not voided, or is taken back since.
_COUNTING = text("""
    SELECT r.id, r.line_id, r.period_start, r.period_end, r.generation, r.aggregate, r.reads, r.expression,
      :seq <= r.after_seq, i.id, i.number, i.status, l.position, l.kind, l.description, r.filters
    FROM rated_line r
    LEFT JOIN invoice_line l ON l.id = r.invoice_line_id
    LEFT JOIN invoice i ON i.id = l.invoice_id
    WHERE r.contract_id = :contract_id AND r.event = :event AND r.from_at <= :at AND :at < r.to_at AND (
      r.after_seq < :seq AND :seq <= r.up_to_seq
        AND coalesce(CAST(:voided_seq AS bigint) > r.up_to_seq, true)
      OR :seq <= r.after_seq AND r.after_seq < CAST(:voided_seq AS bigint)
        AND CAST(:voided_seq AS bigint) <= r.up_to_seq
    )
    ORDER BY r.up_to_seq, r.line_id
""")
