"""Where the changes of a revision wait, each for the next period of its own line, and what comes with them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from domain import grid
from domain.commands import AddLine, LineChange, Revise
from domain.due import service_end
from domain.errors import RefusedChange
from domain.line import Line, Meter
from domain.offers import PlanVersion
from domain.period import first_instant, local_date
from domain.state import ContractState, LineState, Scheduled


def with_plan(state: ContractState, plan: PlanVersion | None, meters: Iterable[Meter]) -> ContractState:
    """The state whose terms name `plan`, where there is one, and know `meters` beside their own.

    Raises:
        RefusedChange: if the contract counts one of them in another way.
    """
    known = {meter.id: meter for meter in state.terms.meters}
    for meter in meters:
        if known.setdefault(meter.id, meter) != meter:
            raise RefusedChange(f"meter {meter.id} counts otherwise in the contract: give it another id", "/meters")
    changed = {"plan": plan or state.terms.plan, "meters": tuple(known.values())}
    return replace(state, terms=state.terms.model_copy(update=changed))


def by_period(state: ContractState, command: Revise, at: datetime) -> tuple[Scheduled, ...]:
    """The changes by the day on which the next period of their line begins; the last ones bring the plan.

    Raises:
        RefusedChange: if the contract ends before one of these days, or no line runs.
    """
    days: dict[date, list[LineChange]] = {}
    for change in command.changes:
        days.setdefault(_next_period(state, change, at), []).append(change)
    last, end = max(days), service_end(state)
    if end is not None and last >= end:
        raise RefusedChange(f"the contract ends on {end}, before the next period on {last}", "/effective")
    return tuple(
        Scheduled(
            day, tuple(days[day]), command.invoice, plan=command.plan if day == last else None, meters=command.meters
        )
        for day in sorted(days)
    )


def _next_period(state: ContractState, change: LineChange, at: datetime) -> date:
    """The day on which the change prorates nothing. What is billed once follows the first line to come."""
    running = {p.id: p for p in state.lines if not p.removed and state.terms.line(p.id).every != "once"}
    begins = {name: _unbilled(state, progress) for name, progress in running.items()}
    if isinstance(change, AddLine):
        return _first_period(state, change.line, begins, at)
    if change.line in begins:
        return begins[change.line]
    return _earliest(begins.values())


def _unbilled(state: ContractState, progress: LineState) -> date:
    """The first day of the line's first period of which nothing was billed or served."""
    line = state.terms.line(progress.id)
    return grid.period_start(state, line, progress, progress.index + (line.bill == "arrears"))


def _first_period(state: ContractState, line: Line, begins: dict[str, date], at: datetime) -> date:
    """A new line starts with the lines of its frequency, so that it takes over from one; else with its own period."""
    if line.every == "once":
        return _earliest(begins.values())
    same = [day for name, day in begins.items() if state.terms.line(name).every == line.every]
    if same:
        return min(same)
    zone = state.terms.timezone
    progress = LineState(line.id, 0, state.origin, state.origin, first_instant(state.origin, zone))
    index = grid.running_index(state, line, progress, local_date(at, zone))
    start = grid.period_start(state, line, progress, index)
    return start if first_instant(start, zone) >= at else grid.period_start(state, line, progress, index + 1)


def _earliest(days: Iterable[date]) -> date:
    first = min(days, default=None)
    if first is None:
        raise RefusedChange("no line runs", "/effective")
    return first
