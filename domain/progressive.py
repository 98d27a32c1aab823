"""Progressive billing: usage of the running period is billed as soon as it has passed a limit."""

from dataclasses import replace
from datetime import datetime

from domain import charges, grid
from domain.bill import billed
from domain.commands import BillUsage
from domain.errors import RefusedChange
from domain.line import Line
from domain.period import local_date
from domain.running import contract_period, running
from domain.state import ContractState, Decision, Item, LineState


def bill_usage(state: ContractState, command: BillUsage, at: datetime) -> Decision:
    """The state with the usage of its running periods billed so far; what follows is billed as a difference to it.

    Raises:
        RefusedChange: if the period is over, or was billed for that limit already.
    """
    limits = {limit.id: limit for limit in state.terms.usage_limits}
    starts_on, done = contract_period(running(state)), (command.limit, command.starts_on)
    if command.limit not in limits or limits[command.limit].action != "invoice" or starts_on != command.starts_on:
        raise RefusedChange(f"no limit {command.limit!r} waits to be billed in the period of {command.starts_on}")
    if done in state.limits_billed:
        raise RefusedChange(f"{command.limit} was billed in the period of {command.starts_on} already")
    items: tuple[Item, ...] = ()
    lines = []
    for progress in state.lines:
        line = state.terms.line(progress.id)
        if line.meter is not None and not progress.removed and not progress.skip:
            progress, some = _so_far(state, line, progress)
            items += some
        lines.append(progress)
    kept = tuple(one for one in state.limits_billed if one[1] == command.starts_on)
    state = replace(state, lines=tuple(lines), limits_billed=(*kept, done))
    return billed(
        state, f"usage billed at {command.limit}", items, local_date(at, state.terms.timezone), at, regular=False
    )


def _so_far(state: ContractState, line: Line, progress: LineState) -> tuple[LineState, tuple[Item, ...]]:
    """The whole period: what comes later in it is then late usage, which is billed as the difference."""
    start, close = (grid.period_start(state, line, progress, progress.index + n) for n in (0, 1))
    return replace(progress, interim=start), charges.arrears(state, line, progress, close)
