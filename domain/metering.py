"""Usage events in memory, and the one quantity that a meter makes of them; `models.usage_totals` does it in SQL."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce

from domain.expression import evaluate
from domain.expression_text import parse
from domain.filters import Filter, Property, number_of, passes, text_of
from domain.line import Aggregate
from domain.money import UNROUNDED, round_ratio, trimmed
from domain.prices import ZERO
from domain.rating import QUOTIENT_DECIMALS, Group, Usage

# What a meter `reads` to get the event's own value instead of a property.
VALUE = "value"
__all__ = ["VALUE", "Event", "Property", "aggregate", "microseconds"]

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was used at the instant `at`; `id` is unique among the contract's events."""

    id: str
    at: datetime
    value: Decimal | None = None
    properties: Mapping[str, Property] = field(default_factory=dict)


def aggregate(
    aggregate_name: Aggregate,
    events: Iterable[Event],
    *,
    reads: str = VALUE,
    expression: str | None = None,
    filters: Sequence[Filter] = (),
    carry: bool = False,
    from_at: datetime,
    to_at: datetime,
    period_from_at: datetime | None = None,
    period_to_at: datetime | None = None,
    until: datetime | None = None,
    group_by: Sequence[str] = (),
    each_event: bool = False,
) -> Usage:
    """The quantity of the events in `[from_at, to_at)`, in total and by the properties in `group_by`; zero if none.

    `events` come in the order of their arrival: of two at one instant the later one is the latest. The values of
    `each_event` stand by time and then by id. What has nothing to read counts for `count` alone: the property is
    missing, or is no number where one is needed; an `expression`, which stands in place of `reads`, has no result. What
    `filters` exclude is as if it had never come.

    To `carry` is to begin with what held at `from_at`, of all that came before: the balance of a sum or a weighted sum,
    the last value for the latest and the greatest. It stands there as an event at `from_at` would.

    For a weighted sum each value counts for the share of the period that is left when it comes; the period is
    `[from_at, to_at)` unless it is given. With `until` only what is before that instant counts, and a value weighs
    only up to it. An average and a weighted sum are held to `QUOTIENT_DECIMALS`, half away from zero.

    Raises:
        ValueError: if a weighted sum is asked for a period without length.
    """
    starts_at, ends_at = period_from_at or from_at, period_to_at or to_at
    if aggregate_name == "weighted_sum" and starts_at >= ends_at:
        raise ValueError(f"a weighted sum needs a period, and {ends_at} is not after {starts_at}")
    counts_to = to_at if until is None else min(to_at, until)
    used = [
        event
        for event in events
        if (carry or from_at <= event.at) and event.at < counts_to and passes(event.properties, filters)
    ]
    read = _Read(reads, expression)
    runs_to = ends_at if until is None else min(ends_at, until)
    measure = _Measure(aggregate_name, read, from_at, runs_to, microseconds(starts_at, ends_at))
    groups: dict[tuple[tuple[str, str], ...], list[Event]] = {}
    if group_by:
        for event in used:
            groups.setdefault(_properties(event, group_by), []).append(event)
    return Usage(
        measure.quantity(used),
        tuple(Group(dict(key), measure.quantity(groups[key])) for key in sorted(groups)),
        _in_order(used, read) if each_event else (),
    )


def microseconds(from_at: datetime, to_at: datetime) -> int:
    """The time from one instant to the other, in whole microseconds."""
    return (to_at - from_at) // _MICROSECOND


@dataclass(frozen=True, slots=True)
class _Read:
    """What is read of an event: a property or its own value, or what an expression makes of them."""

    reads: str
    expression: str | None

    def number(self, event: Event) -> Decimal | None:
        if self.expression is not None:
            return evaluate(parse(self.expression), event.value, event.properties)
        return event.value if self.reads == VALUE else number_of(event.properties.get(self.reads))

    def distinct(self, event: Event) -> Decimal | str | None:
        """What tells the event apart: a number, or a property as text, so that 1.0 and 1.00 are two."""
        if self.expression is not None or self.reads == VALUE:
            return self.number(event)
        return text_of(event.properties[self.reads]) if self.reads in event.properties else None


@dataclass(frozen=True, slots=True)
class _Measure:
    """How to make a quantity of events that are known to count, those before `from_at` carried on.

    Weights run from an event, or from there, to `runs_to`, and are shares of a period of so many `microseconds`.
    """

    aggregate: Aggregate
    read: _Read
    from_at: datetime
    runs_to: datetime
    microseconds: int

    def quantity(self, used: Sequence[Event]) -> Decimal:
        if self.aggregate == "count":
            return Decimal(len(used))
        if self.aggregate == "unique":
            return Decimal(len({self.read.distinct(event) for event in used} - {None}))
        read = _numbers(used, self.read)
        return self._of(read) if read else ZERO

    def _of(self, read: Sequence[tuple[datetime, Decimal]]) -> Decimal:
        match self.aggregate:
            case "max":
                return max(number for _, number in self._levels(read))
            case "min":
                return min(number for _, number in read)
            case "latest":
                return _last(read)[1]
            case "average":
                return _quotient(_sum(number for _, number in read), len(read))
            case "weighted_sum":
                weighted = (UNROUNDED.multiply(number, self._weight(at)) for at, number in read)
                return _quotient(_sum(weighted), self.microseconds)
            case _:
                return _sum(number for _, number in read)

    def _weight(self, at: datetime) -> int:
        return max(0, microseconds(max(at, self.from_at), self.runs_to))

    def _levels(self, read: Sequence[tuple[datetime, Decimal]]) -> list[tuple[datetime, Decimal]]:
        """What was read since `from_at`, and the last before it."""
        before = [found for found in read if found[0] < self.from_at]
        return [*(found for found in read if found[0] >= self.from_at), *([_last(before)] if before else [])]


def _last(read: Sequence[tuple[datetime, Decimal]]) -> tuple[datetime, Decimal]:
    # Of equals `max` gives the first, which in reverse is the last to arrive.
    return max(reversed(read), key=lambda found: found[0])


def _in_order(used: Sequence[Event], read: _Read) -> tuple[Decimal, ...]:
    return tuple(number for _, number in _numbers(sorted(used, key=lambda event: (event.at, event.id)), read))


def _numbers(used: Sequence[Event], read: _Read) -> list[tuple[datetime, Decimal]]:
    """When and what there is to aggregate."""
    return [(event.at, number) for event in used if (number := read.number(event)) is not None]


def _properties(event: Event, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, text_of(event.properties[name])) for name in names if name in event.properties)


def _quotient(dividend: Decimal, divisor: int) -> Decimal:
    numerator, denominator = dividend.as_integer_ratio()
    held = round_ratio(numerator * 10**QUOTIENT_DECIMALS, denominator * divisor)
    return trimmed(Decimal(held).scaleb(-QUOTIENT_DECIMALS, UNROUNDED))


def _sum(numbers: Iterable[Decimal]) -> Decimal:
    return reduce(UNROUNDED.add, numbers, ZERO)
