"""The order between taking usage in and claiming it for a bill.

Whoever stores an event shares a lock on the event's address, the customer key or contract id it names, before the
event gets its `seq`. Whoever claims a contract's usage, or changes what matches it, holds both its addresses alone.
So every event of the contract is either committed and has a `seq` up to the watermark, or will get a larger one:
a claim can count up to the watermark without marking a single event.
"""

from collections.abc import Iterable
from zlib import crc32

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from models.database import LOCK_NOT_AVAILABLE, sqlstate

BUCKETS = 128
# The first key of these advisory locks; any number that no other use of two-key advisory locks takes.
SPACE = 1_970_495_333
# A batch holds its locks for some hundredths of a second.
SOON = "1s"


def lock_shared(session: Session, addresses: Iterable[str]) -> None:
    """Let this transaction store events of `addresses`, beside others that do so too."""
    session.execute(_SHARED, {"space": SPACE, "buckets": _buckets(addresses)})


def lock_alone(session: Session, addresses: Iterable[str]) -> None:
    """Wait for every transaction that stores events of `addresses` and keep new ones out until this one ends."""
    session.execute(_EXCLUSIVE, {"space": SPACE, "buckets": _buckets(addresses)})


def lock_contract(session: Session, contract_id: str) -> str | None:
    """Wait for every transaction that stores events of the contract and keep new ones out until this one ends.

    Returns its customer's key, None where there is no such contract.
    """
    key: str | None = session.execute(_KEY, {"contract_id": contract_id}).scalar_one_or_none()
    addresses = [contract_id] if key is None else [contract_id, key]
    lock_alone(session, addresses)
    return key


def lock_contract_soon(session: Session, contract_id: str) -> bool:
    """Lock the contract as `lock_contract` does, unless that takes longer than batches do; whether it is locked."""
    patience = session.execute(_PATIENCE).scalar_one()
    try:
        with session.begin_nested():
            session.execute(_WAIT, {"at_most": SOON})
            lock_contract(session, contract_id)
            session.execute(_WAIT, {"at_most": patience})
    except DBAPIError as error:
        if sqlstate(error) != LOCK_NOT_AVAILABLE:
            raise
        return False
    return True


def watermark(session: Session, contract_id: str) -> int:
    """The `seq` up to which the contract's events are complete: later ones get a larger one.

    No event of the contract is stored before this transaction ends.
    """
    lock_contract(session, contract_id)
    last: int = session.execute(_LAST_SEQ).scalar_one()
    return last


def _buckets(addresses: Iterable[str]) -> list[int]:
    # In ascending order, so that no two transactions wait for each other.
    return sorted({crc32(address.encode()) % BUCKETS for address in addresses})


_SHARED = text("SELECT pg_advisory_xact_lock_shared(:space, bucket) FROM unnest(CAST(:buckets AS int[])) AS bucket")
_EXCLUSIVE = text("SELECT pg_advisory_xact_lock(:space, bucket) FROM unnest(CAST(:buckets AS int[])) AS bucket")
_PATIENCE = text("SELECT current_setting('lock_timeout')")
_WAIT = text("SELECT set_config('lock_timeout', :at_most, true)")
_KEY = text("SELECT k.key FROM contract c JOIN customer k ON k.id = c.customer_id WHERE c.id = :contract_id")
_LAST_SEQ = text("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM usage_seq")
