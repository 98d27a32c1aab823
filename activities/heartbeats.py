"""Lets every step that runs for long say that it lives, so that the server soon notices a worker that died."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)


class Heartbeats(Interceptor):
    """Beats for each step with a heartbeat timeout, three times within it; a step that is quick never beats."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Beating(next)


class _Beating(ActivityInboundInterceptor):
    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        # `activity.heartbeat` would wait for the event loop, which is where this runs.
        self._outbound = outbound
        super().init(outbound)

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        timeout = activity.info().heartbeat_timeout
        if timeout is None:
            return await super().execute_activity(input)
        async with self._beats(timeout / 3):
            return await super().execute_activity(input)

    @asynccontextmanager
    async def _beats(self, interval: timedelta) -> AsyncIterator[None]:
        beating = asyncio.create_task(self._beat(interval))
        try:
            yield
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating

    async def _beat(self, interval: timedelta) -> None:
        while True:
            await asyncio.sleep(interval.total_seconds())
            self._outbound.heartbeat()
