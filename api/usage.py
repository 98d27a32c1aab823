"""Usage: events taken in by the batch, each with a result of its own, and those that no contract takes yet."""

from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import Query, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from api.bodies import JSON, BoundedRequest
from api.calls import CurrentCall
from api.fields import Output
from api.pages import Cursor, Limit, Page, decode_cursor, page_by
from api.routing import api_router, needs
from api.usage_batches import Batch, read_batch, read_cloud_batch, read_cloud_event
from api.usage_body import CLOUD_BATCH, CLOUD_EVENT, LINES, MEDIA_TYPES, REQUEST_BODY
from api.usage_intake import take_in
from api.usage_lines import LineReader
from models.usage_waiting import Reason, WaitingEvent, unmatched

BATCH_BYTES_MAX: Final = 8 * 1024 * 1024

Replace = Annotated[bool, Query(description="What was stored with other content is replaced, not a conflict.")]
Atomic = Annotated[bool, Query(description="Store nothing at all if any event is rejected or conflicts.")]

router = api_router("/v1/usage", "Usage")


class UsageEventResult(Output):
    """What became of one event of the batch; results come in the order of the events."""

    id: str | None = Field(description="The event's id, null where it had none.")
    result: Literal["accepted", "duplicate", "conflict", "replaced", "rejected"]
    contract: str | None = Field(default=None, description="The contract that it counts for; null while none takes it.")
    reason: str | None = Field(default=None, description="Why it was rejected, and what to do.")
    pointer: str | None = Field(default=None, description="Where in the event the reason lies, as a JSON pointer.")
    line: int | None = Field(default=None, description="Its line, where each event is one and it was rejected.")


class UsageResults(Output):
    accepted: int
    duplicate: int = Field(description="Stored before with the same content: sending again does no harm.")
    conflict: int = Field(description="Stored before with other content, which stays.")
    replaced: int = Field(description="Took the place of what was stored before; bills made before are corrected.")
    rejected: int
    results: list[UsageEventResult]


class UnmatchedEvent(Output):
    source: str
    id: str
    event: str
    at: datetime
    customer: str | None
    contract: str | None
    reason: Reason


@router.post(
    "",
    operation_id="sendUsage",
    summary="Send a batch of usage events",
    response_model=UsageResults,
    responses={409: {}, 429: {}},
    openapi_extra={"requestBody": REQUEST_BODY},
    dependencies=[
        needs(
            "usage:write",
            idempotency="exempt",
            body_bytes_max=BATCH_BYTES_MAX,
            media_types=MEDIA_TYPES,
            takes_gzip=True,
        )
    ],
)
async def send_usage(
    request: BoundedRequest, call: CurrentCall, atomic: Atomic = False, replace: Replace = False
) -> Response:
    """Up to 10,000 events, as an array, as `{"events": [...]}` or one a line, in our own shape or as CloudEvents 1.0.

    Each has a result of its own. A CloudEvent is told by its `specversion`.

    An event is unique by `source` and `id`, so a batch can be sent again until it is answered. The answer comes after
    everything accepted is stored for good. With `atomic`, the problem's `results` say of each event whether it is
    rejected, conflicts, is a duplicate, or was only withheld because of others.
    """
    # Lines are read as they come, every other shape once it is whole.
    lines = await _read_lines(request) if request.media_type == LINES else None
    raw = b"" if lines else await request.body()
    read = _READERS.get(request.media_type, read_batch)
    with call.parts.usage_batches.place():
        answer = await run_in_threadpool(lambda: take_in(call, lines or read(raw), atomic=atomic, replace=replace))
    return Response(answer, media_type=JSON)


_READERS: Final = {CLOUD_BATCH: read_cloud_batch, CLOUD_EVENT: read_cloud_event}


async def _read_lines(request: BoundedRequest) -> Batch:
    reader = LineReader()
    async for piece in request.pieces():
        await run_in_threadpool(reader.feed, piece)
    return await run_in_threadpool(reader.finish)


@router.get(
    "/unmatched",
    operation_id="listUnmatchedUsage",
    summary="List events that no contract takes, oldest first",
    dependencies=[needs("usage:read")],
)
def list_unmatched(call: CurrentCall, cursor: Cursor = None, limit: Limit = 50) -> Page[UnmatchedEvent]:
    """They wait, and count as soon as a contract takes them. Those of one batch are in the order of their ids."""
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        rows = unmatched(session, after=after or 0, limit=limit + 1)
    return page_by(rows, limit, _shown, lambda row: row.seq)


def _shown(row: WaitingEvent) -> UnmatchedEvent:
    return UnmatchedEvent(
        source=row.source,
        id=row.event_id,
        event=row.event,
        at=row.at,
        customer=row.customer_key,
        contract=row.requested_contract_id,
        reason=row.reason,
    )
