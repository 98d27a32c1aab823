"""Notices that usage has passed limits of contracts, and tells those contracts that are to bill it.

Everything here may run in several processes at once and any number of times: a limit is noted once in each period, and
a contract that is told twice bills once.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar

import structlog
from sqlmodel import Session
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain import keys
from models import usage_limit
from models.database import Database
from models.usage_limit import Untold

MEASURED_AT_ONCE: Final = 100
TOLD_AT_ONCE: Final = 100
CALL_TIME: Final = timedelta(seconds=10)

log = structlog.get_logger()
T = TypeVar("T")


class UsageLimits:
    """Looks for usage that came since the last look, and measures the contracts with limits that got it."""

    def __init__(self, database: Database, client: Client) -> None:
        self._database, self._client = database, client

    async def watch(self) -> int:
        """Measure what is to be measured and tell what is to be told; how many contracts that were."""
        await self._read(usage_limit.look)
        contracts = await self._read(lambda session: usage_limit.unmeasured(session, limit=MEASURED_AT_ONCE))
        for contract_id in contracts:
            await self._measure(contract_id)
        waiting = await self._read(lambda session: usage_limit.untold(session, limit=TOLD_AT_ONCE))
        for passed in waiting:
            await self._tell(passed)
        return len(contracts) + len(waiting)

    async def _measure(self, contract_id: str) -> None:
        for passed in await self._read(lambda session: usage_limit.measure(session, contract_id)):
            log.info("usage_limit_passed", contract_id=contract_id, limit=passed.limit_id, action=passed.action)

    async def _tell(self, passed: Untold) -> None:
        """Let the contract bill its usage. One that is over has billed it; one that was not started waits for it."""
        handle = self._client.get_workflow_handle(keys.contract_workflow_id(passed.contract_id))
        told = [passed.limit_id, passed.starts_on, passed.at]
        try:
            await handle.signal("usage_limit_passed", args=told, rpc_timeout=CALL_TIME)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            if not await self._read(lambda session: usage_limit.has_ended(session, passed.contract_id)):
                return
        await self._read(lambda session: usage_limit.mark_told(session, passed.sequence))

    async def _read(self, work: Callable[[Session], T]) -> T:
        return await asyncio.to_thread(self._database.run, work)
