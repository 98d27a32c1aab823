"""Starts the workflows of contracts, quotes and migrations that were stored while Temporal could not be reached."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from sqlmodel import Session
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.signatures import CONTRACTS_QUEUE
from domain import keys
from domain.life import ContractLife, MigrationLife
from domain.quote_life import QuoteLife
from models import contract, plan_migration, quote
from models.database import Database
from models.dispatch import database_now

START_TIME = timedelta(seconds=10)


async def start_stored(database: Database, client: Client, contract_id: str) -> None:
    """See to it that the contract's workflow was started, and note that it was.

    Raises:
        temporalio.service.RPCError: nobody knows whether it was.
    """
    life = await asyncio.to_thread(database.run, lambda session: _life(session, contract_id))
    await _start(client, life)
    await asyncio.to_thread(database.run, lambda session: _mark(session, contract_id))


async def start_stored_quote(database: Database, client: Client, quote_id: str) -> None:
    """See to it that the quote's workflow was started, and note that it was.

    Raises:
        temporalio.service.RPCError: nobody knows whether it was.
    """
    life = await asyncio.to_thread(database.run, lambda session: _quote_life(session, quote_id))
    with suppress(WorkflowAlreadyStartedError):
        await client.start_workflow(
            "Quote",
            life,
            id=keys.quote_workflow_id(quote_id),
            task_queue=CONTRACTS_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            rpc_timeout=START_TIME,
        )
    await asyncio.to_thread(database.run, lambda session: quote.mark_started(session, quote_id, database_now(session)))


async def start_stored_migration(database: Database, client: Client, migration_id: str) -> None:
    """See to it that the migration's workflow was started; its first step notes that it was.

    Raises:
        temporalio.service.RPCError: nobody knows whether it was.
    """
    life = await asyncio.to_thread(database.run, lambda session: _migration_life(session, migration_id))
    with suppress(WorkflowAlreadyStartedError):
        await client.start_workflow(
            "Migration",
            life,
            id=keys.migration_workflow_id(migration_id),
            task_queue=CONTRACTS_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            rpc_timeout=START_TIME,
        )


def _migration_life(session: Session, migration_id: str) -> MigrationLife:
    row = plan_migration.get_migration(session, migration_id)
    assert row is not None
    return plan_migration.life_of(row)


def _quote_life(session: Session, quote_id: str) -> QuoteLife:
    row = quote.get_quote(session, quote_id)
    assert row is not None
    return quote.life_of(session, row)


def _life(session: Session, contract_id: str) -> ContractLife:
    row = contract.get_contract(session, contract_id)
    assert row is not None
    return contract.life_of(session, row)


def _mark(session: Session, contract_id: str) -> None:
    contract.mark_started(session, contract_id, database_now(session))


async def _start(client: Client, life: ContractLife) -> None:
    """The workflow is named by its type, since steps do not see workflows; it sets its search attributes itself."""
    state = life.state
    try:
        await client.start_workflow(
            "Contract",
            life,
            id=keys.contract_workflow_id(state.contract_id),
            task_queue=CONTRACTS_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=f"Contract from {state.terms.start}, {state.terms.currency}",
            rpc_timeout=START_TIME,
        )
    except WorkflowAlreadyStartedError:
        return
