"""What one quiet, paid, monthly cycle costs: history events, actions, and time against a bare workflow."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from activities.signatures import CONTRACTS_QUEUE
from bench.bare import BARE_QUEUE, BareCycles, BareLife
from bench.row import Row
from bench.stack import client_of, connect, customer_with_card
from domain import keys
from domain.contract import sign
from domain.life import ContractLife
from domain.terms import Terms
from sandbox.plan import Plan
from workflows.contract import Contract

CONTRACTS = 60
CYCLES = 4
ROUNDS = 3

# What Temporal Cloud bills; everything else in a quiet cycle is free.
ACTIONS = {
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
}


def fee(start: date, months: int | None) -> Terms:
    """A flat monthly fee in advance."""
    line = {"id": "plan", "price": {"model": "flat", "amount": "99.00"}, "every": "month", "bill": "advance"}
    term = {"months": months} if months else None
    return Terms.model_validate({"currency": "USD", "start": start, "term": term, "lines": [line]})


async def cycle_history(plan: Plan) -> list[Row]:
    """Count the history events and the actions of one quiet cycle."""
    api = client_of(plan)
    client = await connect(plan)
    customer = await asyncio.to_thread(customer_with_card, api, "history")
    skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
    today = datetime.now(UTC).date()
    contract_id = keys.derived("con", "bench", "history")
    state = sign(contract_id, customer, fee(today, None))
    handle = await skipper.client.start_workflow(
        Contract.run, ContractLife(state), id=keys.contract_workflow_id(contract_id), task_queue=CONTRACTS_QUEUE
    )
    for _ in range(3):
        await skipper.fast_forward(handle, timedelta(days=32))
    counts = await _counts_of_second_cycle(client, handle)
    await handle.terminate("measured")
    actions = sum(number for kind, number in counts.items() if kind in ACTIONS)
    return [
        Row("cycle_events", "history events of one quiet paid cycle", counts.total(), "events", "<=", 26),
        Row("cycle_actions", "Temporal Cloud actions of the same", actions, "actions", "<=", 6),
    ]


async def _counts_of_second_cycle(client: Client, handle: WorkflowHandle[Contract, str]) -> Counter[int]:
    first = await client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id).fetch_history()
    second = first.events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    history = await client.get_workflow_handle(handle.id, run_id=second).fetch_history()
    kinds = Counter(int(event.event_type) for event in history.events)
    # The jump in time is the measurement's own.
    del kinds[EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED]
    assert kinds[EventType.EVENT_TYPE_TIMER_FIRED] == 1, "the run measured did not sleep once"
    return kinds


async def cycle_speed(plan: Plan) -> list[Row]:
    """Compare paid cycles with bare ones of the same steps, in turns."""
    api = client_of(plan)
    client = await connect(plan)
    customers = [await asyncio.to_thread(customer_with_card, api, f"speed-{n}") for n in range(CONTRACTS)]
    rounds = []
    with bare_worker(plan):
        # The first one waits for the worker to poll, so that its start is not measured.
        await _run_bare(client, "warm", 1)
        for number in range(ROUNDS):
            bare = await _cycles_per_second(_run_bare(client, f"{number}-{n}", CYCLES) for n in range(CONTRACTS))
            paid = await _cycles_per_second(_run_paid(client, number, customer) for customer in customers)
            rounds.append((paid / bare, paid, bare))
    # The middle one: what else the machine does strikes single rounds.
    ratio, paid, bare = sorted(rounds)[ROUNDS // 2]
    what = f"{paid:.0f} paid cycles/s against {bare:.0f} bare ones"
    return [Row("cycle_ratio", what, ratio, "", ">=", 0.5)]


async def _cycles_per_second(lives: Iterable[Awaitable[object]]) -> float:
    began = time.perf_counter()
    await asyncio.gather(*lives)
    return CONTRACTS * CYCLES / (time.perf_counter() - began)


async def _run_paid(client: Client, number: int, customer: str) -> None:
    """A contract whose periods have all passed: it bills one after the other, as after an outage."""
    start = (datetime.now(UTC).date().replace(day=1) - timedelta(days=31 * (CYCLES + 2))).replace(day=1)
    contract_id = keys.derived("con", "bench", "speed", number, customer)
    life = ContractLife(sign(contract_id, customer, fee(start, CYCLES)))
    workflow_id = keys.contract_workflow_id(contract_id)
    await client.execute_workflow(Contract.run, life, id=workflow_id, task_queue=CONTRACTS_QUEUE)


@contextmanager
def bare_worker(plan: Plan) -> Iterator[None]:
    """A process that works bare cycles, as the product's worker does its own."""
    environment = {"TEMPORAL_ADDRESS": plan.temporal_address(), "PATH": "/usr/bin:/bin"}
    worker = subprocess.Popen([sys.executable, "-m", "bench.bare"], env=environment)
    try:
        yield
    finally:
        worker.kill()
        worker.wait()


async def _run_bare(client: Client, name: str, cycles: int) -> None:
    state = sign(keys.derived("con", "bench", "bare", name), "cus_bare", fee(date(2026, 1, 1), cycles))
    life = BareLife(cycles, ContractLife(state))
    await client.execute_workflow(BareCycles.run, life, id=f"bare/{name}", task_queue=BARE_QUEUE)
