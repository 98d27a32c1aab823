"""Typed declaration of updates: the SDK's decorator forgets that a described handler is a coroutine."""

from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar, cast

from temporalio import workflow

P = ParamSpec("P")
R = TypeVar("R")


def update(description: str) -> Callable[[Callable[P, Awaitable[R]]], workflow.UpdateMethodMultiParam[P, R]]:
    """Declare an update whose description the Temporal UI shows beside it."""
    declare: Any = workflow.update(description=description)
    return cast(Callable[[Callable[P, Awaitable[R]]], workflow.UpdateMethodMultiParam[P, R]], declare)
