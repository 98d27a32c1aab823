"""Usage events: taken in once each, matched to the contract whose term they fall in."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from models.usage_event import UsageEvent
from models.usage_lock import lock_shared
from models.usage_parts import make_parts, month_of
from models.usage_storing import Incoming, KeyTaken, hash_of, known_hashes, store
from models.usage_voiding import Key, hold, lock_versions

__all__ = ["EventResult", "Outcome", "UsageEvent", "ingest"]

Outcome = Literal["accepted", "duplicate", "conflict", "replaced", "archived"]

# A batch can meet another that stores the same events; each time it does, the other has ended.
_MEETINGS_MAX: Final = 20


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
    closed = make_parts(session, [event.at for event in events])
    keys: list[Key] = [event[:2] for event in events]
    named = {event.address for event in events}
    if replace:
        lock_versions(session, set(keys), named)
    else:
        lock_shared(session, named)
    terms = _terms(session, events)
    incoming = [Incoming(event, _match(event, terms)) for event in events]
    firsts: dict[Key, Incoming] = {}
    for key, row in zip(keys, incoming, strict=True):
        if not closed or month_of(row.event.at) not in closed:
            firsts.setdefault(key, row)
    found = _stored(session, firsts, set(keys), replace)
    return [
        EventResult(_outcome(key, row, firsts.get(key), found), row.contract_id)
        for key, row in zip(keys, incoming, strict=True)
    ]


class _Found(NamedTuple):
    """What became of the events that were stored, or might have been, and the hashes of what was there before."""

    taken: Mapping[Key, Outcome]
    hashes: Mapping[Key, bytes]


def _stored(session: Session, firsts: Mapping[Key, Incoming], keys: Collection[Key], replace: bool) -> _Found:
    for _ in range(_MEETINGS_MAX):
        hashes = known_hashes(session, keys)
        new = [row for key, row in firsts.items() if key not in hashes]
        taken: dict[Key, Outcome] = {row.key: "accepted" for row in new}
        if replace:
            taken |= _replaceable(session, {key: row for key, row in firsts.items() if key in hashes})
        replaced = [firsts[key] for key, outcome in taken.items() if outcome == "replaced"]
        try:
            store(session, new, replaced)
        except KeyTaken:
            continue
        return _Found(taken, hashes)
    raise RuntimeError("each time the batch was to be stored, another had just stored some of it")


def _replaceable(session: Session, rows: Mapping[Key, Incoming]) -> dict[Key, Outcome]:
    """Hold what is stored of the events; which of them is to be replaced, or no longer can be."""
    outcomes: dict[Key, Outcome] = {}
    for held in hold(session, rows):
        if held.is_archived:
            outcomes[held.key] = "archived"
        elif held.is_voided or held.body_hash != hash_of(rows[held.key].event):
            outcomes[held.key] = "replaced"
    return outcomes


def _outcome(key: Key, row: Incoming, first: Incoming | None, found: _Found) -> Outcome:
    outcome = found.taken.get(key)
    if outcome is not None and first is row:
        return outcome
    stored = hash_of(first.event) if outcome is not None and first is not None else found.hashes.get(key)
    if stored is None:
        return "archived"
    return "duplicate" if stored == hash_of(row.event) else "conflict"


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
    at, found = event.at, None
    for contract_id, starts_at, ends_at in terms.get(event.address, ()):
        if starts_at <= at and (ends_at is None or at < ends_at):
            if found is not None:
                return None
            found = contract_id
    return found


_TERMS = text("""
    SELECT c.id, c.id, c.starts_at, c.ends_at FROM contract c
    WHERE c.id = ANY(CAST(:ids AS text[])) AND c.starts_at <= :last_at
      AND (c.ends_at IS NULL OR c.ends_at > :first_at)
    UNION ALL
    SELECT k.key, c.id, c.starts_at, c.ends_at FROM customer k JOIN contract c ON c.customer_id = k.id
    WHERE k.key = ANY(CAST(:keys AS text[])) AND c.starts_at <= :last_at
      AND (c.ends_at IS NULL OR c.ends_at > :first_at)
""")
