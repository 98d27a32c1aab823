"""A step that runs for long beats by itself; one that is quick does not."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio.activity import Info
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ActivityOutboundInterceptor, ExecuteActivityInput

from activities.heartbeats import Heartbeats

BEATS_AWAITED = 3


class Outbound(ActivityOutboundInterceptor):
    """Counts beats instead of sending them."""

    def __init__(self) -> None:
        self.beats = 0
        self.enough = asyncio.Event()

    def heartbeat(self, *details: Any) -> None:
        self.beats += 1
        if self.beats == BEATS_AWAITED:
            self.enough.set()

    def info(self) -> Info:
        raise AssertionError("not asked for")


class Step(ActivityInboundInterceptor):
    """A step that takes until enough beats were seen, or no time at all."""

    def __init__(self, until: asyncio.Event | None) -> None:
        self.until = until

    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        return None

    async def execute_activity(self, input: ExecuteActivityInput) -> str:
        if self.until is not None:
            await self.until.wait()
        return "done"


async def ran(outbound: Outbound, *, heartbeat_timeout: timedelta | None, long: bool) -> object:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, heartbeat_timeout=heartbeat_timeout)
    step = Heartbeats().intercept_activity(Step(outbound.enough if long else None))
    step.init(outbound)
    nothing = ExecuteActivityInput(fn=lambda: None, args=(), executor=None, headers={})

    async def run() -> object:
        return await step.execute_activity(nothing)

    return await environment.run(run)


async def test_a_long_step_beats_until_it_is_done() -> None:
    outbound = Outbound()
    assert await ran(outbound, heartbeat_timeout=timedelta(milliseconds=3), long=True) == "done"
    assert outbound.beats >= BEATS_AWAITED
    beats = outbound.beats
    await asyncio.sleep(0.02)
    assert outbound.beats == beats


async def test_a_quick_step_never_beats() -> None:
    outbound = Outbound()
    assert await ran(outbound, heartbeat_timeout=timedelta(seconds=10), long=False) == "done"
    assert outbound.beats == 0


async def test_a_step_without_a_heartbeat_timeout_never_beats() -> None:
    outbound = Outbound()
    assert await ran(outbound, heartbeat_timeout=None, long=False) == "done"
    assert outbound.beats == 0
