"""What operators do to a contract that does not go as it should."""

from dataclasses import replace
from datetime import date, datetime

from domain import grid
from domain.commands import Hold, MoveAnchor, Release, SkipPeriod
from domain.errors import RefusedChange
from domain.interval import interval
from domain.line import Line
from domain.period import local_date
from domain.state import ContractState, Decision, LineState


def move_anchor(state: ContractState, command: MoveAnchor, at: datetime) -> Decision:
    """The state with periods that start on another day of the month, after a part of one that leads up to it."""
    on = local_date(at, state.terms.timezone)
    terms = state.terms.model_copy(update={"anchor_day": command.anchor_day})
    moved = replace(state, version=state.version + 1, terms=terms)
    lines = tuple(_moved(moved, terms.line(progress.id), progress, on) for progress in state.lines)
    return Decision(replace(moved, lines=lines), f"periods start on day {command.anchor_day} of the month")


def skip_period(state: ContractState, command: SkipPeriod, at: datetime) -> Decision:
    """The state with the next period that a line would bill, or each line, free."""
    known = [progress.id for progress in state.lines if not progress.removed]
    if command.line is not None and command.line not in known:
        raise RefusedChange(f"the contract has no line {command.line!r}; it has {', '.join(known)}", "/line")
    lines = tuple(
        replace(progress, skip=progress.skip + 1) if command.line in (None, progress.id) else progress
        for progress in state.lines
    )
    what = command.line or "every line"
    return Decision(replace(state, version=state.version + 1, lines=lines), f"the next period of {what} is free")


def hold(state: ContractState, command: Hold, at: datetime) -> Decision:
    """The state in which invoices are kept back."""
    if state.held is not None:
        raise RefusedChange(f"the contract is held already: {state.held}")
    return Decision(replace(state, version=state.version + 1, held=command.reason), f"held: {command.reason}")


def release(state: ContractState, command: Release, at: datetime) -> Decision:
    """The state in which invoices are charged again, also those that were beyond the contract's bounds."""
    return Decision(replace(state, version=state.version + 1, held=None), "released", released=True)


def _moved(state: ContractState, line: Line, progress: LineState, on: date) -> LineState:
    if line.every == "once" or interval(line.every).days or progress.removed:
        return progress
    if progress.interim is not None:
        reason = f"the period of {line.id} was billed in part: move the anchor once it is over"
        raise RefusedChange(reason, "/anchor_day")
    moved = replace(progress, origin=progress.billed_through, index=0)
    if line.bill == "arrears" and grid.period_start(state, line, moved, 1) <= on:
        raise RefusedChange(
            f"the period of {line.id} runs since {progress.billed_through}, and that day has gone by in it: "
            "move the anchor once it is over",
            "/anchor_day",
        )
    return moved
