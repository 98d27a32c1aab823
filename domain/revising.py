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
from domain.recounting import changed_meters, readers
from domain.state import ContractState, LineState, Scheduled


def with_plan(state: ContractState, plan: PlanVersion | None, meters: Iterable[Meter]) -> ContractState:
    """The state whose terms name `plan`, where there is one, and know those of `meters` that they did not know."""
    known = {meter.id: meter for meter in (*meters, *state.terms.meters)}
    own = tuple(meter.id for meter in state.terms.meters)
    ordered = dict.fromkeys((*own, *known))
    changed = {"plan": plan or state.terms.plan, "meters": tuple(known[id_] for id_ in ordered)}
    return replace(state, terms=state.terms.model_copy(update=changed))


def by_period(state: ContractState, command: Revise, at: datetime) -> tuple[Scheduled, ...]:
    """The changes by the day on which the next period of their line begins; the last ones bring the plan.

    A meter that counts otherwise does so from the first day on which a period of a line that reads it begins.

    Raises:
        RefusedChange: if the contract ends before one of these days, or no line runs.
    """
    days: dict[date, list[LineChange]] = {}
    for change in command.changes:
        days.setdefault(_next_period(state, change, at), []).append(change)
    changed = {one.after.id: _first_counted(state, one.after) for one in changed_meters(state, command.meters)}
    for day in changed.values():
        days.setdefault(day, [])
    last, end = max(days), service_end(state)
    if end is not None and last >= end:
        raise RefusedChange(f"the contract ends on {end}, before the next period on {last}", "/effective")
    return tuple(
        Scheduled(
            day,
            tuple(days[day]),
            command.invoice,
            plan=command.plan if day == last else None,
            meters=tuple(meter for meter in command.meters if changed.get(meter.id, day) == day),
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


def _first_counted(state: ContractState, meter: Meter) -> date:
    """The first day of a period of which nothing was billed, of the lines that read the meter, else of any."""
    reading = readers(state, (meter,))
    running = [p for p in state.lines if not p.removed and state.terms.line(p.id).every != "once"]
    return _earliest(_unbilled(state, progress) for progress in running if not reading or progress.id in reading)


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
