"""What a change of a line's history bills and credits for the days that were billed before."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from domain import charges, grid
from domain.line import Line
from domain.period import first_instant
from domain.state import ContractState, Item, LineState
from domain.timeline import Moment, segments


def rebilled(
    state: ContractState, line: Line, changed: Line, before: LineState, after: LineState, since: Moment
) -> tuple[Item, ...]:
    """The items for what was billed from `since` on: the old state's days as credits, the new state's as charges.

    Each is an item of its own, to be rounded by itself. Usage that was billed is rated anew, period by period.
    """
    upper = Moment(before.billed_through, first_instant(before.billed_through, state.terms.timezone))
    if since.at >= upper.at:
        return ()
    if line.meter is not None:
        return _rerated(state, changed, after, since, upper)
    old, new = segments(line, before, upper), segments(changed, after, upper)
    credits = charges.between(state, line, before, old, since, upper, "credit")
    debits = charges.between(state, changed, after, new, since, upper)
    return tuple(sorted((*credits, *debits), key=lambda item: item.period))


def without(items: Iterable[Item], later: Iterable[Item]) -> Iterator[Item]:
    """Those of the items that do not rate a period anew which `later` ones rate anew again."""
    again = {(item.line, item.period) for item in later if item.rerated}
    return (item for item in items if not item.rerated or (item.line, item.period) not in again)


def _rerated(state: ContractState, changed: Line, after: LineState, since: Moment, upper: Moment) -> tuple[Item, ...]:
    index = grid.running_index(state, changed, after, since.on)
    start = grid.period_start(state, changed, after, index)
    lower = Moment(start, first_instant(start, state.terms.timezone))
    items = charges.between(state, changed, after, segments(changed, after, upper), lower, upper)
    return tuple(replace(item, rerated=True) for item in items)
