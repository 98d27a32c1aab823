"""Brings what was stored to the workflows that it concerns: webhook events, and what nobody has started yet.

Everything here may run in several processes at once and any number of times.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Final, TypeVar

import psycopg
import structlog
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.limits import UsageLimits
from activities.starting import start_stored, start_stored_migration
from domain import keys
from gateways.payment import PAYMENT_EVENTS
from models import contract, dispatch, plan_migration
from models.database import Database
from models.dispatch import WaitingEvent
from models.inbox import CHANNEL

SWEEP_SECONDS: Final = 2
# An event mostly comes while the charge that it tells of is still being recorded: a moment later it is known.
GATHER_SECONDS: Final = 0.25
RECONNECT_SECONDS: Final = 2
EVENTS_AT_ONCE: Final = 100
STARTS_AT_ONCE: Final = 50
CALL_TIME: Final = timedelta(seconds=10)
AWAY: Final = frozenset({RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED})
# The API starts what it stores; only what it could not start is left after this.
UNSTARTED_AFTER: Final = timedelta(seconds=10)
# A payment is stored before its intent is confirmed, so an event that still fits none is not about one of ours.
UNMATCHED_AFTER_TRIES: Final = 10

log = structlog.get_logger()
T = TypeVar("T")


class Dispatcher:
    """Listens for new events, and sweeps every few seconds for what was left behind."""

    def __init__(self, database: Database, client: Client) -> None:
        self._database, self._client = database, client
        self._limits = UsageLimits(database, client)
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Dispatch until cancelled; what fails is left for the next sweep."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._sweep())
            while True:
                await self._news.wait()
                await asyncio.sleep(GATHER_SECONDS)
                self._news.clear()
                await self._attempt(self.dispatch_events)

    async def _sweep(self) -> None:
        while True:
            await self._attempt(self.start_contracts)
            await self._attempt(self.start_migrations)
            await self._attempt(self._limits.watch)
            self._news.set()
            await asyncio.sleep(SWEEP_SECONDS)

    async def _attempt(self, round_: Callable[[], Awaitable[int]]) -> None:
        try:
            await round_()
        except (SQLAlchemyError, RPCError) as error:
            log.warning("dispatch_failed", error=type(error).__name__)

    async def dispatch_events(self) -> int:
        """Act on the events whose turn it is; how many that were.

        An event that is passed on stays unhandled until the payment was reviewed; it is passed on again after a pause
        that doubles each time.
        """
        events = await self._read(lambda session: dispatch.take_waiting(session, limit=EVENTS_AT_ONCE))
        settled: dict[str, list[str]] = {}
        for event in events:
            outcome = outcome_of(event)
            if outcome is not None:
                settled.setdefault(outcome, []).append(event.id)
            elif event.invoice_id is not None:
                await self._tell_collection(event.invoice_id, event.id)
        if settled:
            await self._read(lambda session: _settle(session, settled))
        return len(events)

    async def start_contracts(self) -> int:
        """Start the workflows of contracts that were stored a while ago and not started; how many that were."""
        waiting = await self._read(_unstarted)
        for contract_id in waiting:
            with _left_behind(contract_id=contract_id):
                await start_stored(self._database, self._client, contract_id)
        return len(waiting)

    async def start_migrations(self) -> int:
        """Start the workflows of migrations that were ordered a while ago and not begun; how many that were."""
        waiting = await self._read(_unbegun)
        for migration_id in waiting:
            with _left_behind(migration_id=migration_id):
                await start_stored_migration(self._database, self._client, migration_id)
        return len(waiting)

    async def _tell_collection(self, invoice_id: str, event_id: str) -> None:
        """Where there is none, the contract's own first charge is under way: it settles the payment or starts one."""
        handle = self._client.get_workflow_handle(keys.collection_workflow_id(invoice_id))
        with _left_behind(event_id=event_id):
            await handle.signal("payment_event", event_id, rpc_timeout=CALL_TIME)

    async def _listen(self) -> None:
        address = make_url(self._database.url).set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    async for _ in connection.notifies():
                        self._news.set()
            except psycopg.Error as error:
                log.warning("listening_failed", error=type(error).__name__)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _read(self, work: Callable[[Session], T]) -> T:
        return await asyncio.to_thread(self._database.run, work)


@contextmanager
def _left_behind(**what: str) -> Iterator[None]:
    """Leave one thing that cannot be done for a later sweep; where Temporal is away, all that would follow."""
    try:
        yield
    except RPCError as error:
        if error.status in AWAY:
            raise
        if error.status != RPCStatusCode.NOT_FOUND:
            log.warning("left_behind", status=error.status.name, **what)


def outcome_of(event: WaitingEvent) -> str | None:
    """How an event can be settled without asking anybody; None where somebody has to act on it, or may have to."""
    if event.type not in PAYMENT_EVENTS:
        return "ignored"
    if event.payment_status == "succeeded":
        return "known"
    if event.invoice_id is None and event.tries >= UNMATCHED_AFTER_TRIES:
        return "unmatched"
    return None


def _settle(session: Session, settled: Mapping[str, Sequence[str]]) -> None:
    for outcome, event_ids in settled.items():
        dispatch.settle_events(session, event_ids, outcome)


def _unstarted(session: Session) -> list[str]:
    before = dispatch.database_now(session) - UNSTARTED_AFTER
    return [row.id for row in contract.unstarted(session, limit=STARTS_AT_ONCE, created_before=before)]


def _unbegun(session: Session) -> list[str]:
    before = dispatch.database_now(session) - UNSTARTED_AFTER
    return [row.id for row in plan_migration.unstarted(session, limit=STARTS_AT_ONCE, created_before=before)]
