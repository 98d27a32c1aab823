"""Limits of usage that were passed: what to poll in order to hear of alerts."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from api.amounts import Quantity
from api.calls import CurrentCall
from api.fields import Output
from api.pages import Cursor, Limit, Page, decode_cursor, page
from api.routing import api_router, needs
from models.usage_limit import PassedLimit, passed_limits

router = api_router("/v1/usage", "Usage")


class PassedLimitOut(Output):
    """A limit that usage has reached, once in each period."""

    contract: str
    limit: str = Field(description="Its id in the terms.")
    line: str | None = Field(description="Null where it is of all metered lines together.")
    action: Literal["alert", "cap", "invoice"]
    period_start: date
    bound: Quantity = Field(description="The limit then.")
    used: Quantity = Field(description="What had been used when it was noticed.")
    passed_at: datetime = Field(description="When it was noticed, in real time.")


@router.get(
    "/limits",
    operation_id="listPassedLimits",
    summary="List limits that usage has passed, newest first",
    dependencies=[needs("usage:read")],
)
def list_passed_limits(
    call: CurrentCall,
    contract: Annotated[str | None, Query(max_length=64, description="Only those of this contract.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[PassedLimitOut]:
    """Noticed within seconds after the usage was stored. Each stands in the audit log too, as `usage.limit_passed`."""
    before = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        rows = passed_limits(session, before=before, limit=limit + 1, contract_id=contract)
    return page(rows, limit, _shown)


def _shown(row: PassedLimit) -> PassedLimitOut:
    return PassedLimitOut.model_validate(
        {
            "contract": row.contract_id,
            "limit": row.limit_id,
            "line": row.line_id,
            "action": row.action,
            "period_start": row.starts_on,
            "bound": row.bound,
            "used": row.used,
            "passed_at": row.passed_at,
        }
    )
