"""Meters that count otherwise from a day on: each line that reads one has another stretch from there."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from domain import grid
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


def counting(state: ContractState, meters: Iterable[Meter]) -> ContractState:
    """The state whose terms have `meters` in the place of those of their ids."""
    changed = {meter.id: meter for meter in meters}
    counted = tuple(changed.get(meter.id, meter) for meter in state.terms.meters)
    return replace(state, terms=state.terms.model_copy(update={"meters": counted}))


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
        state = counting(state, (change.after,))
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
    close = grid.period_start(state, line, progress, progress.index + 1)
    claimed = bool(items) or (progress.interim is not None and when.on < close)
    if claimed and _claimed(change.before) != _claimed(change.after):
        raise RefusedChange(
            f"meter {change.after.id} would count other events of days that were billed: "
            f"let it change from {close if progress.interim else progress.billed_through} on",
            "/effective",
        )
    return replaced(state, after), items


def _claimed(meter: Meter) -> tuple[object, ...]:
    """By what claims know the events that came late for what they counted."""
    return meter.event_name, meter.filters, meter.carry
