"""How many events a billing cycle leaves in Temporal, read from the server itself."""

from dataclasses import dataclass

from temporalio.client import Client, WorkflowExecutionStatus

from domain.keys import contract_workflow_id


@dataclass(frozen=True, slots=True)
class Cycle:
    """One run of a contract's workflow: one billing cycle."""

    workflow_id: str
    run_id: str
    events: int


async def cycle(address: str, contract_id: str, *, number: int) -> Cycle:
    """The contract's billing cycle with that number, counted from 1."""
    client = await Client.connect(address)
    workflow_id = contract_workflow_id(contract_id)
    runs = [
        run
        async for run in client.list_workflows(f"WorkflowId = '{workflow_id}'")
        if run.status is WorkflowExecutionStatus.CONTINUED_AS_NEW
    ]
    run = sorted(runs, key=lambda run: run.start_time)[number - 1]
    history = await client.get_workflow_handle(workflow_id, run_id=run.run_id).fetch_history()
    return Cycle(workflow_id, run.run_id, len(history.events))
