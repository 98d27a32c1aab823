"""Usage, read back: the events that are stored, and of one what became of it."""

from datetime import date, datetime
from typing import Annotated, Any, Final

import orjson
from fastapi import Query, Response
from pydantic import AwareDatetime, Field

from api.amounts import Quantity
from api.bodies import JSON
from api.calls import CurrentCall
from api.fields import Output
from api.pages import Cursor, Limit, Page, decode_cursor, encode_cursor
from api.problems import Problem
from api.routing import api_router, needs
from api.usage_events import DEFAULT_SOURCE
from api.usage_fields import ID_LENGTH_MAX
from models import usage_reading as reading
from models.usage_reading import Counted, EventFilter, ReadEvent
from models.usage_waiting import Reason

router = api_router("/v1/usage", "Usage")

Word = Annotated[str | None, Query(max_length=ID_LENGTH_MAX)]
Customer = Annotated[str | None, Query(max_length=ID_LENGTH_MAX, description="The customer's id, or its key.")]


class UsageEventOut(Output):
    """An event as it was sent, and the contract that it counts for."""

    id: str = Field(examples=["N14228-2013-01-01T05:17"])
    source: str = Field(examples=["departures"])
    customer: str | None = Field(description="The customer's key, where it was sent with one.", examples=["airline-UA"])
    contract: str | None = Field(description="The contract's id, where it was sent with one.")
    event: str = Field(examples=["departure"])
    at: datetime = Field(examples=["2013-01-01T10:17:00Z"])
    value: Quantity | None = Field(description="Null where it was sent without one.")
    properties: dict[str, Any] = Field(examples=[{"origin": "EWR", "seats": 149}])
    counts_for: str | None = Field(description="The contract that it counts for; null while none takes it.")
    received_at: datetime
    voided: bool = Field(description="It was taken back, or replaced by another version, and no longer counts.")


class BilledOn(Output):
    """The line of an invoice that billed a claim on usage."""

    invoice_id: str
    number: str = Field(examples=["INV-000007"])
    status: str = Field(description="Of the invoice, such as `open`, `paid` or `void`.", examples=["paid"])
    line: int = Field(description="Its place among the invoice's `lines`, from 1.", examples=[2])
    kind: str = Field(examples=["usage"])
    description: str = Field(examples=["departures"])


class CountedBy(Output):
    """A count of a line's usage that this event is in, or that takes it back."""

    id: str = Field(description="The count's own id.")
    line: str = Field(description="The contract's line.", examples=["departures"])
    period_start: date
    period_end: date = Field(description="Exclusive.")
    late: bool = Field(description="It came after the period's usage was first counted.")
    aggregate: str = Field(description="How the line counts.", examples=["sum"])
    reads: str = Field(description="What of the event it counts.", examples=["seats"])
    expression: str | None = Field(description="What it counts in place of that, computed from the event.")
    takes_back: bool = Field(description="An earlier count has it, and this one no longer, since it was voided.")
    billed_on: BilledOn | None = Field(description="Null while no invoice has it.")


class UsageEventTraced(UsageEventOut):
    """An event, and what became of it."""

    waits_because: Reason | None = Field(description="Why no contract takes it; null where one does or it is voided.")
    counted_by: list[CountedBy] = Field(description="Empty until its period is rated.")


@router.get(
    "/events",
    operation_id="listUsageEvents",
    summary="List usage events in the order they came",
    response_model=Page[UsageEventOut],
    dependencies=[needs("usage:read")],
)
def list_usage_events(
    call: CurrentCall,
    cursor: Cursor = None,
    limit: Limit = 50,
    contract: Annotated[
        str | None, Query(max_length=ID_LENGTH_MAX, description="The contract that they count for.")
    ] = None,
    customer: Customer = None,
    source: Word = None,
    event: Word = None,
    from_at: Annotated[AwareDatetime | None, Query(alias="from", description="The first instant.")] = None,
    to_at: Annotated[AwareDatetime | None, Query(alias="to", description="Exclusive.")] = None,
    voided: Annotated[bool, Query(description="Also what was taken back, and versions that were replaced.")] = False,
) -> Response:
    """An event that is replaced, or joins or leaves a contract, comes anew, at the end. The numbers in `properties`
    have every digit that was sent. Months whose events are archived are not listed."""
    wanted = EventFilter(
        contract_id=contract,
        customer=customer,
        source=source,
        event=event,
        from_at=from_at,
        to_at=to_at,
        with_voided=voided,
    )
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        rows = reading.list_events(session, wanted, after=after or 0, limit=limit + 1)
    next_cursor = encode_cursor(rows[limit - 1].seq) if len(rows) > limit else None
    return _answer({"items": [_shown(row) for row in rows[:limit]], "next_cursor": next_cursor})


@router.get(
    "/event",
    operation_id="getUsageEvent",
    summary="Read a usage event, and what became of it",
    response_model=UsageEventTraced,
    responses={404: {}},
    dependencies=[needs("usage:read")],
)
def get_usage_event(
    call: CurrentCall,
    event_id: Annotated[str, Query(alias="id", min_length=1, max_length=ID_LENGTH_MAX)],
    source: Annotated[str, Query(min_length=1, max_length=ID_LENGTH_MAX)] = DEFAULT_SOURCE,
) -> Response:
    """The contract that it counts for or why it waits, each count that it is in, and the line of the invoice that
    billed it. Ids and sources may hold any character, so they are parameters."""
    with call.parts.database.transaction() as session:
        found = reading.find_event(session, source, event_id)
        if found is None:
            raise Problem(404, "not-found", "There is no event with this source and id. Check both.")
        if found == "archived":
            raise Problem(404, "archived", "The events of its month are archived. Look for it in that month's file.")
        waits, counted = reading.waits_because(session, found), reading.counted_by(session, found)
    return _answer(_shown(found) | {"waits_because": waits, "counted_by": [_counted(claim) for claim in counted]})


def _shown(row: ReadEvent) -> dict[str, Any]:
    return {
        "id": row.event_id,
        "source": row.source,
        "customer": row.customer_key,
        "contract": row.requested_contract_id,
        "event": row.event,
        "at": row.at,
        "value": None if row.value is None else f"{row.value:f}",
        # Written as the database holds it: a model would pass its numbers through floats.
        "properties": orjson.Fragment(row.properties),
        "counts_for": row.contract_id,
        "received_at": row.received_at,
        "voided": row.voided_seq is not None,
    }


def _counted(claim: Counted) -> dict[str, Any]:
    billed_on = claim.invoice_id and {
        "invoice_id": claim.invoice_id,
        "number": claim.number,
        "status": claim.status,
        "line": claim.position,
        "kind": claim.kind,
        "description": claim.description,
    }
    return {
        "id": claim.rated_line_id,
        "line": claim.line_id,
        "period_start": claim.period_start,
        "period_end": claim.period_end,
        "late": claim.generation > 0,
        "aggregate": claim.aggregate,
        "reads": claim.reads,
        "expression": claim.expression,
        "takes_back": claim.takes_back,
        "billed_on": billed_on,
    }


# Instants end in Z, as models write them.
_OPTIONS: Final = orjson.OPT_UTC_Z


def _answer(content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content, option=_OPTIONS), media_type=JSON)
