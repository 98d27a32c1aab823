"""A time-skipping server for each test, and a worker whose steps are fakes."""

import shutil
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.signatures import CONTRACTS_QUEUE, LEDGER_QUEUE, PAYMENTS_QUEUE
from sandbox.temporal import DYNAMIC_CONFIG, SEARCH_ATTRIBUTES
from tests.workflows.fakes import FakeSteps
from workflows.plugin import WORKFLOWS, perennial_plugin
from workflows.visibility import ATTRIBUTES


def binary(name: str) -> str:
    """The path of a server that was installed beside this Python."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    assert found, f"{name} is not installed"
    return found


async def register_search_attributes(client: Client) -> None:
    kinds = {
        name: IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{kind.upper()}") for name, kind in SEARCH_ATTRIBUTES.items()
    }
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(namespace="default", search_attributes=kinds)
    )


@pytest.fixture
async def environment() -> AsyncIterator[WorkflowEnvironment]:
    env = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary("temporal-test-server"), plugins=[perennial_plugin()]
    )
    async with env:
        await register_search_attributes(env.client)
        yield env


@pytest.fixture
def steps() -> FakeSteps:
    return FakeSteps()


@asynccontextmanager
async def workers(client: Client, steps: FakeSteps, **options: int) -> AsyncIterator[None]:
    """Workers for every queue, whose steps are fakes."""
    async with AsyncExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(8))
        for queue in (LEDGER_QUEUE, PAYMENTS_QUEUE):
            await stack.enter_async_context(
                Worker(client, task_queue=queue, activities=steps.all(), activity_executor=threads)
            )
        await stack.enter_async_context(
            Worker(client, task_queue=CONTRACTS_QUEUE, workflows=WORKFLOWS, **options)  # type: ignore[arg-type]
        )
        yield


@pytest.fixture
async def client(environment: WorkflowEnvironment, steps: FakeSteps) -> AsyncIterator[Client]:
    """A client of a server that skips time, on which a worker with fake steps runs."""
    async with workers(environment.client, steps):
        yield environment.client


@pytest.fixture
async def real_client(steps: FakeSteps) -> AsyncIterator[Client]:
    """A client of a real server, on which a worker with fake steps runs."""
    env = await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary("temporal"),
        dev_server_extra_args=[f"--dynamic-config-value={name}={value}" for name, value in DYNAMIC_CONFIG.items()],
        search_attributes=ATTRIBUTES,
        plugins=[perennial_plugin()],
    )
    async with env, workers(env.client, steps):
        yield env.client
