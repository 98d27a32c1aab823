"""What a contract's metered lines have used so far; nothing is claimed by looking."""

from datetime import date, datetime

from pydantic import Field
from sqlmodel import Session

from api.amounts import Quantity
from api.calls import CurrentCall
from api.contracts import existing_contract
from api.fields import Output
from api.routing import api_router, needs
from domain import charges, grid
from domain.due import service_end
from domain.rounding import rounded
from domain.state import ContractState, Item, LineState
from models.contract import state_of
from models.usage_source import measure_of, usage_of
from models.usage_totals import UsageTotals, aggregate

router = api_router("/v1/contracts/{contract_id}", "Contracts")


class UsageGroupOut(Output):
    properties: dict[str, str]
    quantity: Quantity


class UsageStretch(Output):
    """A stretch of the period under one price; its quantities are those that would be billed."""

    from_at: datetime
    to_at: datetime = Field(description="Exclusive.")
    quantity: Quantity
    events: int
    ignored: int = Field(description="Events that had nothing to aggregate.")
    groups: list[UsageGroupOut] = Field(description="The quantity by the properties that the price looks at.")


class LineUsage(Output):
    line: str
    meter: str
    period_start: date
    period_end: date = Field(description="Exclusive.")
    stretches: list[UsageStretch]


class ContractUsage(Output):
    lines: list[LineUsage]


@router.get(
    "/usage",
    operation_id="getContractUsage",
    summary="What the metered lines have used in their running period",
    dependencies=[needs("usage:read")],
)
def get_contract_usage(contract_id: str, call: CurrentCall) -> ContractUsage:
    """A line has several stretches where its price has changed within the period."""
    with call.parts.database.transaction() as session:
        state = state_of(existing_contract(session, contract_id))
        lines = [_line_usage(session, state, progress) for progress in state.lines]
    return ContractUsage(lines=[line for line in lines if line is not None])


def _line_usage(session: Session, state: ContractState, progress: LineState) -> LineUsage | None:
    line, end = state.terms.line(progress.id), service_end(state)
    if line.meter is None or state.over or progress.removed or (end is not None and progress.billed_through >= end):
        return None
    close = grid.period_start(state, line, progress, progress.index + 1)
    through = close if end is None else min(close, end)
    return LineUsage(
        line=line.id,
        meter=line.meter,
        period_start=grid.period_start(state, line, progress, progress.index),
        period_end=through,
        stretches=[
            _stretch(item, _totals(session, state, item)) for item in charges.arrears(state, line, progress, through)
        ],
    )


def _stretch(item: Item, totals: UsageTotals) -> UsageStretch:
    assert item.from_at is not None and item.to_at is not None
    billed = rounded(usage_of(totals), item.round)
    return UsageStretch(
        from_at=item.from_at,
        to_at=item.to_at,
        quantity=billed.total,
        events=totals.event_count,
        ignored=totals.ignored_count,
        groups=[UsageGroupOut(properties=dict(group.properties), quantity=group.quantity) for group in billed.groups],
    )


def _totals(session: Session, state: ContractState, item: Item) -> UsageTotals:
    assert item.from_at is not None and item.to_at is not None
    return aggregate(
        session,
        state.contract_id,
        measure_of(item),
        from_at=item.from_at,
        to_at=item.to_at,
        period_from_at=item.period_from_at,
        period_to_at=item.period_end_at,
    )
