"""What the API tells sleeping workflows. Ids only: a workflow reads the rest for itself."""

from typing import Protocol


class Wakeups(Protocol):
    """Wakes whom a change concerns. Called after the change is committed, possibly more than once for one change."""

    async def payment_method_changed(self, customer_id: str) -> None:
        """Wake the collections that wait for this customer to pay by another method.

        Raises:
            WakeupFailed: nobody could be told; the caller of the API is asked to try again.
        """
        ...


class WakeupFailed(Exception):
    """The workflows could not be reached."""


class NoWakeups:
    """Wakes nobody: for a process that runs without Temporal."""

    async def payment_method_changed(self, customer_id: str) -> None:
        return None
