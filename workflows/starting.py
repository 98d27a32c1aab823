"""How a contract's workflow is started."""

from datetime import timedelta

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from activities.signatures import CONTRACTS_QUEUE
from domain import keys
from domain.due import service_end
from domain.life import ClockLife, ContractLife, Corrected, CorrectInvoice, MigrationLife, MigrationProgress
from workflows.clock import TestClock
from workflows.contract import Contract
from workflows.correction import Correction
from workflows.migration import Migration
from workflows.visibility import contract_attributes


async def start_contract(client: Client, life: ContractLife, *, within: timedelta) -> WorkflowHandle[Contract, str]:
    """The contract's workflow: started now, or the one that runs already.

    Raises:
        temporalio.exceptions.WorkflowAlreadyStartedError: it has run and has ended.
    """
    state = life.state
    end = service_end(state)
    return await client.start_workflow(
        Contract.run,
        life,
        id=keys.contract_workflow_id(state.contract_id),
        task_queue=CONTRACTS_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        search_attributes=contract_attributes(state, life.open_invoices),
        static_summary=f"Contract from {state.terms.start}, {state.terms.currency}",
        static_details=(
            f"Signed for customer `{state.customer_id}` with {len(state.terms.lines)} lines,"
            f" from {state.terms.start} {f'to {end}' if end else 'until it is cancelled'} ({state.terms.timezone})."
        ),
        rpc_timeout=within,
    )


async def start_correction(
    client: Client, request: CorrectInvoice, *, within: timedelta
) -> WorkflowHandle[Correction, Corrected]:
    """The correction's workflow: started now, or the one that runs already.

    Raises:
        temporalio.exceptions.WorkflowAlreadyStartedError: it has run and is done.
    """
    return await client.start_workflow(
        Correction.run,
        request,
        id=keys.correction_workflow_id(request.correction_id),
        task_queue=CONTRACTS_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        static_summary=f"{request.correction.kind.replace('_', ' ').capitalize()} for {request.invoice_id}",
        rpc_timeout=within,
    )


async def start_clock(client: Client, life: ClockLife, *, within: timedelta) -> WorkflowHandle[TestClock, None]:
    """The test clock's workflow: started now, or the one that runs already."""
    return await client.start_workflow(
        TestClock.run,
        life,
        id=keys.clock_workflow_id(life.clock_id),
        task_queue=CONTRACTS_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary="Test clock",
        rpc_timeout=within,
    )


async def start_migration(
    client: Client, life: MigrationLife, *, within: timedelta
) -> WorkflowHandle[Migration, MigrationProgress]:
    """The migration's workflow: started now, or the one that runs already.

    Raises:
        temporalio.exceptions.WorkflowAlreadyStartedError: it has run and is done.
    """
    return await client.start_workflow(
        Migration.run,
        life,
        id=keys.migration_workflow_id(life.migration_id),
        task_queue=CONTRACTS_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        static_summary=f"{life.progress.total} contracts to version {life.version} of {life.plan_id}",
        rpc_timeout=within,
    )
