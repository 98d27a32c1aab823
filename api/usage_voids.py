"""Usage taken back by its key, before or after it was billed."""

from collections import Counter
from typing import Annotated

from pydantic import AfterValidator, Field
from sqlmodel import Session

from api.calls import CurrentCall
from api.fields import Input, Output
from api.routing import api_router, needs
from api.usage import BATCH_BYTES_MAX
from api.usage_batches import BATCH_EVENTS_MAX
from api.usage_events import DEFAULT_SOURCE
from api.usage_fields import ID_LENGTH_MAX
from models.usage_voiding import EventKey, VoidOutcome, void


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError("this must be a text of printable characters")
    return name


EventName = Annotated[str, Field(min_length=1, max_length=ID_LENGTH_MAX), AfterValidator(_printable)]

router = api_router("/v1/usage", "Usage")


class VoidedEvent(Input):
    id: EventName
    source: EventName = DEFAULT_SOURCE


class VoidRequest(Input):
    events: list[VoidedEvent] = Field(min_length=1, max_length=BATCH_EVENTS_MAX)


class VoidResult(Output):
    source: str
    id: str
    result: VoidOutcome


class VoidResults(Output):
    voided: int
    already_voided: int
    unknown: int = Field(description="Never stored. Send the void again once the event has been.")
    archived: int = Field(description="Of a month whose events are archived: billed for good. Credit the invoice.")
    results: list[VoidResult]


@router.post(
    "/voids",
    operation_id="voidUsage",
    summary="Take usage events back",
    dependencies=[needs("usage:write", idempotency="exempt", body_bytes_max=BATCH_BYTES_MAX)],
)
def void_usage(asked: VoidRequest, call: CurrentCall) -> VoidResults:
    """The events no longer count. What was billed of them is taken back by the next invoice, as an adjustment of the
    period in which they happened. Each has a result of its own, and it does no harm to send them again.
    """
    keys = [EventKey(event.source, event.id) for event in asked.events]

    def take_back(session: Session) -> list[VoidOutcome]:
        outcomes = void(session, keys)
        if "voided" in outcomes:
            call.audit(session, "usage.voided", "usage")
        return outcomes

    outcomes = call.parts.database.run(take_back)
    counts = Counter(outcomes)
    return VoidResults(
        voided=counts["voided"],
        already_voided=counts["already_voided"],
        unknown=counts["unknown"],
        archived=counts["archived"],
        results=[
            VoidResult(source=key.source, id=key.event_id, result=outcome)
            for key, outcome in zip(keys, outcomes, strict=True)
        ],
    )
