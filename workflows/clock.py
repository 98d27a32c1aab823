"""A test clock: business time that moves when it is told to, for all that hangs on it."""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.signatures import CONTRACTS_QUEUE, ClockSteps, ClockTarget
    from domain.life import ClockLife

from workflows.options import HEARTBEAT
from workflows.updates import update

ADVANCES_PER_RUN = 200


@workflow.defn(name="TestClock")
class TestClock:
    """Advances the contracts and collections that hang on it, instant by instant."""

    __test__ = False

    @workflow.init
    def __init__(self, life: ClockLife) -> None:
        self.life = life
        self.advances = 0
        self.moving = asyncio.Lock()

    @workflow.run
    async def run(self, life: ClockLife) -> None:
        """Live for ever; a new run starts after many advances."""
        self._show()
        await workflow.wait_condition(lambda: self.advances >= ADVANCES_PER_RUN)
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(self.life)

    @update("Move the clock; returns when all that is due by then is done")
    async def advance(self, to: datetime) -> datetime:
        return await self._move(ClockTarget(self.life.clock_id, to))

    @advance.validator
    def _check_advance(self, to: datetime) -> None:
        self._check_forward(to)

    @update("Move the clock; returns when all that is due before then is done, and leaves what is due at that instant")
    async def advance_before(self, to: datetime) -> datetime:
        return await self._move(ClockTarget(self.life.clock_id, to, exclusive=True))

    @advance_before.validator
    def _check_advance_before(self, to: datetime) -> None:
        self._check_forward(to)

    @workflow.query(description="The time that it shows")
    def now(self) -> datetime:
        return self.life.now

    async def _move(self, target: ClockTarget) -> datetime:
        to = target.to
        async with self.moving:
            await workflow.execute_activity_method(
                ClockSteps.advance_members,
                target,
                task_queue=CONTRACTS_QUEUE,
                start_to_close_timeout=timedelta(days=1),
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=10)),
                summary=f"Advance to {to:%Y-%m-%d %H:%M} UTC",
            )
            self.life = ClockLife(self.life.clock_id, max(to, self.life.now))
            self.advances += 1
        self._show()
        return self.life.now

    def _check_forward(self, to: datetime) -> None:
        if to < self.life.now:
            raise ApplicationError(
                f"the clock shows {self.life.now.isoformat()}; it only moves forward", "/to", type="RefusedChange"
            )

    def _show(self) -> None:
        workflow.set_current_details(f"The clock shows **{self.life.now:%Y-%m-%d %H:%M} UTC**.")
