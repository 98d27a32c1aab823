"""How many events a billing cycle leaves in Temporal, read from the server itself."""

from dataclasses import dataclass

from temporalio.client import Client

from domain.keys import contract_workflow_id
from sandbox.temporal import NAMESPACE


@dataclass(frozen=True, slots=True)
class Histories:
    """A contract's latest run, and how many events one of its earlier runs has: one billing cycle."""

    workflow_id: str
    latest_run_id: str
    quiet_cycle_events: int


async def histories(address: str, contract_id: str, *, cycle: int) -> Histories:
    """The histories of a contract; `cycle` is the number of the billing cycle to count, from 1."""
    client = await Client.connect(address, namespace=NAMESPACE)
    workflow_id = contract_workflow_id(contract_id)
    runs = sorted(
        [run async for run in client.list_workflows(f"WorkflowId = '{workflow_id}'")], key=lambda run: run.start_time
    )
    history = await client.get_workflow_handle(workflow_id, run_id=runs[cycle - 1].run_id).fetch_history()
    return Histories(workflow_id, runs[-1].run_id, len(history.events))
