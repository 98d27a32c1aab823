"""Usage that was wrong: events voided or replaced by another version, before or after they were billed.

Nothing is overwritten. A voided event keeps its row and gets the number from which on it no longer counts, out of the
sequence that tells the order of arrival: so a bill made before still counts it, and the next one takes it back.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import orjson
from sqlalchemy import text
from sqlmodel import Session

from models import usage_rollup
from models.usage_lock import lock_alone

VoidOutcome = Literal["voided", "already_voided", "unknown", "archived"]


# The source of an event and its id.
Key = tuple[str, str]


class EventKey(NamedTuple):
    source: str
    event_id: str


class Held(NamedTuple):
    """A stored key that no one else can change before this transaction ends."""

    key: EventKey
    body_hash: bytes
    is_voided: bool
    is_archived: bool


def void(session: Session, keys: Sequence[Key]) -> list[VoidOutcome]:
    """Let the events no longer count, and say of each, in their order, what became of it."""
    outcomes: dict[Key, VoidOutcome] = {}
    lock_versions(session, keys)
    for held in hold(session, keys):
        outcomes[held.key] = "archived" if held.is_archived else "already_voided" if held.is_voided else "voided"
    void_held(session, [key for key, outcome in outcomes.items() if outcome == "voided"])
    return [outcomes.get(key, "unknown") for key in keys]


def lock_versions(session: Session, keys: Collection[Key], more: Collection[str] = ()) -> None:
    """Keep others from storing, claiming or matching usage of the contracts that the stored ones of the events are of.

    `more` are addresses to be locked with theirs.
    """
    held: set[str] = set()
    # An event may join a contract while this waits for its address; then the contract's other address is locked too.
    while not held >= (wanted := {*more, *session.execute(_ADDRESSES, bound(keys)).scalars()}):
        lock_alone(session, wanted)
        held |= wanted


def hold(session: Session, keys: Collection[Key]) -> list[Held]:
    """Keep others from changing the stored ones of these events; `lock_versions` comes first."""
    session.execute(_LOCK, bound(keys))
    rows = session.execute(_HELD, bound(keys))
    return [Held(EventKey(*row[:2]), row[2], row[3], row[4]) for row in rows]


def void_held(session: Session, keys: Collection[Key]) -> None:
    """Let the present versions of the events, which are held, no longer count."""
    if not keys:
        return
    instants: dict[str, list[datetime]] = {}
    for contract_id, at in session.execute(_VOID, bound(keys)):
        if contract_id is not None:
            instants.setdefault(contract_id, []).append(at)
    for contract_id in sorted(instants):
        usage_rollup.recount(session, contract_id, instants[contract_id])


def bound(keys: Collection[Key]) -> dict[str, str]:
    """The keys as the parameters `sources` and `event_ids`."""
    return {"sources": _array([source for source, _ in keys]), "event_ids": _array([event_id for _, event_id in keys])}


def _array(texts: list[str]) -> str:
    # An array of printable texts is written as in JSON but for the brackets, and this way many times faster.
    return f"{{{orjson.dumps(texts).decode()[1:-1]}}}"


_WANTED = "(k.source, k.event_id) IN (SELECT * FROM unnest(CAST(:sources AS text[]), CAST(:event_ids AS text[])))"
_OF_KEY = "e.seq = k.seq AND e.at = k.at"
_ADDRESSES = text(f"""
    SELECT DISTINCT address
    FROM usage_key k JOIN usage_event e ON {_OF_KEY} LEFT JOIN contract c ON c.id = e.contract_id
      LEFT JOIN customer u ON u.id = c.customer_id,
      unnest(ARRAY[coalesce(e.requested_contract_id, e.customer_key), c.id, u.key]) AS address
    WHERE address IS NOT NULL AND {_WANTED}
""")
# A statement of its own, as the next one sees what was committed while this one waited. In one order for all.
_LOCK = text(f"SELECT FROM usage_key k WHERE {_WANTED} ORDER BY k.source, k.event_id FOR UPDATE")
_HELD = text(f"""
    SELECT k.source, k.event_id, k.body_hash, e.voided_seq IS NOT NULL, e.seq IS NULL
    FROM usage_key k LEFT JOIN usage_event e ON {_OF_KEY} WHERE {_WANTED}
""")
_VOID = text(f"""
    UPDATE usage_event e SET voided_seq = nextval('usage_seq') FROM usage_key k
    WHERE {_OF_KEY} AND e.voided_seq IS NULL AND {_WANTED}
    RETURNING e.contract_id, e.at
""")
