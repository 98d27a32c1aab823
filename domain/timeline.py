"""The history of a line: which quantity and price governed which days, and whether it was served at all."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from domain import grid
from domain.line import Line, Meter
from domain.period import first_instant
from domain.prices import Price
from domain.state import ContractState, LineState, Segment

FOREVER = date.max


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a change takes effect: the local day counts as the new state's, usage is told apart by the instant."""

    on: date
    at: datetime


@dataclass(frozen=True, slots=True)
class Recount:
    """A meter as it counts before and after a change."""

    before: Meter
    after: Meter

    def counted(self, segment: Segment) -> Segment:
        """A segment before the change, which names the meter that counts there if the changed one does not."""
        meter = segment.meter or self.before
        return replace(segment, meter=None if meter == self.after else meter)


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a segment that lies in one period."""

    index: int
    segment: Segment
    start: date
    end: date
    start_at: datetime
    end_at: datetime


def moment(state: ContractState, line: Line, on: date, at: datetime) -> Moment:
    """Where a change at the instant `at`, on the local day `on`, cuts the line's history."""
    exact = line.meter is not None or state.terms.proration == "second"
    midnight = first_instant(on, state.terms.timezone)
    return Moment(on, at if exact and at > midnight else midnight)


def segments(line: Line, progress: LineState, end: Moment) -> list[Segment]:
    """The line's whole history up to `end`."""
    running = Segment(
        progress.since, end.on, progress.since_at, end.at, line.quantity, line.price, progress.off or progress.removed
    )
    history = [*progress.past, running]
    return [s for s in history if s.start_at < s.end_at]


def spans(
    state: ContractState, line: Line, progress: LineState, history: list[Segment], lower: Moment, upper: Moment
) -> Iterator[Span]:
    """The served parts of `history` in [lower, upper), period by period."""
    if line.every == "once" or not history or lower.at >= upper.at:
        return
    zone = state.terms.timezone
    index = grid.running_index(state, line, progress, max(lower.on, progress.origin or state.origin))
    start = grid.period_start(state, line, progress, index)
    while start < upper.on or first_instant(start, zone) < upper.at:
        end = grid.period_start(state, line, progress, index + 1)
        start_at, end_at = first_instant(start, zone), first_instant(end, zone)
        for segment in history:
            from_at = max(segment.start_at, lower.at, start_at)
            to_at = min(segment.end_at, upper.at, end_at)
            if from_at < to_at and not segment.off:
                days = max(segment.start, lower.on, start), min(segment.end, upper.on, end)
                yield Span(index, segment, *days, from_at, to_at)
        index, start = index + 1, end


def cut(
    line: Line,
    progress: LineState,
    at: Moment,
    *,
    quantity: Decimal | None = None,
    price: Price | None = None,
    off: bool | None = None,
    recount: Recount | None = None,
) -> LineState:
    """The history from `at` on with another quantity, another price, served or not, or counted otherwise.

    The line itself and the meter are to be changed by the caller alike: they govern the running segment.
    """

    def changed(segment: Segment) -> Segment:
        return replace(
            segment,
            quantity=segment.quantity if quantity is None else quantity,
            price=price or segment.price,
            off=segment.off if off is None else off,
            meter=segment.meter if recount is None else None,
        )

    def before(segment: Segment) -> Segment:
        return segment if recount is None else recount.counted(segment)

    past: list[Segment] = []
    for segment in progress.past:
        if segment.start_at < at.at:
            past.append(before(replace(segment, end=min(segment.end, at.on), end_at=min(segment.end_at, at.at))))
        if segment.end_at > at.at:
            later = replace(segment, start=max(segment.start, at.on), start_at=max(segment.start_at, at.at))
            past.append(changed(later))
    since, since_at = progress.since, progress.since_at
    if since_at < at.at:
        past.append(before(Segment(since, at.on, since_at, at.at, line.quantity, line.price, progress.off)))
        since, since_at = at.on, at.at
    new_off = progress.off if off is None else off
    now = changed(Segment(since, FOREVER, since_at, since_at, line.quantity, line.price, progress.off))
    kept = _joined([s for s in past if s.start_at < s.end_at])
    # A change that is taken back at the same instant leaves no trace.
    while kept and kept[-1].end_at == since_at and _same(kept[-1], now):
        since, since_at = kept[-1].start, kept[-1].start_at
        kept.pop()
    return replace(progress, past=tuple(kept), since=since, since_at=since_at, off=new_off)


def _joined(history: list[Segment]) -> list[Segment]:
    joined: list[Segment] = []
    for segment in history:
        if joined and joined[-1].end_at == segment.start_at and _same(joined[-1], segment):
            joined[-1] = replace(joined[-1], end=segment.end, end_at=segment.end_at)
        else:
            joined.append(segment)
    return joined


def _same(one: Segment, other: Segment) -> bool:
    return (one.quantity, one.price, one.off, one.meter) == (other.quantity, other.price, other.off, other.meter)
