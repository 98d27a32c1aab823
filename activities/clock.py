"""Moves a test clock: wakes all that hangs on it, one instant after the other."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import count
from typing import TypeVar

from sqlmodel import Session
from temporalio import activity
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from activities.bounded import each
from activities.signatures import INSTANT, ClockSteps, ClockTarget
from activities.starting import start_stored, start_stored_quote
from domain import keys
from domain.life import CaughtUp
from models import clock
from models.database import Database

HELD_UP_PAUSE_SECONDS = 1

T = TypeVar("T")


class Clock(ClockSteps):
    """What is due is read from the database before each instant, so a step that starts again goes on where it was."""

    def __init__(self, database: Database, client: Client) -> None:
        self._database, self._client = database, client

    @activity.defn(name="advance_members")
    async def advance_members(self, target: ClockTarget) -> int:
        await self._read(lambda session: clock.resume_advance(session, target.clock_id, target.to))
        wakes, last, turns = 0, None, count()
        while (due := await self._due(target)) is not None:
            if due.at == last:
                # Somebody is held up, by an outage for one: business time waits for them.
                await asyncio.sleep(HELD_UP_PAUSE_SECONDS)
            else:
                last, turns = due.at, count()
            turn = Turn(self._database, self._client, due.at, f"{next(turns)}")
            await each(due.contracts, turn.wake_contract)
            await each(_by_contract(due.collections), turn.wake_collections)
            await each(due.quotes, turn.wake_quote)
            wakes += len(due.contracts) + len(due.collections) + len(due.quotes)
        await self._arrive(target)
        return wakes

    async def _due(self, target: ClockTarget) -> clock.Due | None:
        return await self._read(lambda session: clock.next_due(session, target.clock_id, target.until))

    async def _arrive(self, target: ClockTarget) -> None:
        """Wait for charges that are under way, and show the target's time to collections that go on.

        A step that starts again finds nothing due where an invoice was issued but not charged yet. A collection
        charges a new payment method at the time that it was shown.
        """
        unsettled = await self._read(lambda session: clock.unsettled(session, target.clock_id, target.until))
        turn = Turn(self._database, self._client, target.until, "arrival", before=target.exclusive)
        await each(_by_contract(unsettled), turn.wake_collections)
        await self._read(lambda session: clock.finish_advance(session, target.clock_id, target.to))

    async def _read(self, work: Callable[[Session], T]) -> T:
        return await asyncio.to_thread(self._database.run, work)


class Turn:
    """One round of wake-ups: all that is due by the instant `at` is done. With `before` the clock shows the next one.

    Its updates have the same ids when the step runs again after a crash: it then waits for those that are under way
    instead of adding others, of which a workflow takes only ten at a time.
    """

    def __init__(self, database: Database, client: Client, at: datetime, name: str, *, before: bool = False) -> None:
        self._database, self._client, self._at, self._name = database, client, at, name
        self._before = before
        self._asked: Counter[str] = Counter()

    async def wake_contract(self, contract_id: str) -> None:
        """Let the contract do all that is due; start it where nobody has."""
        workflow_id = keys.contract_workflow_id(contract_id)
        if not await self._catch_up(workflow_id):
            await start_stored(self._database, self._client, contract_id)
            await self._catch_up(workflow_id)

    async def wake_collections(self, collections: tuple[str, tuple[str, ...]]) -> None:
        """The contract moves first, so that it dates by this instant what collections tell it; then it records.

        One collection after the other, since all of them speak to the one contract.
        """
        contract_id, invoice_ids = collections
        await self.wake_contract(contract_id)
        for invoice_id in invoice_ids:
            await self._catch_up(keys.collection_workflow_id(invoice_id), before=self._before)
        await self.wake_contract(contract_id)

    async def wake_quote(self, quote_id: str) -> None:
        """Let the quote expire; start it where nobody has."""
        workflow_id = keys.quote_workflow_id(quote_id)
        if not await self._catch_up(workflow_id):
            await start_stored_quote(self._database, self._client, quote_id)
            await self._catch_up(workflow_id)

    async def _catch_up(self, workflow_id: str, *, before: bool = False) -> bool:
        """Whether the workflow was there and has done all that is due; runs that end meanwhile are followed."""
        handle = self._client.get_workflow_handle(workflow_id)
        update, to = ("catch_up_before", self._at + INSTANT) if before else ("catch_up", self._at)
        while True:
            self._asked[workflow_id] += 1
            key = f"catch_up/{self._at.isoformat()}/{self._name}/{self._asked[workflow_id]}"
            try:
                caught_up = await handle.execute_update(update, to, id=key, result_type=CaughtUp)
            except WorkflowUpdateFailedError:
                # It ended with the update in its hands, so there is nothing left to do.
                return True
            except RPCError as error:
                if error.status == RPCStatusCode.NOT_FOUND:
                    return False
                raise
            if caught_up.done:
                return True


def _by_contract(collections: Iterable[tuple[str, str]]) -> list[tuple[str, tuple[str, ...]]]:
    """Contracts with the invoices that are collected of them, of pairs of an invoice and its contract."""
    invoices: dict[str, list[str]] = {}
    for invoice_id, contract_id in collections:
        invoices.setdefault(contract_id, []).append(invoice_id)
    return [(contract_id, tuple(found)) for contract_id, found in invoices.items()]
