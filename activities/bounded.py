"""Work on many things at once, but not on too many."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

AT_ONCE_MAX: Final = 20

T = TypeVar("T")


async def each(members: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Do the work for every member; what fails ends all of it."""
    free = asyncio.Semaphore(AT_ONCE_MAX)

    async def one(member: T) -> None:
        async with free:
            await work(member)

    async with asyncio.TaskGroup() as group:
        for member in members:
            group.create_task(one(member))
