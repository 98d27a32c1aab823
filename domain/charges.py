"""The items that a line puts on a bill."""

from datetime import date, datetime
from typing import Literal

from domain.period import boundary, first_instant, period_index, regular_period
from domain.state import Item, LineState, Segment
from domain.terms import Line, Terms


def period_start(terms: Terms, line: Line, index: int) -> date:
    """The first day of the line's period `index`; period 0 starts with the contract and may be a stub."""
    return boundary(terms.start, line.every, index, terms.anchor_day)


def running_index(terms: Terms, line: Line, day: date) -> int:
    """The index of the line's period that holds `day`."""
    return period_index(terms.start, line.every, day, terms.anchor_day)


def fixed(terms: Terms, line: Line, kind: Literal["charge", "credit"], start: date, end: date) -> Item:
    """The part `[start, end)` of the period that holds `start`, at the line's present quantity and price."""
    return Item(
        line=line.id,
        kind=kind,
        bill=line.bill,
        start=start,
        end=end,
        part_days=(end - start).days,
        whole_days=_whole_days(terms, line, start),
        price=line.price,
        quantity=line.units,
        recognize=line.pattern,
    )


def running_segment(line: Line, state: LineState, end: date, end_at: datetime) -> Segment:
    """The stretch that the line's present quantity and price have governed up to `end`."""
    return Segment(state.since, end, state.since_at, end_at, line.quantity, line.price)


def arrears(
    terms: Terms, line: Line, state: LineState, through: date, through_at: datetime | None = None
) -> tuple[Item, ...]:
    """What the running period has cost up to `through`, one item for each stretch under one price.

    Days count up to the date, usage up to `through_at` where that is later than the date's first instant.
    """
    midnight = first_instant(through, terms.timezone)
    now = running_segment(line, state, through, (through_at or midnight) if line.meter else midnight)
    stretches = [s for s in (*state.past, now) if s.start_at < s.end_at]
    return tuple(_arrears_item(terms, line, stretch) for stretch in stretches)


def _arrears_item(terms: Terms, line: Line, stretch: Segment) -> Item:
    if line.meter is None:
        then = line.model_copy(update={"price": stretch.price, "quantity": stretch.quantity})
        return fixed(terms, then, "charge", stretch.start, stretch.end)
    meter = terms.meter(line.meter)
    return Item(
        line=line.id,
        kind="usage",
        bill=line.bill,
        start=stretch.start,
        end=stretch.end,
        part_days=(stretch.end - stretch.start).days,
        whole_days=_whole_days(terms, line, stretch.start),
        price=stretch.price,
        recognize=line.pattern,
        event=meter.event_name,
        aggregate=meter.aggregate,
        reads=meter.reads,
        from_at=stretch.start_at,
        to_at=stretch.end_at,
    )


def _whole_days(terms: Terms, line: Line, day: date) -> int:
    """The days of the regular period that holds `day`."""
    return regular_period(terms.start, line.every, running_index(terms, line, day), terms.anchor_day).days
