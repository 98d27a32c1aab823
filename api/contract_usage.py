"""What a contract's metered lines have used so far; nothing is claimed by looking."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field
from sqlmodel import Session

from api.amounts import Quantity
from api.calls import CurrentCall
from api.contracts import existing_contract
from api.fields import Output
from api.routing import api_router, needs
from domain import charges, grid
from domain.due import service_end
from domain.period import first_instant
from domain.rating import Usage
from domain.rounding import rounded
from domain.state import ContractState, Item, LineState
from models.contract import state_of
from models.usage_so_far import Stretch, days_used, so_far
from models.usage_source import measure_of, usage_of
from models.usage_totals import UsageTotals

By = Annotated[Literal["day"] | None, Query(description="Also tell the usage of each day.")]

router = api_router("/v1/contracts/{contract_id}", "Contracts")


class UsageGroupOut(Output):
    properties: dict[str, str]
    quantity: Quantity


class UsageStretch(Output):
    """A stretch of the period under one price; its quantities are those that would be billed."""

    from_at: datetime
    to_at: datetime = Field(description="Exclusive.")
    quantity: Quantity
    events: int = Field(description="With those before the stretch that the meter carries on.")
    ignored: int = Field(description="Events that had nothing to aggregate.")
    groups: list[UsageGroupOut] = Field(description="The quantity by the properties that the price looks at.")


class UsageDay(Output):
    """What the events of one day, in the contract's time zone, come to by themselves, not rounded."""

    day: date
    quantity: Quantity
    events: int
    groups: list[UsageGroupOut]


class LineUsage(Output):
    line: str
    meter: str
    period_start: date
    period_end: date = Field(description="Exclusive.")
    stretches: list[UsageStretch]
    days: list[UsageDay] | None = Field(default=None, description="With `by=day`: the days with any event.")


class ContractUsage(Output):
    lines: list[LineUsage]


@router.get(
    "/usage",
    operation_id="getContractUsage",
    summary="What the metered lines have used in their running period",
    dependencies=[needs("usage:read")],
)
def get_contract_usage(contract_id: str, call: CurrentCall, by: By = None) -> ContractUsage:
    """A line has several stretches where its price has changed within the period.

    It answers from running totals, however many events there are; only distinct values are counted each time. The
    first question about a line counts its events once.
    """
    with call.parts.database.transaction() as session:
        state = state_of(existing_contract(session, contract_id))
        lines = [_line_usage(session, state, progress, by) for progress in state.lines]
    return ContractUsage(lines=[line for line in lines if line is not None])


def _line_usage(session: Session, state: ContractState, progress: LineState, by: By) -> LineUsage | None:
    line, end = state.terms.line(progress.id), service_end(state)
    if line.meter is None or state.over or progress.removed or (end is not None and progress.billed_through >= end):
        return None
    close = grid.period_start(state, line, progress, progress.index + 1)
    through = close if end is None else min(close, end)
    items = charges.arrears(state, line, progress, through)
    return LineUsage(
        line=line.id,
        meter=line.meter,
        period_start=grid.period_start(state, line, progress, progress.index),
        period_end=through,
        stretches=[_stretch(item, _totals(session, state, item, _whole(item))) for item in items],
        days=[day for item in items for day in _days(session, state, item)] if by else None,
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
        groups=_groups(billed),
    )


def _days(session: Session, state: ContractState, item: Item) -> Iterator[UsageDay]:
    """The days of a stretch; a weighted sum weighs the values of a day to the end of the period.

    What is carried on is of no day.
    """
    item, whole, zone = replace(item, carry=False), _whole(item), state.terms.timezone
    for day in days_used(session, state.contract_id, measure_of(item), whole, zone):
        begins_at, ends_at = first_instant(day, zone), first_instant(day + timedelta(days=1), zone)
        part = replace(whole, from_at=max(begins_at, whole.from_at), to_at=min(ends_at, whole.to_at))
        totals = _totals(session, state, item, part) if part.from_at < part.to_at else None
        if totals and totals.event_count:
            yield UsageDay(day=day, quantity=totals.total, events=totals.event_count, groups=_groups(usage_of(totals)))


def _whole(item: Item) -> Stretch:
    """The stretch of an item; the days of a period all weigh by the whole of it."""
    assert item.from_at is not None and item.to_at is not None
    period_from_at, period_to_at = item.period_from_at or item.from_at, item.period_end_at or item.to_at
    return Stretch(item.from_at, item.to_at, period_from_at, period_to_at)


def _totals(session: Session, state: ContractState, item: Item, stretch: Stretch) -> UsageTotals:
    return so_far(session, state.contract_id, measure_of(item), stretch, keep=True)


def _groups(usage: Usage) -> list[UsageGroupOut]:
    return [UsageGroupOut(properties=dict(group.properties), quantity=group.quantity) for group in usage.groups]
