"""Fault rules: what goes wrong, for which requests or webhooks, how often."""

from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Silence = Literal["drop", "hang"]


class Match(BaseModel):
    """What a rule applies to; what is left out matches everything. `path` and `event_type` may hold `*`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["GET", "POST", "DELETE"] | None = None
    path: str | None = None
    event_type: str | None = None
    object: str | None = None
    customer: str | None = None
    metadata: dict[str, str] = {}

    @property
    def looks_inside(self) -> bool:
        """Whether the objects concerned have to be known, not only the method and path."""
        return bool(self.object or self.customer or self.metadata)

    def covers_request(self, method: str, path: str) -> bool:
        return self.method in (None, method) and (self.path is None or fnmatchcase(path, self.path))

    def covers_event(self, type_: str) -> bool:
        return self.event_type is None or fnmatchcase(type_, self.event_type)

    def covers_objects(self, ids: set[str], customer: str | None, metadata: dict[str, Any]) -> bool:
        return (
            (self.object is None or self.object in ids)
            and (self.customer is None or self.customer == customer)
            and self.metadata.items() <= metadata.items()
        )


class Rule(BaseModel):
    """`after` matches are let through first, then `times` are hit (None: all that follow)."""

    model_config = ConfigDict(extra="forbid")

    match: Match = Match()
    after: int = Field(default=0, ge=0)
    times: int | None = Field(default=1, ge=1)


class ExecutedNoAnswer(Rule):
    """The request is executed, but its answer never arrives: the connection drops, or hangs."""

    kind: Literal["executed_no_answer"]
    answer: Silence = "drop"


class Dropped(Rule):
    """The connection is lost before the request is executed."""

    kind: Literal["dropped"]
    answer: Silence = "drop"


class ServerError(Rule):
    """A 5xx, with or without execution, saved under the idempotency key or not."""

    kind: Literal["server_error"]
    status: int = Field(default=500, ge=500, le=599)
    executed: bool = False
    saved: bool = True


class RateLimit(Rule):
    """429 for what exceeds a rate."""

    kind: Literal["rate_limit"]
    per_second: float = Field(gt=0)
    times: int | None = Field(default=None, ge=1)


class Delay(Rule):
    """A pause before execution, or between execution and the answer."""

    kind: Literal["delay"]
    seconds: float = Field(gt=0, le=3600)
    when: Literal["before", "after"] = "before"


class WebhookDelay(Rule):
    """A webhook held back by real seconds, by seconds of the server's clock, or both."""

    kind: Literal["webhook_delay"]
    seconds: float = Field(default=0, ge=0)
    clock_seconds: int = Field(default=0, ge=0)


class WebhookDuplicate(Rule):
    """A webhook sent `copies` more times."""

    kind: Literal["webhook_duplicate"]
    copies: int = Field(default=1, ge=1, le=100)


class WebhookReorder(Rule):
    """Webhooks held until `window` are waiting or `max_hold_seconds` are over, then sent newest first."""

    kind: Literal["webhook_reorder"]
    window: int = Field(default=2, ge=2, le=1000)
    max_hold_seconds: float = Field(default=2.0, gt=0)
    times: int | None = Field(default=None, ge=1)


class WebhookDrop(Rule):
    """A webhook that is never sent."""

    kind: Literal["webhook_drop"]


RequestRule = ExecutedNoAnswer | Dropped | ServerError | RateLimit | Delay
WebhookRule = WebhookDelay | WebhookDuplicate | WebhookReorder | WebhookDrop
AnyRule = Annotated[RequestRule | WebhookRule, Field(discriminator="kind")]
RULE: TypeAdapter[RequestRule | WebhookRule] = TypeAdapter(AnyRule)
