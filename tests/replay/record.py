"""Records the histories that every later version must still replay: `python -m tests.replay.record VERSION`.

A release adds a folder; the folders of former releases are never written again.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from domain.commands import Cancel, ChangeLine
from domain.life import Amend
from sandbox.temporal import DYNAMIC_CONFIG, binary
from tests.workflows.conftest import workers
from tests.workflows.fakes import FakeSteps, declined
from tests.workflows.story import monthly, start_contract
from workflows.collection import Collection
from workflows.contract import Contract
from workflows.plugin import perennial_plugin
from workflows.visibility import ATTRIBUTES

HISTORIES = Path(__file__).parent / "histories"
START = datetime(2026, 1, 1, tzinfo=UTC)
Handle = WorkflowHandle[Contract, str]


async def catch_up(contract: Handle, at: datetime) -> None:
    while not (await contract.execute_update(Contract.catch_up, at)).done:
        pass


async def collect(client: Client, steps: FakeSteps, at: datetime) -> None:
    invoice_id = steps.charges[0].invoice_id
    collection = client.get_workflow_handle_for(Collection.run, f"collection/{invoice_id}")
    await collection.execute_update(Collection.catch_up, at)


async def quiet_quarter(client: Client, steps: FakeSteps) -> Handle:
    contract = await _clocked(client, "quiet")
    for month in (1, 2, 3, 4):
        await catch_up(contract, datetime(2026, month, 1, tzinfo=UTC))
    return contract


async def dunning_recovers(client: Client, steps: FakeSteps) -> Handle:
    steps.outcomes += [declined("insufficient_funds"), declined("insufficient_funds")]
    contract = await _clocked(client, "dunning")
    for day in (0, 1, 3):
        await catch_up(contract, START + timedelta(days=day))
        await collect(client, steps, START + timedelta(days=day))
    await catch_up(contract, START + timedelta(days=3))
    return contract


async def payment_terms(client: Client, steps: FakeSteps) -> Handle:
    contract = await _clocked(client, "terms", payment_terms_days=14)
    await catch_up(contract, START)
    invoice_id = next(iter(steps.totals))
    collection = client.get_workflow_handle_for(Collection.run, f"collection/{invoice_id}")
    await collection.execute_update(Collection.catch_up, START + timedelta(days=14))
    await catch_up(contract, START + timedelta(days=14))
    return contract


async def amended_and_cancelled(client: Client, steps: FakeSteps) -> Handle:
    contract = await _clocked(client, "amended")
    await catch_up(contract, START)
    at = START + timedelta(days=10)
    changes: tuple[ChangeLine | Cancel, ...] = (
        ChangeLine(line="plan", quantity=Decimal(2)),
        ChangeLine(line="plan", quantity=Decimal(3), effective="next_period"),
        ChangeLine(line="plan", quantity=Decimal(1), invoice="next"),
        Cancel(when="now"),
    )
    for day, change in enumerate(changes):
        await contract.execute_update(Contract.amend, Amend(change, at=at + timedelta(days=day)), id=f"change-{day}")
    await contract.result()
    return contract


async def late_start(client: Client, steps: FakeSteps) -> Handle:
    contract = await start_contract(client, monthly(date(2025, 1, 1), months=3), "con_late")
    await contract.result()
    return contract


STORIES: tuple[Callable[[Client, FakeSteps], Awaitable[Handle]], ...] = (
    quiet_quarter,
    dunning_recovers,
    payment_terms,
    amended_and_cancelled,
    late_start,
)


async def _clocked(client: Client, name: str, **terms: object) -> Handle:
    contract = monthly(START.date(), **terms)  # type: ignore[arg-type]
    return await start_contract(client, contract, f"con_{name}", clock_id="clk", clock_now=START - timedelta(days=1))


async def record(version: str) -> None:
    """Run every story on a server of its own and keep the history of each run."""
    for story in STORIES:
        folder = HISTORIES / version / story.__name__
        folder.mkdir(parents=True)
        env = await WorkflowEnvironment.start_local(
            dev_server_existing_path=binary(),
            dev_server_extra_args=[f"--dynamic-config-value={name}={value}" for name, value in DYNAMIC_CONFIG.items()],
            search_attributes=ATTRIBUTES,
            plugins=[perennial_plugin()],
        )
        steps = FakeSteps()
        async with env, workers(env.client, steps):
            await story(env.client, steps)
            await _keep(env.client, folder)


async def _keep(client: Client, folder: Path) -> None:
    runs = sorted([run async for run in client.list_workflows()], key=lambda run: (run.workflow_type, run.start_time))
    for number, run in enumerate(runs, 1):
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        history = await handle.fetch_history()
        (folder / f"{number:02}-{run.workflow_type}.json").write_text(history.to_json())


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1]))
