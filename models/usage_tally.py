"""A batch of events counted by hour and group for a reading, in memory, as SQL counts those that are stored."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple, cast

from domain.expression import evaluate
from domain.expression_text import parse
from domain.filters import Property, number_of, passes, text_of
from domain.metering import VALUE
from domain.money import UNROUNDED
from models.usage_event import UsageEvent
from models.usage_totals import Measure

Number = Decimal | int

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MICROSECONDS_IN_HOUR: Final = 3_600_000_000


class Stored(NamedTuple):
    """An event with the number that it got."""

    event: UsageEvent
    seq: int


class Place(NamedTuple):
    """The row of a running total: hours are counted from 1970, in UTC."""

    contract_id: str
    hour: int
    group: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Tally:
    """What a row of running totals gains; `moment` is in numbers times microseconds since 1970."""

    event_count: int = 0
    read_count: int = 0
    total: Number = 0
    moment: Number = 0
    least: Number | None = None
    greatest: Number | None = None
    latest: Number | None = None
    latest_by: tuple[int, int] = field(default=(0, 0))

    def add(self, number: Number | None, micros: int, seq: int) -> None:
        self.event_count += 1
        if number is None:
            return
        self.read_count += 1
        if type(number) is int and type(self.total) is int:
            self.total += number
            self.moment = cast("int", self.moment) + number * micros
        else:
            self.total = UNROUNDED.add(self.total, number)
            self.moment = UNROUNDED.add(self.moment, UNROUNDED.multiply(number, micros))
        if self.least is None or number < self.least:
            self.least = number
        if self.greatest is None or number > self.greatest:
            self.greatest = number
        if self.latest is None or (micros, seq) > self.latest_by:
            self.latest, self.latest_by = number, (micros, seq)


def tally(measure: Measure, stored: Iterable[tuple[str, Stored]]) -> dict[Place, Tally]:
    """What the measure reads of events, each with its contract, by row; events of another name are left out."""
    number, group_by, filters = _number(measure), measure.group_by, measure.filters
    found: dict[Place, Tally] = {}
    for contract_id, (event, seq) in stored:
        properties = cast("Mapping[str, Property]", event.properties)
        if event.event != measure.event or (filters and not passes(properties, filters)):
            continue
        micros = (event.at - _EPOCH) // _MICROSECOND
        group = tuple((name, text_of(properties[name])) for name in group_by if name in properties)
        place = Place(contract_id, micros // _MICROSECONDS_IN_HOUR, group)
        row = found.get(place)
        if row is None:
            row = found[place] = Tally()
        row.add(number(event), micros, seq)
    return found


def _number(measure: Measure) -> Callable[[UsageEvent], Number | None]:
    if measure.expression is not None:
        expression = parse(measure.expression)
        return lambda event: evaluate(
            expression, None if event.value is None else Decimal(event.value), cast("Any", event.properties)
        )
    if measure.reads == VALUE:
        return lambda event: event.value
    reads = measure.reads

    def number(event: UsageEvent) -> Number | None:
        read = event.properties.get(reads)
        return read if type(read) is int else number_of(cast("Any", read))

    return number
