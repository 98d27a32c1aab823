"""How a quote's workflow is started."""

from datetime import timedelta

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from activities.signatures import CONTRACTS_QUEUE
from domain import keys
from domain.quote_life import QuoteLife
from workflows.quote import Quote
from workflows.quote_visibility import quote_attributes


async def start_quote(client: Client, life: QuoteLife, *, within: timedelta) -> WorkflowHandle[Quote, str]:
    """The quote's workflow: started now, or the one that runs already.

    Raises:
        temporalio.exceptions.WorkflowAlreadyStartedError: it has run and has ended.
    """
    state = life.state
    return await client.start_workflow(
        Quote.run,
        life,
        id=keys.quote_workflow_id(state.quote_id),
        task_queue=CONTRACTS_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        search_attributes=quote_attributes(state),
        static_summary=f"Quote from {state.terms.start}, {state.terms.currency}",
        rpc_timeout=within,
    )
