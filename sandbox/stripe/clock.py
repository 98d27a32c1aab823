"""The server's own clock: it stamps objects and forgets idempotency keys."""

import time
from datetime import UTC, datetime
from typing import Any

from sandbox.stripe.store import Store


class Clock:
    """Real time, real time moved by an offset, or standing still at an instant; remembered over restarts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._state: dict[str, int] = store.setting("clock") or {}

    def now(self) -> int:
        """Seconds since the epoch."""
        if "fixed" in self._state:
            return self._state["fixed"]
        return int(time.time()) + self._state.get("offset_seconds", 0)

    def describe(self) -> dict[str, Any]:
        mode = "fixed" if "fixed" in self._state else "offset" if self._state else "real"
        now = self.now()
        return {"mode": mode, "now": now, "iso": datetime.fromtimestamp(now, UTC).isoformat(), **self._state}

    def fix(self, at: int) -> None:
        self._set({"fixed": at})

    def offset(self, seconds: int) -> None:
        self._set({"offset_seconds": seconds})

    def real(self) -> None:
        self._set({})

    def _set(self, state: dict[str, int]) -> None:
        with self._store.transaction():
            self._store.set_setting("clock", state)
        self._state = state
