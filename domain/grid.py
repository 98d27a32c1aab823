"""Where the billing periods of a contract's lines and commitments lie."""

from datetime import date

from domain.interval import Every, interval
from domain.line import Line
from domain.period import Period, boundary, period_index, regular_period
from domain.state import ContractState, LineState


def period_start(state: ContractState, line: Line, progress: LineState, index: int) -> date:
    """The first day of the line's period `index`. Period 0 starts with the contract's billing and may be a stub."""
    assert line.every != "once"
    day, month = _anchor(state, line.every)
    return boundary(progress.origin or state.origin, line.every, index, day, month)


def running_index(state: ContractState, line: Line, progress: LineState, on: date) -> int:
    """The index of the line's period that holds the day `on`."""
    assert line.every != "once"
    day, month = _anchor(state, line.every)
    return period_index(progress.origin or state.origin, line.every, on, day, month)


def whole_period(state: ContractState, line: Line, progress: LineState, index: int) -> Period:
    """The regular period that ends where period `index` does: what a part of it costs is measured against it."""
    assert line.every != "once"
    day, month = _anchor(state, line.every)
    return regular_period(progress.origin or state.origin, line.every, index, day, month)


def window_start(state: ContractState, every: Every, index: int) -> date:
    """The first day of window `index` of a commitment."""
    day, month = _anchor(state, every)
    return boundary(state.origin, every, index, day, month)


def whole_window(state: ContractState, every: Every, index: int) -> Period:
    """The regular window that ends where window `index` does."""
    day, month = _anchor(state, every)
    return regular_period(state.origin, every, index, day, month)


def _anchor(state: ContractState, every: Every) -> tuple[int | None, int | None]:
    """The anchor of periods of months; periods of days start where billing does."""
    terms = state.terms
    if terms.anchor_day is None and terms.anchor_month is None:
        return None, None
    return (None, None) if interval(every).days else (terms.anchor_day, terms.anchor_month)
