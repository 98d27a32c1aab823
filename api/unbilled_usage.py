"""Usage that came after the last invoice of its contract: visible, so that somebody can act on it."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from api.calls import CurrentCall
from api.fields import Output
from api.pages import Cursor, Limit, Page, decode_cursor, page_by
from api.routing import api_router, needs
from models.usage_unbilled import UnbilledEvent, unbilled

router = api_router("/v1/usage", "Usage")


class UnbilledUsageEvent(Output):
    source: str
    id: str
    event: str
    at: datetime
    received_at: datetime
    voided: bool = Field(description="True where it was taken back after it was billed, and nothing credits it.")
    contract: str = Field(description="The contract that is over, and bills nothing any more.")


@router.get(
    "/unbilled",
    operation_id="listUnbilledUsage",
    summary="List events that came after the last invoice of their contract, oldest first",
    dependencies=[needs("usage:read")],
)
def list_unbilled(
    call: CurrentCall,
    contract: Annotated[str | None, Query(max_length=64, description="Only those of this contract.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[UnbilledUsageEvent]:
    """They were accepted, and no invoice will take them up: bill or credit them by hand, or leave them."""
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        rows = unbilled(session, after=after or 0, limit=limit + 1, contract_id=contract)
    return page_by(rows, limit, _shown, lambda row: row.seq)


def _shown(row: UnbilledEvent) -> UnbilledUsageEvent:
    return UnbilledUsageEvent(
        source=row.source,
        id=row.event_id,
        event=row.event,
        at=row.at,
        received_at=row.received_at,
        voided=row.voided,
        contract=row.contract_id,
    )
