"""The worker process: settings -> database and gateway -> steps -> Temporal workers."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import timedelta

import structlog
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.worker import Worker

from activities.charging import Charging
from activities.clock import Clock
from activities.correcting import Correcting
from activities.dispatching import Dispatcher
from activities.heartbeats import Heartbeats
from activities.invoicing import Invoicing
from activities.migrating import Migrating
from activities.quoting import Quoting
from activities.refunding import Refunding
from activities.signatures import CONTRACTS_QUEUE, LEDGER_QUEUE, PAYMENTS_QUEUE
from gateways.payment import PaymentGateway
from gateways.stripe import StripeGateway
from logs import configure_logging
from models.database import Database
from settings import Settings, SettingsError, load_settings, temporal_connection
from workflows.plugin import WORKFLOWS, perennial_plugin
from workflows.visibility import ATTRIBUTES

log = structlog.get_logger()


class MissingSearchAttributes(RuntimeError):
    """The namespace lacks search attributes, without which contracts could not start."""


def build_workers(
    client: Client, database: Database, gateway: PaymentGateway, settings: Settings, threads: Executor
) -> Sequence[Worker]:
    """One worker for each task queue; payments are held to the gateway's rate over all processes."""
    invoicing, charging, clock = Invoicing(database), Charging(database, gateway), Clock(database, client)
    correcting, refunding = Correcting(database), Refunding(gateway)
    quoting, migrating = Quoting(database, client), Migrating(database, client)
    grace = timedelta(seconds=settings.worker_graceful_shutdown_seconds)
    interceptors = [Heartbeats()]
    contracts = Worker(
        client,
        task_queue=CONTRACTS_QUEUE,
        workflows=WORKFLOWS,
        activities=[clock.advance_members, migrating.move_page],
        max_cached_workflows=settings.worker_max_cached_workflows,
        max_concurrent_workflow_tasks=settings.worker_max_concurrent_workflow_tasks,
        graceful_shutdown_timeout=grace,
        interceptors=interceptors,
    )
    ledger = Worker(
        client,
        task_queue=LEDGER_QUEUE,
        activities=[
            invoicing.rate_usage,
            invoicing.issue_invoice,
            invoicing.record_change,
            invoicing.has_payment_method,
            correcting.correct_invoice,
            correcting.prepare_refund,
            correcting.fall_due,
            quoting.record_quote,
            quoting.start_contract,
        ],
        activity_executor=threads,
        max_concurrent_activities=settings.worker_max_concurrent_activities,
        graceful_shutdown_timeout=grace,
        interceptors=interceptors,
    )
    payments = Worker(
        client,
        task_queue=PAYMENTS_QUEUE,
        activities=[charging.charge_invoice, charging.review_payment, refunding.refund_intent],
        activity_executor=threads,
        max_concurrent_activities=settings.worker_max_concurrent_activities,
        max_task_queue_activities_per_second=settings.payments_per_second,
        graceful_shutdown_timeout=grace,
        interceptors=interceptors,
    )
    return contracts, ledger, payments


async def check_search_attributes(client: Client) -> None:
    """Refuse to work where contracts could not start.

    Raises:
        MissingSearchAttributes: naming them and the command that registers one.
    """
    request = ListSearchAttributesRequest(namespace=client.namespace)
    known = (await client.operator_service.list_search_attributes(request)).custom_attributes
    missing = sorted(key.name for key in ATTRIBUTES if key.name not in known)
    if missing:
        command = "temporal operator search-attribute create --name NAME --type TYPE"
        raise MissingSearchAttributes(f"search attributes {', '.join(missing)} are not registered; run `{command}`")


def settle_memory() -> None:
    """Keep the collector off what was loaded at start, which stays for good, and let it look less often.

    Each run of a workflow makes many short-lived objects, so that by default it would look through all of them often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def run(settings: Settings) -> None:
    """Work until the process is told to stop; running steps get time to finish."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client = await Client.connect(**temporal_connection(), plugins=[perennial_plugin()])
    await check_search_attributes(client)
    database = Database(
        settings.database_url.get_secret_value(), pool_size=settings.database_pool_size, role=settings.database_role
    )
    gateway = StripeGateway(
        settings.stripe_api_key.get_secret_value(),
        base_url=str(settings.stripe_base_url) if settings.stripe_base_url else None,
    )
    async with AsyncExitStack() as stack:
        stack.callback(database.dispose)
        threads = stack.enter_context(ThreadPoolExecutor(2 * settings.worker_max_concurrent_activities))
        for worker in build_workers(client, database, gateway, settings, threads):
            await stack.enter_async_context(worker)
        dispatcher = asyncio.create_task(Dispatcher(database, client).run())
        stack.callback(dispatcher.cancel)
        log.info("working", queues=[CONTRACTS_QUEUE, LEDGER_QUEUE, PAYMENTS_QUEUE], pid=os.getpid())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({stopped, dispatcher}, return_when=asyncio.FIRST_COMPLETED)
        log.info("stopping")


def main() -> int:
    """Run a worker from the settings in the environment; returns the exit status."""
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    settle_memory()
    configure_logging(level=settings.log_level, as_json=settings.log_format == "json")
    try:
        asyncio.run(run(settings))
    except MissingSearchAttributes as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # The SDK's threads can abort an interpreter that is shutting down after all work is done.
    os._exit(status)
