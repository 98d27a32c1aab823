"""Signed webhooks: queued in the transaction of their event, sent until a 2xx, also after a restart."""

import asyncio
import contextlib
import hashlib
import hmac
import time
from typing import Final

import orjson

from sandbox.stripe.clock import Clock
from sandbox.stripe.fault_rules import WebhookDelay, WebhookDrop, WebhookDuplicate
from sandbox.stripe.faults import Faults
from sandbox.stripe.posting import post
from sandbox.stripe.store import Json, Store

SENDERS: Final = 8
FIRST_RETRY_SECONDS: Final = 1.0
LONGEST_RETRY_SECONDS: Final = 60.0
GIVES_UP_AFTER_SECONDS: Final = 3 * 86_400
# Far enough apart that reordered webhooks arrive in the order they are released.
RELEASE_GAP_SECONDS: Final = 0.05


def sign(payload: bytes, secret: str, at: int) -> str:
    """The `Stripe-Signature` header for these bytes."""
    digest = hmac.new(secret.encode(), b"%d." % at + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class Webhooks:
    """The queue of deliveries and the task that works it off."""

    def __init__(self, store: Store, clock: Clock, faults: Faults, *, first_retry_seconds: float) -> None:
        self._first_retry_seconds = first_retry_seconds
        self._store = store
        self._clock = clock
        self._faults = faults
        self._woken = asyncio.Event()
        self._in_flight: dict[int, asyncio.Task[None]] = {}

    def queue(self, event: Json) -> int:
        """Queues the event for every endpoint that wants it; called inside the event's transaction."""
        wanted = [
            endpoint["id"]
            for endpoint in self._store.select("webhook_endpoint", [], [], newest_first=False, limit=100)
            if endpoint["status"] == "enabled" and {"*", event["type"]} & set(endpoint["enabled_events"])
        ]
        rules = self._faults.for_event(event) if wanted else []
        now = time.time()
        state, due_at, not_before, copies, window = "pending", now, None, 1, 0
        for rule in rules:
            if isinstance(rule, WebhookDrop):
                state = "dropped"
            elif isinstance(rule, WebhookDuplicate):
                copies += rule.copies
            elif isinstance(rule, WebhookDelay):
                due_at += rule.seconds
                not_before = event["created"] + rule.clock_seconds if rule.clock_seconds else not_before
            elif state == "pending":
                state, due_at, window = "held", now + rule.max_hold_seconds, rule.window
        for endpoint_id in wanted * copies:
            self._store.sql.execute(
                "INSERT INTO delivery (event_id, endpoint_id, state, due_at, created_at, not_before)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (event["id"], endpoint_id, state, due_at, now, not_before),
            )
        if window and self._count("held") >= window:
            self._release(now)
        return len(wanted)

    def wake(self) -> None:
        """Looks at the queue again now."""
        self._woken.set()

    def counts(self) -> dict[str, int]:
        rows = self._store.sql.execute("SELECT state, count(*) FROM delivery GROUP BY state").fetchall()
        return {str(state): int(count) for state, count in rows}

    async def run(self) -> None:
        """Sends what is due until cancelled."""
        try:
            while True:
                self._woken.clear()
                now = time.time()
                self._start_due(now)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), self._pause(now))
        finally:
            tasks = list(self._in_flight.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _start_due(self, now: float) -> None:
        if self._store.sql.execute(
            "SELECT 1 FROM delivery WHERE state = 'held' AND due_at <= ? LIMIT 1", (now,)
        ).fetchone():
            self._release(now)
        due = self._store.sql.execute(
            "SELECT seq, event_id, endpoint_id, attempts, created_at FROM delivery WHERE state = 'pending'"
            " AND due_at <= ? AND coalesce(not_before, 0) <= ? ORDER BY due_at, seq LIMIT ?",
            (now, self._clock.now(), SENDERS + len(self._in_flight)),
        ).fetchall()
        for seq, event_id, endpoint_id, attempts, created_at in due:
            if len(self._in_flight) >= SENDERS:
                break
            if seq not in self._in_flight:
                task = asyncio.create_task(self._deliver(seq, event_id, endpoint_id, attempts, created_at))
                self._in_flight[seq] = task

    def _pause(self, now: float) -> float | None:
        """Seconds from now until the next delivery is due, at most one: the server's clock may reach one before."""
        if len(self._in_flight) >= SENDERS:
            return None
        following, waiting = self._store.sql.execute(
            "SELECT min(due_at) FILTER (WHERE due_at > ?), count(*) FROM delivery WHERE state IN ('pending', 'held')",
            (now,),
        ).fetchone()
        if not waiting:
            return None
        return 1.0 if following is None else min(1.0, max(0.0, float(following) - time.time()))

    async def _deliver(self, seq: int, event_id: str, endpoint_id: str, attempts: int, created_at: float) -> None:
        try:
            event, endpoint = self._store.get(event_id), self._store.get(endpoint_id)
            if event is None or endpoint is None or endpoint["status"] != "enabled":
                self._settle(seq, "dropped", None)
                return
            payload = orjson.dumps(event)
            signature = sign(payload, endpoint["_secret"], int(time.time()))
            status = await post(endpoint["url"], payload, {"Stripe-Signature": signature})
            if status is not None and 200 <= status < 300:
                self._settle(seq, "delivered", status)
            elif time.time() - created_at > GIVES_UP_AFTER_SECONDS:
                self._settle(seq, "failed", status)
            else:
                self._retry_later(seq, attempts, status)
        finally:
            del self._in_flight[seq]
            self._woken.set()

    def _settle(self, seq: int, state: str, status: int | None) -> None:
        self._store.sql.execute(
            "UPDATE delivery SET state = ?, attempts = attempts + 1, last_status = ? WHERE seq = ?",
            (state, status, seq),
        )

    def _retry_later(self, seq: int, attempts: int, status: int | None) -> None:
        wait = min(LONGEST_RETRY_SECONDS, self._first_retry_seconds * 2 ** min(attempts, 20))
        self._store.sql.execute(
            "UPDATE delivery SET attempts = attempts + 1, due_at = ?, last_status = ? WHERE seq = ?",
            (time.time() + wait, status, seq),
        )

    def _count(self, state: str) -> int:
        row = self._store.sql.execute("SELECT count(*) FROM delivery WHERE state = ?", (state,)).fetchone()
        return int(row[0])

    def _release(self, now: float) -> None:
        """Makes what is held due, newest first."""
        held = self._store.sql.execute("SELECT seq FROM delivery WHERE state = 'held' ORDER BY seq DESC").fetchall()
        for place, (seq,) in enumerate(held):
            due_at = now + place * RELEASE_GAP_SECONDS
            self._store.sql.execute("UPDATE delivery SET state = 'pending', due_at = ? WHERE seq = ?", (due_at, seq))
