"""The yardstick: a workflow with the steps of a paid cycle and nothing in them. `python -m bench.bare` works it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from domain.life import ContractLife

BARE_QUEUE = "bare"
BARE_STEPS_QUEUE = "bare-steps"
BARE_PAYMENTS_QUEUE = "bare-payments"


@dataclass(frozen=True, slots=True)
class BareLife:
    """How many cycles are left, with a contract's state as load."""

    cycles: int
    life: ContractLife


@activity.defn
def bare_issue(life: ContractLife) -> str:
    return "issued"


@activity.defn
def bare_charge(invoice_id: str) -> str:
    return "settled"


@workflow.defn
class BareCycles:
    """Two steps, then a new run, until no cycle is left."""

    @workflow.run
    async def run(self, bare: BareLife) -> None:
        limit = timedelta(seconds=60)
        issued = await workflow.execute_activity(
            bare_issue, bare.life, task_queue=BARE_STEPS_QUEUE, start_to_close_timeout=limit
        )
        await workflow.execute_activity(
            bare_charge, issued, task_queue=BARE_PAYMENTS_QUEUE, start_to_close_timeout=limit
        )
        if bare.cycles > 1:
            workflow.continue_as_new(replace(bare, cycles=bare.cycles - 1))


async def work() -> None:
    """Work the bare workflows until killed, with the same kinds of workers as the product."""
    from settings import temporal_connection
    from workflows.plugin import perennial_plugin

    client = await Client.connect(**temporal_connection(), plugins=[perennial_plugin()])
    async with AsyncExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(40))
        for queue, step in ((BARE_STEPS_QUEUE, bare_issue), (BARE_PAYMENTS_QUEUE, bare_charge)):
            await stack.enter_async_context(
                Worker(client, task_queue=queue, activities=[step], activity_executor=threads)
            )
        await stack.enter_async_context(Worker(client, task_queue=BARE_QUEUE, workflows=[BareCycles]))
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(work())
