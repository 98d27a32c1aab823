"""Usage events: taken in once each, matched to the contract whose term they fall in."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

import orjson
from sqlalchemy import CheckConstraint, Column, Identity, Index, LargeBinary, text
from sqlmodel import Field, Session, SQLModel

from models.base import BIG, INSTANT, JSON, QUANTITY
from models.usage_lock import lock_shared

_WAITING = text("contract_id IS NULL")


class StoredUsageEvent(SQLModel, table=True):
    """An event as it came, and the contract it was matched to; without one it waits.

    `seq` rises with every event that joins a contract, see `models.usage_lock`.
    """

    __tablename__ = "usage_event"
    __table_args__ = (
        CheckConstraint("requested_contract_id IS NOT NULL OR customer_key IS NOT NULL", name="addressed"),
        Index("ix_usage_event_contract_id_event_at", "contract_id", "event", "at"),
        Index("ix_usage_event_waiting", "seq", postgresql_where=_WAITING),
        Index("ix_usage_event_waiting_customer", "customer_key", "at", postgresql_where=_WAITING),
        Index("ix_usage_event_waiting_contract", "requested_contract_id", "at", postgresql_where=_WAITING),
    )

    source: str = Field(primary_key=True)
    event_id: str = Field(primary_key=True)
    seq: int | None = Field(default=None, sa_column=Column(BIG, Identity(always=True), nullable=False))
    body_hash: bytes = Field(sa_type=LargeBinary)
    customer_key: str | None = None
    requested_contract_id: str | None = None
    contract_id: str | None = None
    event: str
    at: datetime = Field(sa_type=INSTANT)
    value: Decimal | None = Field(default=None, sa_type=QUANTITY)
    properties: dict[str, object] = Field(sa_type=JSON)
    # When it arrived: a fact about the record, so the database's clock tells it.
    received_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": text("now()")})


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """Something that was used at the instant `at`, unique by `(source, event_id)`.

    It belongs to the contract `contract_id`, or without one to the contract of the customer `customer_key` whose
    term holds `at`. Numbers in `properties` are integers or decimals.
    """

    source: str
    event_id: str
    event: str
    at: datetime
    customer_key: str | None = None
    contract_id: str | None = None
    value: Decimal | int | None = None
    properties: Mapping[str, object] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return self.contract_id or self.customer_key or ""


Outcome = Literal["accepted", "duplicate", "conflict"]


class EventResult(NamedTuple):
    """What became of an event. `contract_id` is the contract that takes it, None where it waits for one."""

    outcome: Outcome
    contract_id: str | None


class _Term(NamedTuple):
    contract_id: str
    starts_at: datetime
    ends_at: datetime | None


def ingest(session: Session, events: Sequence[UsageEvent]) -> list[EventResult]:
    """Store the events that are new, and say of each, in their order, what became of it.

    An event that was stored before, or comes twice in `events`, is a duplicate; with another content it is a
    conflict, and the first stays. What no contract takes, or more than one, is stored and waits.
    """
    if not events:
        return []
    lock_shared(session, {event.address for event in events})
    terms = _terms(session, events)
    matched = [_match(event, terms) for event in events]
    firsts: dict[tuple[str, str], int] = {}
    repeated = []
    for position, event in enumerate(events):
        if firsts.setdefault((event.source, event.event_id), position) != position:
            repeated.append(position)
    rows = [_row(position, events[position], matched[position]) for position in firsts.values()]
    repeated += session.execute(_INSERT, {"events": _json(rows).decode()}).scalars()
    outcomes = _compared(session, {position: events[position] for position in repeated})
    return [EventResult(outcomes.get(position, "accepted"), found) for position, found in enumerate(matched)]


def _terms(session: Session, events: Sequence[UsageEvent]) -> dict[str, list[_Term]]:
    """The terms that may take the events, by customer key and by contract id."""
    parameters = {
        "ids": list({event.contract_id for event in events if event.contract_id}),
        "keys": list({event.customer_key for event in events if not event.contract_id}),
        "first_at": min(event.at for event in events),
        "last_at": max(event.at for event in events),
    }
    terms: dict[str, list[_Term]] = {}
    for address, *term in session.execute(_TERMS, parameters):
        terms.setdefault(address, []).append(_Term(*term))
    return terms


def _match(event: UsageEvent, terms: Mapping[str, Sequence[_Term]]) -> str | None:
    at = event.at
    found = [
        term.contract_id
        for term in terms.get(event.address, ())
        if term.starts_at <= at and (term.ends_at is None or at < term.ends_at)
    ]
    return found[0] if len(found) == 1 else None


def _row(position: int, event: UsageEvent, contract_id: str | None) -> dict[str, object]:
    return {
        "position": position,
        "source": event.source,
        "event_id": event.event_id,
        "body_hash": _hash(event).hex(),
        "customer_key": event.customer_key,
        "requested_contract_id": event.contract_id,
        "contract_id": contract_id,
        "event": event.event,
        "at": event.at,
        "value": event.value,
        "properties": event.properties,
    }


def _hash(event: UsageEvent) -> bytes:
    value = event.value if event.value is None else Decimal(event.value).normalize()
    at = event.at.astimezone(UTC)
    body = [event.customer_key, event.contract_id, event.event, at, value, event.properties]
    return hashlib.blake2b(_json(body), digest_size=16).digest()


def _json(value: object) -> bytes:
    return orjson.dumps(value, default=_exact, option=orjson.OPT_SORT_KEYS)


def _exact(value: object) -> object:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no property of an event")


def _compared(session: Session, events: Mapping[int, UsageEvent]) -> dict[int, Outcome]:
    """What those of the events are that were stored before: the same, or in conflict."""
    if not events:
        return {}
    keys = {"sources": [e.source for e in events.values()], "event_ids": [e.event_id for e in events.values()]}
    stored = {(row.source, row.event_id): row.body_hash for row in session.execute(_HASHES, keys)}
    return {
        position: "duplicate" if stored[event.source, event.event_id] == _hash(event) else "conflict"
        for position, event in events.items()
    }


_TERMS = text("""
    SELECT c.id, c.id, c.starts_at, c.ends_at FROM contract c
    WHERE c.id = ANY(CAST(:ids AS text[])) AND c.starts_at <= :last_at
      AND (c.ends_at IS NULL OR c.ends_at > :first_at)
    UNION ALL
    SELECT k.key, c.id, c.starts_at, c.ends_at FROM customer k JOIN contract c ON c.customer_id = k.id
    WHERE k.key = ANY(CAST(:keys AS text[])) AND c.starts_at <= :last_at
      AND (c.ends_at IS NULL OR c.ends_at > :first_at)
""")
# Gives back the positions that were stored before. One order for all batches, so that two never wait for each other.
_INSERT = text("""
    WITH incoming AS MATERIALIZED (
      SELECT * FROM json_to_recordset(CAST(:events AS json)) AS e (
        position int, source text, event_id text, body_hash text, customer_key text, requested_contract_id text,
        contract_id text, event text, at timestamptz, value numeric, properties jsonb
      )
    ), stored AS (
      INSERT INTO usage_event (
        source, event_id, body_hash, customer_key, requested_contract_id, contract_id, event, at, value, properties
      )
      SELECT source, event_id, decode(body_hash, 'hex'), customer_key, requested_contract_id, contract_id, event, at,
        value, properties
      FROM incoming ORDER BY source, event_id
      ON CONFLICT (source, event_id) DO NOTHING
      RETURNING source, event_id
    )
    SELECT position FROM incoming i
    WHERE NOT EXISTS (SELECT FROM stored s WHERE s.source = i.source AND s.event_id = i.event_id)
""")
_HASHES = text("""
    SELECT source, event_id, body_hash FROM usage_event
    WHERE (source, event_id) IN (SELECT * FROM unnest(CAST(:sources AS text[]), CAST(:event_ids AS text[])))
""")
