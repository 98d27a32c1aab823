"""How steps are retried: for ever, since a contract must not end because a server was away."""

from datetime import timedelta
from typing import TypedDict

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.signatures import LEDGER_QUEUE, PAYMENTS_QUEUE

SCHEDULED = Priority(priority_key=3)
REQUESTED = Priority(priority_key=1)

# A first charge that cannot be resolved soon goes to the collection, so that the contract stays responsive.
FIRST_CHARGE_ATTEMPTS = 3

# A step beats while it runs (`activities.heartbeats`): how soon it is done again after its worker died.
HEARTBEAT = timedelta(seconds=10)


class StepOptions(TypedDict):
    task_queue: str
    start_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy
    priority: Priority


def ledger(priority: Priority = SCHEDULED) -> StepOptions:
    """For steps that write to the database alone."""
    return StepOptions(
        task_queue=LEDGER_QUEUE,
        start_to_close_timeout=timedelta(minutes=2),
        heartbeat_timeout=HEARTBEAT,
        retry_policy=RetryPolicy(
            initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(minutes=1), maximum_attempts=0
        ),
        priority=priority,
    )


def payments(attempts_max: int = 0) -> StepOptions:
    """For steps that speak with the payment gateway."""
    return StepOptions(
        task_queue=PAYMENTS_QUEUE,
        start_to_close_timeout=timedelta(seconds=90),
        heartbeat_timeout=HEARTBEAT,
        retry_policy=RetryPolicy(
            initial_interval=timedelta(seconds=1),
            backoff_coefficient=3,
            maximum_interval=timedelta(hours=1),
            maximum_attempts=attempts_max,
        ),
        priority=SCHEDULED,
    )
