"""Usage: events taken in by the batch, each with a result of its own, and those that no contract takes yet."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

import orjson
from fastapi import Response
from pydantic import Field
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from api.bodies import load_json
from api.calls import Call, CurrentCall
from api.cards import may_hold_card_number
from api.fields import Output
from api.pages import Cursor, Limit, Page, decode_cursor, page_by
from api.problems import invalid
from api.routing import api_router, needs
from api.usage_events import DEFAULT_SOURCE, ID_LENGTH_MAX, PROPERTIES_MAX, Rejection, read_event
from models.usage import EventResult, UsageEvent, ingest
from models.usage_waiting import Reason, WaitingEvent, unmatched

BATCH_BYTES_MAX: Final = 8 * 1024 * 1024
BATCH_EVENTS_MAX: Final = 10_000

router = api_router("/v1/usage", "Usage")


class UsageEventResult(Output):
    """What became of one event of the batch; results come in the order of the events."""

    id: str | None = Field(description="The event's id, null where it had none.")
    result: Literal["accepted", "duplicate", "conflict", "rejected"]
    contract: str | None = Field(default=None, description="The contract that it counts for; null while none takes it.")
    reason: str | None = Field(default=None, description="Why it was rejected, and what to do.")
    pointer: str | None = Field(default=None, description="Where in the event the reason lies, as a JSON pointer.")


class UsageResults(Output):
    accepted: int
    duplicate: int = Field(description="Stored before with the same content: sending again does no harm.")
    conflict: int = Field(description="Stored before with other content, which stays.")
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


_EVENT_EXAMPLE: Final = {
    "id": "N14228-2013-01-01T05:17",
    "source": "departures",
    "customer": "airline-UA",
    "event": "departure",
    "at": "2013-01-01T05:17:00-05:00",
    "value": 1,
    "properties": {"origin": "EWR", "seats": 149},
}
_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": ID_LENGTH_MAX}
_EVENT_SCHEMA: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "event", "at"],
    "oneOf": [{"required": ["customer"]}, {"required": ["contract"]}],
    "properties": {
        "id": {**_TEXT, "description": "Unique within its source."},
        "source": {**_TEXT, "default": DEFAULT_SOURCE, "description": "Which system counted it."},
        "customer": {**_TEXT, "description": "The customer's key: the event goes to the contract in force at `at`."},
        "contract": {**_TEXT, "description": "The contract's id, in place of the customer."},
        "event": {**_TEXT, "description": "What happened; meters choose by it."},
        "at": {"type": "string", "format": "date-time"},
        "value": {"type": "number"},
        "properties": {
            "type": "object",
            "maxProperties": PROPERTIES_MAX,
            "additionalProperties": {"type": ["string", "number", "boolean"]},
        },
    },
}
_EVENTS_SCHEMA: Final = {"type": "array", "items": _EVENT_SCHEMA, "maxItems": BATCH_EVENTS_MAX}
_WRAPPED_SCHEMA: Final = {"type": "object", "required": ["events"], "properties": {"events": _EVENTS_SCHEMA}}
_REQUEST_BODY: Final = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"oneOf": [_EVENTS_SCHEMA, {**_WRAPPED_SCHEMA, "additionalProperties": False}]},
            "example": [_EVENT_EXAMPLE],
        }
    },
}


@router.post(
    "",
    operation_id="sendUsage",
    summary="Send a batch of usage events",
    response_model=UsageResults,
    openapi_extra={"requestBody": _REQUEST_BODY},
    dependencies=[needs("usage:write", idempotency="exempt", body_bytes_max=BATCH_BYTES_MAX)],
)
async def send_usage(request: Request, call: CurrentCall) -> Response:
    """Up to 10,000 events, as an array or as `{"events": [...]}`; each has a result of its own.

    An event is unique by `source` and `id`, so a batch can be sent again until it is answered. The answer comes after
    everything accepted is stored for good.
    """
    raw = await request.body()
    return Response(await run_in_threadpool(_take_in, call, raw), media_type="application/json")


def _take_in(call: Call, raw: bytes) -> bytes:
    search_cards = may_hold_card_number(raw)
    read = [read_event(item, search_cards=search_cards) for item in _items(load_json(raw))]
    events = [event for event in read if isinstance(event, UsageEvent)]
    stored = iter(call.parts.database.run(lambda session: _store(session, call, events)) if events else ())
    results = [_stored(each, next(stored)) if isinstance(each, UsageEvent) else _rejected(each) for each in read]
    counts = Counter(result["result"] for result in results)
    summary = {outcome: counts[outcome] for outcome in ("accepted", "duplicate", "conflict", "rejected")}
    return orjson.dumps({**summary, "results": results})


def _items(content: object) -> list[object]:
    if isinstance(content, dict) and content.keys() == {"events"}:
        content = content["events"]
    if not isinstance(content, list):
        raise invalid('Send an array of events, or {"events": [...]}.', "")
    if len(content) > BATCH_EVENTS_MAX:
        raise invalid(f"The batch has more than {BATCH_EVENTS_MAX} events. Split it.", "")
    return content


def _store(session: Session, call: Call, events: Sequence[UsageEvent]) -> list[EventResult]:
    results = ingest(session, events)
    if any(result.outcome == "accepted" for result in results):
        call.audit(session, "usage.accepted", "usage")
    return results


def _stored(event: UsageEvent, result: EventResult) -> dict[str, Any]:
    return {"id": event.event_id, "result": result.outcome, "contract": result.contract_id}


def _rejected(rejection: Rejection) -> dict[str, Any]:
    return {"id": rejection.event_id, "result": "rejected", "reason": rejection.reason, "pointer": rejection.pointer}


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
