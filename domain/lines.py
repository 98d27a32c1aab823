"""Lines that come to a contract and lines that leave it."""

from dataclasses import replace
from datetime import date, datetime

from domain import charges, grid
from domain.commands import RemoveLine
from domain.due import service_end
from domain.errors import RefusedChange
from domain.line import Line
from domain.period import first_instant
from domain.rebilling import rebilled
from domain.state import ContractState, Item, LineState
from domain.timeline import Moment, cut, moment, segments


def add(
    state: ContractState, line: Line, effective_on: date, on: date, at: datetime
) -> tuple[ContractState, tuple[Item, ...]]:
    """The state with one more line, served from `effective_on`, and what it bills for days up to its next boundary."""
    served = [progress.id for progress in state.lines if not progress.removed]
    if line.id in served:
        raise RefusedChange(f"the contract has a line {line.id!r} already: change it, or choose another id", "/line/id")
    terms = state.terms
    others = tuple(one for one in terms.lines if one.id != line.id)
    state = replace(
        state,
        terms=terms.model_copy(update={"lines": (*others, line)}),
        lines=tuple(progress for progress in state.lines if progress.id != line.id),
    )
    if not state.started:
        start_at = first_instant(state.origin, terms.timezone)
        progress = LineState(line.id, 0, state.origin, state.origin, start_at)
        return replace(state, lines=(*state.lines, progress)), ()
    if effective_on < state.origin:
        raise RefusedChange(f"effective {effective_on} is before {state.origin}, when billing starts", "/effective")
    when = moment(state, line, effective_on, at if effective_on == on else first_instant(effective_on, terms.timezone))
    progress = LineState(line.id, 0, when.on, when.on, when.at, off=state.paused_on is not None)
    if line.every == "once":
        items: tuple[Item, ...] = (charges.once(line, on),) if line.bill == "advance" else ()
        return replace(state, lines=(*state.lines, replace(progress, index=len(items)))), items
    progress, items = _catch_up(state, line, progress, when, on)
    return replace(state, lines=(*state.lines, progress)), items


def _catch_up(
    state: ContractState, line: Line, progress: LineState, when: Moment, on: date
) -> tuple[LineState, tuple[Item, ...]]:
    """What a line that is served from `when` has to bill by now: the period that runs in advance, else those closed."""
    zone, end = state.terms.timezone, service_end(state)
    index = grid.running_index(state, line, progress, when.on)
    if state.terms.proration == "none" and grid.period_start(state, line, progress, index) != when.on:
        index += 1
        start = grid.period_start(state, line, progress, index)
        return replace(
            progress, index=index, since=start, billed_through=start, since_at=first_instant(start, zone)
        ), ()
    through = when.on
    while True:
        start, close = (grid.period_start(state, line, progress, index + n) for n in (0, 1))
        # A period that begins today is billed with all else that is due today.
        bills = start < on if line.bill == "advance" else close <= on
        if not bills or (end is not None and start >= end):
            break
        index, through = index + 1, close if end is None else min(close, end)
    upper = Moment(through, first_instant(through, zone))
    progress = replace(progress, index=index, billed_through=through)
    return progress, charges.between(state, line, progress, segments(line, progress, upper), when, upper)


def remove(
    state: ContractState, command: RemoveLine, effective_on: date, on: date, at: datetime
) -> tuple[ContractState, tuple[Item, ...]]:
    """The state without a line from `effective_on` on: unused days are credited, used days billed."""
    served = [progress for progress in state.lines if not progress.removed]
    known = {progress.id: progress for progress in served}
    if command.line not in known:
        raise RefusedChange(f"the contract has no line {command.line!r}; it has {', '.join(known)}", "/line")
    line, progress = state.terms.line(command.line), known[command.line]
    if not state.started or line.every == "once":
        return replaced(state, replace(progress, removed=True, off=True, index=1, since=progress.billed_through)), ()
    if effective_on < state.origin:
        raise RefusedChange(f"effective {effective_on} is before {state.origin}, when billing starts", "/effective")
    zone = state.terms.timezone
    when = moment(state, line, effective_on, at if effective_on == on else first_instant(effective_on, zone))
    after = replace(cut(line, progress, when, off=True), upcoming=None)
    items = () if state.terms.proration == "none" else rebilled(state, line, line, progress, after, when)
    if line.bill == "arrears" and command.invoice == "now" and after.billed_through < when.on:
        items += charges.arrears(state, line, after, when.on, when.at)
        after = replace(after, billed_through=when.on)
    return replaced(state, replace(after, removed=True)), items


def replaced(state: ContractState, changed: LineState) -> ContractState:
    """The state with the progress of one line replaced."""
    return replace(state, lines=tuple(changed if p.id == changed.id else p for p in state.lines))
