"""Idempotency keys: one effect and one answer for each key a caller sends, however often it sends it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, Session, SQLModel, col

from models.base import INSTANT


class IdempotencyRecord(SQLModel, table=True):
    """A request that was begun under a key, and its answer once there is one."""

    __tablename__ = "idempotency_record"

    api_key_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_hash: str
    claim: str
    created_at: datetime = Field(sa_type=INSTANT, index=True)
    leased_until: datetime = Field(sa_type=INSTANT)
    status: int | None = None
    headers: str | None = None
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """The caller is to carry the request out."""


@dataclass(frozen=True, slots=True)
class Saved:
    """The request was carried out; this was the answer."""

    status: int
    headers: str
    body: bytes


@dataclass(frozen=True, slots=True)
class InFlight:
    """Another process is at it until this instant at the latest."""

    leased_until: datetime


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The key was used for a different request."""


Claim = Claimed | Saved | InFlight | Mismatch


def claim(
    session: Session, *, api_key_id: str, key: str, request_hash: str, token: str, at: datetime, lease: timedelta
) -> Claim:
    """Begin a request under a key, or say why it is not to begin.

    A request whose process died holds the key until its lease ends; the next one then takes it over.
    """
    wanted = IdempotencyRecord(
        api_key_id=api_key_id, key=key, request_hash=request_hash, claim=token, created_at=at, leased_until=at + lease
    )
    new = insert(IdempotencyRecord).values(wanted.model_dump()).on_conflict_do_nothing()
    if session.execute(new.returning(col(IdempotencyRecord.key))).first() is not None:
        return Claimed()
    record = session.get(IdempotencyRecord, (api_key_id, key), with_for_update=True)
    if record is None:  # released in this very moment: the caller's next try will find it free
        return InFlight(at)
    if record.request_hash != request_hash:
        return Mismatch()
    if record.status is not None:
        return Saved(record.status, record.headers or "{}", record.body or b"")
    if record.leased_until > at:
        return InFlight(record.leased_until)
    record.claim, record.leased_until = token, at + lease
    return Claimed()


def save(session: Session, *, api_key_id: str, key: str, token: str, status: int, headers: str, body: bytes) -> None:
    """Keep the answer, unless the request was taken over from this claimant in the meantime."""
    session.execute(
        update(IdempotencyRecord)
        .where(*_mine(api_key_id, key, token))
        .values(status=status, headers=headers, body=body)
    )


def release(session: Session, *, api_key_id: str, key: str, token: str) -> None:
    """Forget a request that ended without an answer worth keeping, so that it can be sent again at once."""
    session.execute(delete(IdempotencyRecord).where(*_mine(api_key_id, key, token)))


def prune(session: Session, before: datetime) -> int:
    """Delete the records begun before an instant; how many there were."""
    old = delete(IdempotencyRecord).where(col(IdempotencyRecord.created_at) < before)
    return len(session.execute(old.returning(col(IdempotencyRecord.key))).all())


def _mine(api_key_id: str, key: str, token: str) -> tuple[ColumnElement[bool], ...]:
    return (
        col(IdempotencyRecord.api_key_id) == api_key_id,
        col(IdempotencyRecord.key) == key,
        col(IdempotencyRecord.claim) == token,
    )
