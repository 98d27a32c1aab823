"""API keys: who may call, known by a keyed hash only."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Column, Identity, update
from sqlmodel import Field, Session, SQLModel, col, select

from models.base import BIG, INSTANT, JSON

# Finer would turn every read into a write.
LAST_USED_STEP = timedelta(minutes=1)


class ApiKey(SQLModel, table=True):
    """A key that was handed out. The key itself is not here and cannot be recovered."""

    __tablename__ = "api_key"

    id: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    name: str
    hint: str
    digest: str = Field(unique=True)
    scopes: list[str] = Field(sa_column=Column(JSON, nullable=False))
    created_by: str | None = None
    created_at: datetime = Field(sa_type=INSTANT)
    expires_at: datetime | None = Field(default=None, sa_type=INSTANT)
    revoked_at: datetime | None = Field(default=None, sa_type=INSTANT)
    last_used_at: datetime | None = Field(default=None, sa_type=INSTANT)


def insert_key(session: Session, key: ApiKey) -> bool:
    """Store a key. False where one with this id is there already, which is then left as it is."""
    if session.get(ApiKey, key.id) is not None:
        return False
    session.add(key)
    session.flush()
    return True


def find_key(session: Session, digest: str) -> ApiKey | None:
    return session.exec(select(ApiKey).where(ApiKey.digest == digest)).first()


def list_keys(session: Session, *, after: int | None, limit: int) -> Sequence[ApiKey]:
    """Keys, newest first, that are older than the one numbered `after`."""
    query = select(ApiKey).order_by(col(ApiKey.sequence).desc()).limit(limit)
    if after is not None:
        query = query.where(col(ApiKey.sequence) < after)
    return session.exec(query).all()


def revoke_key(session: Session, key_id: str, at: datetime) -> ApiKey | None:
    """End a key. Revoking twice keeps the first instant."""
    key = session.get(ApiKey, key_id, with_for_update=True)
    if key is not None and key.revoked_at is None:
        key.revoked_at = at
    return key


def touch_key(session: Session, key_id: str, at: datetime) -> None:
    """Note that a key was used, to the minute."""
    stale = col(ApiKey.last_used_at).is_(None) | (col(ApiKey.last_used_at) < at - LAST_USED_STEP)
    session.execute(update(ApiKey).where(col(ApiKey.id) == key_id, stale).values(last_used_at=at))
