"""What a change of a line's history bills and credits for the days that were billed before."""

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

    Each is an item of its own, to be rounded by itself. Where both cost the same in every stretch there are none.
    Usage that was billed is rated anew, period by period.
    """
    upper = Moment(before.billed_through, first_instant(before.billed_through, state.terms.timezone))
    if since.at >= upper.at:
        return ()
    if line.meter is not None:
        return _rerated(state, changed, after, since, upper)
    old, new = segments(line, before, upper), segments(changed, after, upper)
    credits = charges.between(state, line, before, old, since, upper, "credit")
    debits = charges.between(state, changed, after, new, since, upper)
    by_period: dict[int, list[Item]] = {}
    for item in (*credits, *debits):
        by_period.setdefault(item.period, []).append(item)
    return tuple(item for items in by_period.values() for item in items if not _cancels(items))


def _rerated(
    state: ContractState, changed: Line, after: LineState, since: Moment, upper: Moment
) -> tuple[Item, ...]:
    index = grid.running_index(state, changed, after, since.on)
    start = grid.period_start(state, changed, after, index)
    lower = Moment(start, first_instant(start, state.terms.timezone))
    items = charges.between(state, changed, after, segments(changed, after, upper), lower, upper)
    return tuple(replace(item, rerated=True) for item in items)


def _cancels(items: list[Item]) -> bool:
    """Whether credits and charges of a period are the same thing."""

    def amounts(kind: str) -> list[tuple[object, ...]]:
        return [(i.start, i.end, i.part_days, i.price, i.quantity) for i in items if i.kind == kind]

    return amounts("credit") == amounts("charge")
