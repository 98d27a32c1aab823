"""Events put into their tables: those whose key is new, and other versions of those that are there."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC
from decimal import Decimal
from typing import NamedTuple

import orjson
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from domain.money import UNROUNDED
from models import usage_rollup
from models.database import violated_constraint
from models.usage_copying import copy_in, line
from models.usage_event import UsageEvent
from models.usage_tally import Stored
from models.usage_voiding import Key, bound, void_held


class Incoming(NamedTuple):
    """An event to be stored, and the contract that takes it."""

    event: UsageEvent
    contract_id: str | None

    @property
    def key(self) -> Key:
        return self.event[:2]


class KeyTaken(Exception):
    """Another transaction has just stored one of the events; what is known of them is to be read again."""


def known_hashes(session: Session, keys: Collection[Key]) -> dict[Key, bytes]:
    """The hash of the present version of each event that is stored."""
    rows = session.execute(_HASHES, bound(keys))
    return {(source, event_id): body_hash for source, event_id, body_hash in rows}


def store(session: Session, new: Sequence[Incoming], replaced: Sequence[Incoming] = ()) -> list[int]:
    """Store the events whose keys are not known, and put the others, which are held, in place of what is stored.

    Returns their numbers in the order of arrival.

    Raises:
        KeyTaken: one that was not known is by now. Nothing was stored.
    """
    # In one order for all, so that two batches that meet never wait for each other.
    incoming = [*sorted(new, key=lambda row: row.key), *replaced]
    if not incoming:
        return []
    seqs = [int(seq) for seq in session.execute(_SEQS, {"count": len(incoming)}).scalar_one().split()]
    try:
        with session.begin_nested():
            if replaced:
                void_held(session, [row.key for row in replaced])
                _renew(session, replaced, seqs[len(new) :])
            copy_in(session, "keys", map(_key_line, incoming[: len(new)], seqs))
            copy_in(session, "events", map(_event_line, incoming, seqs))
    except IntegrityError as error:
        if violated_constraint(error) == "pk_usage_key":
            raise KeyTaken from None
        raise
    numbered = zip(incoming, seqs, strict=True)
    usage_rollup.add(session, ((row.contract_id, Stored(row.event, seq)) for row, seq in numbered if row.contract_id))
    return seqs


def hash_of(event: UsageEvent) -> bytes:
    """Sixteen bytes that tell one content from another; 1 and 1.0 are the same, and so is an instant in two zones."""
    _, _, name, at, customer_key, contract_id, value, properties = event
    if isinstance(value, Decimal):
        value = value.normalize(UNROUNDED)
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    body = [customer_key, contract_id, name, at, value, properties]
    return hashlib.blake2b(_json(body), digest_size=16).digest()


def _renew(session: Session, replaced: Sequence[Incoming], seqs: Sequence[int]) -> None:
    parameters = {
        **bound([row.key for row in replaced]),
        "seqs": list(seqs),
        "ats": [row.event.at for row in replaced],
        "hashes": [hash_of(row.event) for row in replaced],
    }
    session.execute(_RENEW, parameters)


def _key_line(row: Incoming, seq: int) -> str:
    source, event_id = row.key
    hashed = hash_of(row.event).hex()
    return line(source, event_id, str(seq), row.event.at.isoformat(), end=f"\t\\\\x{hashed}\n")


def _event_line(row: Incoming, seq: int) -> str:
    source, event_id, event, at, customer_key, requested_contract_id, value, properties = row.event
    return line(
        str(seq),
        at.isoformat(),
        source,
        event_id,
        customer_key or "",
        requested_contract_id or "",
        row.contract_id or "",
        event,
        "" if value is None else str(value),
        _json(properties).decode() if properties else "{}",
    )


def _json(value: object) -> bytes:
    return orjson.dumps(value, default=_exact, option=orjson.OPT_SORT_KEYS)


def _exact(value: object) -> object:
    if isinstance(value, Decimal):
        # As the database writes it, so that what is read there and sent again is the same.
        return orjson.Fragment(f"{value if value else abs(value):f}")
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no property of an event")


_HASHES = text("""
    SELECT k.source, k.event_id, k.body_hash
    FROM unnest(CAST(:sources AS text[]), CAST(:event_ids AS text[])) AS w (source, event_id)
    JOIN usage_key k USING (source, event_id)
""")
_SEQS = text("SELECT string_agg(CAST(nextval('usage_seq') AS text), ' ') FROM generate_series(1, :count)")
_RENEW = text("""
    UPDATE usage_key k SET seq = w.seq, at = w.at, body_hash = w.body_hash
    FROM unnest(
      CAST(:sources AS text[]), CAST(:event_ids AS text[]), CAST(:seqs AS bigint[]), CAST(:ats AS timestamptz[]),
      CAST(:hashes AS bytea[])
    ) AS w (source, event_id, seq, at, body_hash)
    WHERE k.source = w.source AND k.event_id = w.event_id
""")
