"""Meters that count otherwise from a day on: each line that reads one has another stretch from there."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from domain.errors import RefusedChange
from domain.line import Line, Meter
from domain.lines import replaced
from domain.period import first_instant
from domain.rebilling import rebilled
from domain.state import ContractState, Item, LineState
from domain.timeline import Recount, cut, moment


def changed_meters(state: ContractState, meters: Iterable[Meter]) -> tuple[Recount, ...]:
    """Those of the meters that the contract knows and counts in another way."""
    known = {meter.id: meter for meter in state.terms.meters}
    return tuple(Recount(known[meter.id], meter) for meter in meters if known.get(meter.id, meter) != meter)


def readers(state: ContractState, meters: Iterable[Meter]) -> set[str]:
    """The ids of the lines that read one of the meters and are served."""
    ids = {meter.id for meter in meters}
    return {p.id for p in state.lines if not p.removed and state.terms.line(p.id).meter in ids}


def recount(
    state: ContractState, meters: Iterable[Meter], effective_on: date, on: date, at: datetime
) -> tuple[ContractState, tuple[Item, ...]]:
    """The state whose meters count like `meters` from the day `effective_on`, and what was billed to be rated anew.

    Raises:
        RefusedChange: if that day is before the contract's first, or what was billed since would read other events.
    """
    items: tuple[Item, ...] = ()
    for change in changed_meters(state, meters):
        before = state
        counted = tuple(change.after if meter.id == change.after.id else meter for meter in state.terms.meters)
        state = replace(state, terms=state.terms.model_copy(update={"meters": counted}))
        if not state.started:
            continue
        if effective_on < state.origin:
            raise RefusedChange(f"effective {effective_on} is before {state.origin}, when billing starts", "/effective")
        for progress in before.lines:
            line = state.terms.line(progress.id)
            if line.meter == change.after.id:
                state, billed = _recount_line(state, line, progress, change, effective_on, on, at)
                items += billed
    return state, items


def _recount_line(
    state: ContractState, line: Line, progress: LineState, change: Recount, effective_on: date, on: date, at: datetime
) -> tuple[ContractState, tuple[Item, ...]]:
    midnight = first_instant(effective_on, state.terms.timezone)
    when = moment(state, line, effective_on, at if effective_on == on else midnight)
    after = cut(line, progress, when, recount=change)
    items = rebilled(state, line, line, progress, after, when)
    same_events = (change.before.event_name, change.before.filters) == (change.after.event_name, change.after.filters)
    if items and not same_events:
        # Claims know what came late for a period by the events and filters that they counted.
        raise RefusedChange(
            f"meter {change.after.id} would count other events of days that were billed: "
            f"let it change from {progress.billed_through} on",
            "/effective",
        )
    return replaced(state, after), items
