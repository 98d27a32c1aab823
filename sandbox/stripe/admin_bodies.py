"""What the admin routes take."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Decline(_Strict):
    code: str


class SetAmounts(_Strict):
    """Whether any positive amount may be charged, also one below Stripe's minimum."""

    any: bool


class SetClock(_Strict):
    """Exactly one of: stand still at an instant, run ahead (or behind) of real time, or real time."""

    fixed: datetime | None = None
    offset_seconds: int | None = None
    real: Literal[True] | None = None


class OpenDispute(_Strict):
    charge: str | None = None
    payment_intent: str | None = None
    amount: int | None = Field(default=None, gt=0)
    reason: str = "fraudulent"


class DecideDispute(_Strict):
    status: Literal["won", "lost"]


class Complete(_Strict):
    succeeds: bool = True
    decline_code: str | None = None
