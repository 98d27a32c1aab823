"""The items that a line puts on a bill."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from domain import grid
from domain.line import BY_MONTH, DELIVERED, Line
from domain.offers import Commitment, PrepaidCredits
from domain.period import first_instant
from domain.prices import Flat
from domain.proration import part
from domain.state import ContractState, Item, LineState, Segment
from domain.timeline import Moment, Span, segments, spans

ONE_DAY = timedelta(days=1)


def whole(state: ContractState, line: Line, progress: LineState, start: date, end: date) -> Item:
    """The charge for [start, end) of the running period, all of it at the line's present quantity and price."""
    zone = state.terms.timezone
    segment = Segment(start, end, first_instant(start, zone), first_instant(end, zone), line.quantity, line.price)
    span = Span(progress.index, segment, start, end, segment.start_at, segment.end_at)
    return _fixed(state, line, progress, span, "charge")


def once(line: Line, on: date) -> Item:
    """The charge of a line that is billed once, on the day `on`."""
    return Item(
        line=line.id,
        kind="charge",
        bill=line.bill,
        start=on,
        end=on + ONE_DAY,
        part_days=1,
        whole_days=1,
        price=line.price,
        quantity=line.units,
        recognize=line.pattern,
    )


def between(
    state: ContractState,
    line: Line,
    progress: LineState,
    history: list[Segment],
    lower: Moment,
    upper: Moment,
    kind: Literal["charge", "credit"] = "charge",
) -> tuple[Item, ...]:
    """What `history` costs in [lower, upper): an item for each stretch of each period, of usage or of a quantity."""
    parts = spans(state, line, progress, history, lower, upper)
    if line.meter is not None:
        return tuple(_usage(state, line, progress, span, history) for span in parts)
    by_second = state.terms.proration == "second"
    return tuple(_fixed(state, line, progress, span, kind) for span in parts if by_second or span.start < span.end)


def arrears(
    state: ContractState, line: Line, progress: LineState, through: date, through_at: datetime | None = None
) -> tuple[Item, ...]:
    """What the running period has cost up to `through`, one item for each stretch under one price.

    Days count up to the date, usage up to `through_at` where that is later than the date's first instant. Where the
    period was billed in part, all of it is rated again.
    """
    if progress.removed and progress.billed_through >= progress.since:
        # Its last day was billed up to the instant at which it was removed.
        return ()
    zone = state.terms.timezone
    midnight = first_instant(through, zone)
    exact = line.meter is not None or state.terms.proration == "second"
    upper = Moment(through, max(through_at or midnight, midnight) if exact else midnight)
    start = progress.interim or progress.billed_through
    lower = Moment(start, first_instant(start, zone))
    items = between(state, line, progress, segments(line, progress, upper), lower, upper)
    return tuple(replace(item, rerated=True) for item in items) if progress.interim else items


def accrued(state: ContractState, line: Line, progress: LineState, through: date) -> tuple[Item, ...]:
    """What the running period has earned up to `through` and is billed only when it ends.

    What is earned by delivery or in months stands there whole: that decides, not the days. So does a period that was
    billed in part, of which all usage is compared with what was billed.
    """
    if line.every == "once":
        return (once(line, progress.billed_through),) if line.pattern in DELIVERED else ()
    if line.pattern == "immediately":
        return ()
    if line.pattern in DELIVERED or line.pattern in BY_MONTH or progress.interim:
        through = grid.period_start(state, line, progress, progress.index + 1)
    return arrears(state, line, progress, through)


def prepaid(credit: PrepaidCredits, on: date) -> Item:
    """The purchase of prepaid credits."""
    return Item(
        line=credit.id,
        kind="prepaid",
        bill="advance",
        start=on,
        end=on + ONE_DAY,
        part_days=1,
        whole_days=1,
        price=Flat(model="flat", amount=credit.paid),
        quantity=Decimal(1),
        recognize="as_used",
    )


def true_up(state: ContractState, commitment: Commitment, index: int, end: date) -> Item:
    """What is due for a commitment's window `index`, which ends on the day `end`."""
    start = grid.window_start(state, commitment.every, index)
    regular = grid.whole_window(state, commitment.every, index)
    return Item(
        line=commitment.id,
        kind="true_up",
        bill="arrears",
        start=start,
        end=end,
        part_days=(end - start).days,
        whole_days=regular.days,
        price=Flat(model="flat", amount=commitment.amount),
        quantity=Decimal(1),
        recognize="immediately",
        period=index,
    )


def carried(items: Iterable[Item]) -> tuple[Item, ...]:
    """Items that wait for the next regular invoice."""
    return tuple(replace(item, carried=True) for item in items)


def _fixed(
    state: ContractState, line: Line, progress: LineState, span: Span, kind: Literal["charge", "credit"]
) -> Item:
    regular = grid.whole_period(state, line, progress, span.index)
    terms = state.terms
    if terms.proration != "second" and (span.start, span.end) == (regular.start, regular.end):
        share = regular.days, regular.days
    else:
        share = part(terms.proration, span.start, span.end, regular, terms.timezone, span.start_at, span.end_at)
    units = Decimal(1) if span.segment.quantity is None else span.segment.quantity
    return Item(
        line=line.id,
        kind=kind,
        bill=line.bill,
        start=span.start,
        end=span.end,
        part_days=share[0],
        whole_days=share[1],
        price=span.segment.price,
        quantity=units,
        recognize=line.pattern,
        period=span.index,
    )


def _usage(state: ContractState, line: Line, progress: LineState, span: Span, history: list[Segment]) -> Item:
    assert line.meter is not None
    meter, zone = span.segment.meter or state.terms.meter(line.meter), state.terms.timezone
    start = grid.period_start(state, line, progress, span.index)
    end = grid.period_start(state, line, progress, span.index + 1)
    start_at = first_instant(start, zone)
    regular = grid.whole_period(state, line, progress, span.index)
    served_before = any(
        not segment.off and max(segment.start_at, start_at) < min(segment.end_at, span.start_at) for segment in history
    )
    return Item(
        line=line.id,
        kind="usage",
        bill=line.bill,
        start=span.start,
        end=span.end,
        part_days=(span.end - span.start).days,
        whole_days=regular.days,
        price=span.segment.price,
        recognize=line.pattern,
        event=meter.event_name,
        aggregate=meter.aggregate,
        reads=meter.reads,
        filters=meter.filters,
        expression=meter.expression,
        round=meter.round,
        carry=meter.carry and not served_before,
        from_at=span.start_at,
        to_at=span.end_at,
        period_start=start,
        period_from_at=start_at,
        period_end_at=first_instant(end, zone),
        period=span.index,
    )
