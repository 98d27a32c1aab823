"""Typed declaration of updates: the SDK's decorator forgets that a described handler is a coroutine."""

from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar, cast

from temporalio import workflow
from temporalio.exceptions import ApplicationError

P = ParamSpec("P")
R = TypeVar("R")


def update(description: str) -> Callable[[Callable[P, Awaitable[R]]], workflow.UpdateMethodMultiParam[P, R]]:
    """Declare an update whose description the Temporal UI shows beside it."""
    declare: Any = workflow.update(description=description)
    return cast(Callable[[Callable[P, Awaitable[R]]], workflow.UpdateMethodMultiParam[P, R]], declare)


def update_id() -> str:
    """The id of the update that is being handled: its caller's idempotency key."""
    info = workflow.current_update_info()
    assert info is not None
    return info.id


def refused(message: str, field: str, kind: str) -> ApplicationError:
    """The refusal of an update, by the name of its error, with the field to correct."""
    return ApplicationError(message, field, type=kind, non_retryable=True)
