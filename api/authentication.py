"""Who calls: from the key in the Authorization header to an actor with scopes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from api.credentials import Mode, digest, mode_of
from api.problems import Problem
from api.scopes import Scope, grants
from models.api_key import find_key, touch_key
from models.database import Database

CACHE_LIFE: Final = timedelta(seconds=3)
CACHE_ENTRIES_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Actor:
    """The holder of a key."""

    key_id: str
    scopes: frozenset[str]
    expires_at: datetime | None = None

    def may(self, scope: Scope) -> bool:
        return grants(self.scopes, scope)


@dataclass(frozen=True, slots=True)
class _Cached:
    actor: Actor | None
    fresh_until: datetime


class KeyRing:
    """Knows keys by their hash and keeps what it found for `CACHE_LIFE`.

    Most requests therefore cost no database round trip; a revoked key works for up to `CACHE_LIFE` longer in each
    process. An expiry is exact.
    """

    def __init__(self, database: Database, *, pepper: bytes, mode: Mode, clock: Callable[[], datetime]) -> None:
        if len(pepper) < 32:
            raise ValueError("the pepper of API keys must have at least 32 bytes")
        self._database = database
        self._pepper = pepper
        self._clock = clock
        self._cache: dict[str, _Cached] = {}
        self.mode: Final = mode

    def digest(self, key: str) -> str:
        return digest(key, self._pepper)

    async def actor(self, key: str) -> Actor | None:
        """The holder of a key that is valid now; None for any other text."""
        if mode_of(key) != self.mode:
            return None
        hashed = self.digest(key)
        now = self._clock()
        cached = self._cache.get(hashed)
        if cached is None or cached.fresh_until <= now:
            found = await run_in_threadpool(self._database.run, lambda session: self._load(session, hashed, now))
            cached = _Cached(found, now + CACHE_LIFE)
            self._keep(hashed, cached)
        actor = cached.actor
        expired = actor is not None and actor.expires_at is not None and actor.expires_at <= now
        return None if expired else actor

    def _load(self, session: Session, hashed: str, now: datetime) -> Actor | None:
        key = find_key(session, hashed)
        if key is None or key.revoked_at is not None:
            return None
        touch_key(session, key.id, now)
        return Actor(key.id, frozenset(key.scopes), key.expires_at)

    def _keep(self, hashed: str, cached: _Cached) -> None:
        if len(self._cache) >= CACHE_ENTRIES_MAX:
            self._cache.clear()
        self._cache[hashed] = cached


async def authenticate(request: Request, ring: KeyRing) -> Actor:
    """The actor that the request's key stands for.

    Raises:
        Problem: 401, the same for a key that is missing, malformed, unknown, expired or revoked.
    """
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    actor = await ring.actor(key.strip()) if scheme.lower() == "bearer" else None
    if actor is None:
        raise Problem(
            401,
            "unauthenticated",
            "Send a valid API key as `Authorization: Bearer pr_...`; it is missing, unknown, expired or revoked.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return actor


def authorise(actor: Actor, scope: Scope) -> None:
    """Let an actor pass that holds the scope.

    Raises:
        Problem: 403, naming the scope.
    """
    if not actor.may(scope):
        raise Problem(403, "forbidden", f"This needs the scope {scope}, which the API key does not have.")
