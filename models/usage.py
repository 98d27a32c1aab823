"""Usage events: taken in once each, matched to the contract whose term they fall in."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

import orjson
from sqlalchemy import text
from sqlmodel import Session

from models.usage_lock import lock_shared
from models.usage_parts import make_parts, month_of
from models.usage_staging import StagedRow, stage
from models.usage_voiding import EventKey, addresses, hold
from models.usage_voiding import replace as replace_held


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


Outcome = Literal["accepted", "duplicate", "conflict", "replaced", "archived"]


class EventResult(NamedTuple):
    """What became of an event. `contract_id` is the contract that takes it, None where it waits for one."""

    outcome: Outcome
    contract_id: str | None


class _Term(NamedTuple):
    contract_id: str
    starts_at: datetime
    ends_at: datetime | None


def ingest(session: Session, events: Sequence[UsageEvent], *, replace: bool = False) -> list[EventResult]:
    """Store the events that are new, and say of each, in their order, what became of it.

    An event that was stored before, or comes twice in `events`, is a duplicate; with another content it is a
    conflict, and the first stays. With `replace` the other content takes the place of what was stored before, and one
    that was voided counts again; within `events` the first still stays. What no contract takes, or more than one, is
    stored and waits. What happened in a month whose events are archived is not taken.
    """
    if not events:
        return []
    closed = make_parts(session, (event.at for event in events))
    keys = [EventKey(event.source, event.event_id) for event in events]
    before = addresses(session, set(keys)) if replace else set()
    lock_shared(session, before | {event.address for event in events})
    terms = _terms(session, events)
    matched = [_match(event, terms) for event in events]
    firsts: dict[EventKey, int] = {}
    for position, (key, event) in enumerate(zip(keys, events, strict=True)):
        if month_of(event.at) not in closed:
            firsts.setdefault(key, position)
    stage(session, (_row(position, events[position], matched[position]) for position in firsts.values()))
    known = set(session.execute(_STORE).scalars())
    outcomes: dict[int, Outcome] = {position: "accepted" for position in firsts.values() if position not in known}
    if replace and known:
        outcomes |= _replaced(session, {position: events[position] for position in known})
    compared = {position: event for position, event in enumerate(events) if position not in outcomes}
    outcomes |= _compared(session, compared)
    return [EventResult(outcomes[position], found) for position, found in enumerate(matched)]


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


def _row(position: int, event: UsageEvent, contract_id: str | None) -> StagedRow:
    return (
        position,
        event.source,
        event.event_id,
        _hash(event),
        event.customer_key,
        event.contract_id,
        contract_id,
        event.event,
        event.at,
        event.value,
        _json(event.properties),
    )


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


def _replaced(session: Session, events: Mapping[int, UsageEvent]) -> dict[int, Outcome]:
    """Put the staged events in place of what is stored and differs; those that are the same are left out."""
    held = {row.key: row for row in hold(session, [EventKey(e.source, e.event_id) for e in events.values()])}
    outcomes: dict[int, Outcome] = {}
    for position, event in events.items():
        stored = held[EventKey(event.source, event.event_id)]
        if stored.is_archived:
            outcomes[position] = "archived"
        elif stored.is_voided or stored.body_hash != _hash(event):
            outcomes[position] = "replaced"
    wanted = [EventKey(events[position].source, events[position].event_id) for position in outcomes]
    replace_held(session, [key for key in wanted if not held[key].is_archived])
    return outcomes


def _compared(session: Session, events: Mapping[int, UsageEvent]) -> dict[int, Outcome]:
    """What those of the events are that were not stored: the same as before, in conflict, or of a closed month."""
    if not events:
        return {}
    keys = {"sources": [e.source for e in events.values()], "event_ids": [e.event_id for e in events.values()]}
    stored = {(row.source, row.event_id): row.body_hash for row in session.execute(_HASHES, keys)}
    outcomes: dict[int, Outcome] = {}
    for position, event in events.items():
        found = stored.get((event.source, event.event_id))
        outcomes[position] = "archived" if found is None else "duplicate" if found == _hash(event) else "conflict"
    return outcomes


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
_STORE = text("""
    WITH keyed AS (
      INSERT INTO usage_key (source, event_id, at, body_hash)
      SELECT source, event_id, at, body_hash FROM usage_staged ORDER BY source, event_id
      ON CONFLICT (source, event_id) DO NOTHING
      RETURNING source, event_id, seq
    ), stored AS (
      INSERT INTO usage_event (
        seq, at, source, event_id, customer_key, requested_contract_id, contract_id, event, value, properties
      )
      SELECT k.seq, s.at, s.source, s.event_id, s.customer_key, s.requested_contract_id, s.contract_id, s.event,
        s.value, s.properties
      FROM usage_staged s JOIN keyed k USING (source, event_id)
    )
    SELECT position FROM usage_staged s
    WHERE NOT EXISTS (SELECT FROM keyed k WHERE k.source = s.source AND k.event_id = s.event_id)
""")
_HASHES = text("""
    SELECT source, event_id, body_hash FROM usage_key
    WHERE (source, event_id) IN (SELECT * FROM unnest(CAST(:sources AS text[]), CAST(:event_ids AS text[])))
""")
