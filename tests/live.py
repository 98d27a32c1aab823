"""A real Temporal server for a test session, and the product's own workers on it."""

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from socket import socket

from temporalio.client import Client
from temporalio.service import RPCError

from gateways.payment import PaymentGateway
from models.database import Database
from sandbox.temporal import server_command
from settings import Settings
from worker import build_workers
from workflows.plugin import perennial_plugin

START_SECONDS_MAX = 60


@contextmanager
def temporal_server() -> Iterator[str]:
    """The address of a server that keeps its data in a folder of its own and is gone afterwards."""
    port, ui_port = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="perennial-temporal-") as folder:
        command = server_command(Path(folder) / "temporal.db", port=port, ui_port=ui_port)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
        server = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            asyncio.run(_until_it_answers(f"127.0.0.1:{port}"))
            yield f"127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()


async def _until_it_answers(address: str) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            client = await Client.connect(address)
            await client.count_workflows()
            return
        except (RPCError, RuntimeError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


def free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Client]:
    """A client; what it started and has not ended is terminated, so that no other test's worker takes it up."""
    client = await Client.connect(address, plugins=[perennial_plugin()])
    yield client
    while running := [found async for found in client.list_workflows("ExecutionStatus = 'Running'")]:
        for found in running:
            try:
                await client.get_workflow_handle(found.id).terminate()
            except RPCError:
                continue
        await asyncio.sleep(0.02)


@asynccontextmanager
async def working(client: Client, database: Database, gateway: PaymentGateway) -> AsyncIterator[None]:
    """The product's workers."""
    settings = Settings.model_validate(
        {
            "database_url": database.url,
            "stripe_api_key": "sk_test_8w1Qd0f3Zk2LmN7x",
            "stripe_webhook_secrets": ["whsec_8w1Qd0f3Zk2LmN7x"],
            "api_key_pepper": "Zk2LmN7x8w1Qd0f3Zk2LmN7x8w1Qd0f3",
            "worker_graceful_shutdown_seconds": 1,
        }
    )
    async with AsyncExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(2 * settings.worker_max_concurrent_activities))
        for worker in build_workers(client, database, gateway, settings, threads):
            await stack.enter_async_context(worker)
        yield


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that other processes bring about."""
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.02)
