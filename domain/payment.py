"""The states of a payment, which only move forward."""

from typing import Final, Literal

PaymentStatus = Literal["created", "confirming", "requires_action", "processing", "failed", "succeeded", "canceled"]

# The decline of a customer who has nothing to charge; no gateway was asked.
NO_PAYMENT_METHOD: Final = "no_payment_method"

_RANKS: dict[PaymentStatus, int] = {
    "created": 0,
    "confirming": 1,
    "requires_action": 2,
    "processing": 2,
    "failed": 3,
    "canceled": 4,
    "succeeded": 5,
}


def advances(before: tuple[int, PaymentStatus], after: tuple[int, PaymentStatus]) -> bool:
    """Whether news of (attempt, status) may replace what is known.

    Within an attempt a status only moves up, an older attempt never changes a newer one, and what has succeeded
    stays so; a success counts whichever attempt brought it.
    """
    if before[1] == "succeeded":
        return False
    if after[1] == "succeeded":
        return True
    return (after[0], _RANKS[after[1]]) > (before[0], _RANKS[before[1]])
