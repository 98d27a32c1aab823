"""The ASGI application: requests through faults and idempotency to their handlers, one at a time.

Handlers run on the event loop, so each is alone and its transaction is a request. A request waits only where a
fault rule says so; meanwhile its idempotency key is in flight.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.stripe import admin_routes, webhook_endpoints
from sandbox.stripe.calls import Answer, Call, answer_of, read_body, read_call, read_head, send_answer
from sandbox.stripe.clock import Clock
from sandbox.stripe.errors import StripeError, key_in_use, key_mismatch, rate_limited, server_error
from sandbox.stripe.expand import expand
from sandbox.stripe.fault_rules import Delay, Dropped, ExecutedNoAnswer, RateLimit, ServerError, Silence
from sandbox.stripe.faults import Faults, first
from sandbox.stripe.operation import Operation, public
from sandbox.stripe.store import Json, Store
from sandbox.stripe.webhooks import FIRST_RETRY_SECONDS, Webhooks

KEY_LIFE_SECONDS: Final = 86_400
# Marks the endpoint of the command line, so that a restart on another port moves it instead of adding one.
STARTUP_ENDPOINT: Final = {"registered_by": "startup"}
log = logging.getLogger("sandbox.stripe")


class NoAnswer(Exception):
    """The client is to get nothing: its connection drops, or hangs."""

    def __init__(self, how: Silence) -> None:
        super().__init__(how)
        self.how = how


class StripeServer:
    """Serves `/v1` as Stripe does and `/_admin` for whoever plays Stripe, its cards and its failures."""

    def __init__(self, database: Path, *, first_retry_seconds: float = FIRST_RETRY_SECONDS) -> None:
        self.store = Store(database)
        self.clock = Clock(self.store)
        self.faults = Faults(self.store)
        self.webhooks = Webhooks(self.store, self.clock, self.faults, first_retry_seconds=first_retry_seconds)
        self._in_flight: set[str] = set()
        self._admin: ASGIApp = admin_routes.build(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["path"].startswith("/_admin"):
            await self._admin(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    def operation(self, call: Call | None = None) -> Operation:
        """What a handler works with; without a call for what happens of itself."""
        if call is None:
            return Operation(self.store, now=self.clock.now(), queue_webhooks=self.webhooks.queue)
        return Operation(
            self.store,
            now=self.clock.now(),
            queue_webhooks=self.webhooks.queue,
            request_id=call.request_id,
            idempotency_key=call.key,
        )

    def register_webhook(self, url: str, *, secret: str, events: list[str]) -> None:
        """Registers the endpoint that the server is started with, or moves it to the new address."""
        known = self.store.select("webhook_endpoint", [], [], newest_first=False, limit=100)
        old = next((endpoint for endpoint in known if endpoint["metadata"] == STARTUP_ENDPOINT), None)
        endpoint = old or webhook_endpoints.build(self.clock.now(), url, events, secret=secret)
        endpoint |= {"url": url, "enabled_events": events, "metadata": STARTUP_ENDPOINT, "_secret": secret}
        with self.store.transaction():
            if old:
                self.store.update(endpoint)
            else:
                self.store.insert(endpoint)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        sender = asyncio.create_task(self.webhooks.run())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        sender.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sender
        self.store.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        head, headers = read_head(scope)
        body = await read_body(receive)
        try:
            answer = await self._answer(read_call(scope, head, headers, body))
        except StripeError as error:
            answer = answer_of(error, head.request_id)
        except NoAnswer as silence:
            await _stay_silent(silence.how, receive, send)
            return
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            answer = answer_of(server_error(500), head.request_id)
        await send_answer(send, head, answer)

    async def _answer(self, call: Call) -> Answer:
        rules = self.faults.for_request(call.method, call.path, call.ids, call.params.values)
        if first(rules, RateLimit):
            raise rate_limited()
        if dropped := first(rules, Dropped):
            raise NoAnswer(dropped.answer)
        failure = first(rules, ServerError)
        if failure and not failure.executed and not failure.saved:
            raise server_error(failure.status)
        answer = self._saved_answer(call)
        if answer is None:
            with self._key_in_flight(call.key):
                delay = first(rules, Delay)
                if delay and delay.when == "before":
                    await asyncio.sleep(delay.seconds)
                answer = self._execute(call, failure)
                if delay and delay.when == "after":
                    await asyncio.sleep(delay.seconds)
        if unanswered := first(rules, ExecutedNoAnswer):
            raise NoAnswer(unanswered.answer)
        return answer

    def _saved_answer(self, call: Call) -> Answer | None:
        """The answer saved under the key, or None for a new key or one that is forgotten.

        Raises:
            StripeError: the key is in flight, or stands for another request.
        """
        if call.key is None:
            return None
        if call.key in self._in_flight:
            raise key_in_use(call.key)
        query = "SELECT request_hash, status, body, request_id, created FROM saved_answer WHERE key = ?"
        row = self.store.sql.execute(query, (call.key,)).fetchone()
        if row is None:
            return None
        request_hash, status, body, original, created = row
        if created + KEY_LIFE_SECONDS <= self.clock.now():
            self.store.sql.execute("DELETE FROM saved_answer WHERE key = ?", (call.key,))
            return None
        if request_hash != call.request_hash:
            raise key_mismatch(call.key)
        return Answer(status, body, headers=(("Idempotent-Replayed", "true"), ("Original-Request", original)))

    @contextlib.contextmanager
    def _key_in_flight(self, key: str | None) -> Iterator[None]:
        if key is None:
            yield
            return
        self._in_flight.add(key)
        try:
            yield
        finally:
            self._in_flight.discard(key)

    def _execute(self, call: Call, failure: ServerError | None) -> Answer:
        """Runs the handler and saves its answer in one transaction; a fault may replace either."""
        with self.store.transaction():
            if failure is None:
                answer = self._run(call)
            else:
                if failure.executed:
                    self._run(call)
                broken = answer_of(server_error(failure.status), call.request_id)
                answer = Answer(broken.status, broken.body, saved=failure.saved)
            if call.key and answer.saved:
                self.store.sql.execute(
                    "INSERT OR REPLACE INTO saved_answer VALUES (?, ?, ?, ?, ?, ?)",
                    (call.key, call.request_hash, answer.status, answer.body, call.request_id, self.clock.now()),
                )
        if call.method != "GET":
            self.webhooks.wake()
        return answer

    def _run(self, call: Call) -> Answer:
        """The handler's answer. What a refused request wrote is undone, unless its failure is itself a fact."""
        self.store.sql.execute("SAVEPOINT handler")
        try:
            found = call.route[0](self.operation(call), call.params, *call.ids)
            body = expand(found, call.params.texts("expand") or [], self._lookup)
        except StripeError as error:
            if not error.commits:
                self.store.sql.execute("ROLLBACK TO handler")
            return answer_of(error, call.request_id)
        return Answer(200, orjson.dumps(body))

    def _lookup(self, id_: str) -> Json | None:
        found = self.store.get(id_)
        return public(found) if found else None


async def _stay_silent(how: Silence, receive: Receive, send: Send) -> None:
    """Cuts the connection, or keeps it open without a word until the client gives up."""
    # ASGI has no way to cut a connection; uvicorn's `send` belongs to an object that holds the transport.
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if how == "drop" and transport is not None:
        transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
