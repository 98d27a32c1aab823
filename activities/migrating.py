"""Moves contracts to another version of their plan, some at a time, each by an update of its own workflow."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar, cast

from sqlmodel import Session
from temporalio import activity
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.bounded import each
from activities.signatures import MigrationSteps, MovedPage, MovePage
from activities.starting import start_stored
from domain import keys
from domain.commands import Revise
from domain.errors import DomainError, RefusedChange, StaleVersion
from domain.life import Amend, Amended, MigrationProgress
from domain.migrating import MoveEffective
from models import plan_migration
from models.clock import get_clock
from models.contract import Contract
from models.database import Database
from models.dispatch import database_now
from models.plan_migration import Outcome, PlanMigration, PlanMigrationContract
from models.plan_moves import Moves

PAGE: Final = 100
# A contract that is busy for longer, with an outage for one, is asked again in the next round.
ANSWER_SECONDS: Final = 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask:
    """The change that moves one contract, asked at its version `at_version`; `at` is its test clock's time."""

    position: int
    contract_id: str
    change: Revise
    at_version: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a contract made of it: its new version, or why it refused; neither where it is to be asked anew."""

    version: int | None = None
    refused: str | None = None


class Migrating(MigrationSteps):
    """What a contract is asked for is stored before, so that a step that starts again asks for the same."""

    def __init__(self, database: Database, client: Client) -> None:
        self._database, self._client = database, client

    @activity.defn(name="move_page")
    async def move_page(self, page: MovePage) -> MovedPage:
        asks, last = await self._read(lambda session: _prepare(session, page))
        answers: dict[int, Answer] = {}

        async def ask(one: Ask) -> None:
            answer = await self._answer(page.migration_id, one)
            if answer is not None:
                answers[one.position] = answer

        await each(asks, ask)
        progress = await self._read(lambda session: _record(session, page.migration_id, answers))
        return MovedPage(progress, last)

    async def _answer(self, migration_id: str, ask: Ask) -> Answer | None:
        """What the contract makes of it; None where it does not say so in time."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                try:
                    return await self._asked(migration_id, ask)
                except RPCError as error:
                    if error.status != RPCStatusCode.NOT_FOUND:
                        raise
                await start_stored(self._database, self._client, ask.contract_id)
                return await self._asked(migration_id, ask)
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            return None
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            return Answer(refused="the contract has ended")

    async def _asked(self, migration_id: str, ask: Ask) -> Answer | None:
        handle = self._client.get_workflow_handle(keys.contract_workflow_id(ask.contract_id))
        # A contract that has changed meanwhile is asked for another change, which needs another id.
        key = f"migration/{migration_id}/{ask.at_version}"
        request = Amend(ask.change, ask.at_version, ask.at)
        try:
            amended = await handle.execute_update("amend", request, id=key, result_type=Amended)
        except WorkflowUpdateFailedError as failed:
            cause = failed.cause
            if isinstance(cause, ApplicationError) and cause.type == StaleVersion.__name__:
                return Answer()
            if isinstance(cause, ApplicationError) and cause.type == RefusedChange.__name__:
                return Answer(refused=cause.message)
            # Its run ended with the update in its hands: asked for the same again, the contract says what it did.
            return None
        return Answer(version=amended.version)

    async def _read(self, work: Callable[[Session], T]) -> T:
        return await asyncio.to_thread(self._database.run, work)


def _prepare(session: Session, page: MovePage) -> tuple[list[Ask], int | None]:
    """What the next contracts are to be asked; those that need no asking are settled.

    A contract whose test clock is on its way is left for another round.
    """
    row = plan_migration.lock_migration(session, page.migration_id)
    assert row is not None
    now = database_now(session)
    row.started_at = row.started_at or now
    waiting = plan_migration.list_contracts(session, row.id, after=page.after, limit=PAGE, outcome="pending")
    moves = Moves(session, row.plan_id, row.version, cast(MoveEffective, row.effective))
    asks: list[Ask] = []
    settled: Counter[Outcome] = Counter()
    for one in waiting:
        contract = session.get_one(Contract, one.contract_id)
        clock = get_clock(session, contract.clock_id) if contract.clock_id else None
        if clock is not None and clock.status == "advancing":
            continue
        outcome = _decide(moves, one, contract) if one.change is None else None
        if outcome is None:
            asks.append(_ask(one, clock.now_at if clock is not None else None))
        else:
            one.outcome = outcome
            settled[outcome] += 1
    plan_migration.count_outcomes(session, row, settled, at=now)
    return asks, waiting[-1].position if waiting else None


def _decide(moves: Moves, one: PlanMigrationContract, contract: Contract) -> Outcome | None:
    """What becomes of a contract that need not be asked; else its change is noted."""
    try:
        change = moves.of(contract)
    except DomainError as refusal:
        one.reason = refusal.message
        return "refused"
    if change is None:
        return "unchanged"
    one.change, one.asked_version = change.model_dump(mode="json"), contract.version
    return None


def _ask(one: PlanMigrationContract, at: datetime | None) -> Ask:
    assert one.asked_version is not None
    return Ask(one.position, one.contract_id, Revise.model_validate(one.change), one.asked_version, at)


def _record(session: Session, migration_id: str, answers: dict[int, Answer]) -> MigrationProgress:
    row = plan_migration.lock_migration(session, migration_id)
    assert row is not None
    settled: Counter[Outcome] = Counter()
    for one in _still_pending(session, migration_id, sorted(answers)):
        outcome = _settle(row, one, answers[one.position])
        if outcome is not None:
            settled[outcome] += 1
    plan_migration.count_outcomes(session, row, settled, at=database_now(session))
    return plan_migration.progress_of(row)


def _still_pending(session: Session, migration_id: str, positions: Sequence[int]) -> Iterator[PlanMigrationContract]:
    for position in positions:
        one = session.get_one(PlanMigrationContract, (migration_id, position))
        if one.outcome == "pending":
            yield one


def _settle(row: PlanMigration, one: PlanMigrationContract, answer: Answer) -> Outcome | None:
    if answer.version is not None:
        one.contract_version = answer.version
        outcome: Outcome = "moved"
    elif answer.refused is not None:
        one.reason = answer.refused
        outcome = "refused"
    else:
        one.change = one.asked_version = None
        if row.cancelled_at is None:
            return None
        outcome = "cancelled"
    one.outcome = outcome
    return outcome
