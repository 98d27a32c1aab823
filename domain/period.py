"""Billing periods on local dates, and the instants at which those dates begin."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from domain.interval import Every, Interval, interval, months_in

__all__ = [
    "Every",
    "Interval",
    "Period",
    "UnknownZone",
    "boundary",
    "check_zone",
    "days_30_360",
    "first_instant",
    "interval",
    "local_date",
    "months_in",
    "on_the_clock",
    "period",
    "period_index",
    "regular_period",
]


class UnknownZone(ValueError):
    """The name is not a time zone of the IANA database."""


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """The local dates from `start` up to and without `end`."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"a period must end after it starts: {self.start} to {self.end}")

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end


class _Grid(NamedTuple):
    """Where the regular periods lie: `first` steps from the origin, on `day` of the month, after a stub or not."""

    interval: Interval
    first: int
    day: int
    stub: int


@lru_cache(maxsize=65536)
def boundary(
    origin: date, every: Every | Interval, k: int, anchor_day: int | None = None, anchor_month: int | None = None
) -> date:
    """The day on which period `k` starts, counted from 0 at `origin`.

    An `anchor_day` other than the origin's makes period 0 a stub up to the first anchor day after the origin. An
    anchor day that the origin's month is too short for is that month's last day, and makes no stub there.
    `anchor_month` fixes which months the periods of several months start in. Periods of days and weeks start on their
    origin whatever the anchor: it holds for those of months.

    Always counted from the anchor: stepping from the previous boundary would turn 31 January into 28 February and
    then stay on the 28th.

    Raises:
        ValueError: if `k` is negative, the anchor is no day or month.
    """
    if k < 0:
        raise ValueError(f"periods are counted from 0, not {k}")
    if k == 0:
        return origin
    grid = _grid(origin, every, anchor_day, anchor_month)
    return _on_grid(origin, grid, k - grid.stub)


def period(
    origin: date, every: Every | Interval, k: int, anchor_day: int | None = None, anchor_month: int | None = None
) -> Period:
    """Period `k`, counted from 0 at `origin`."""
    start = boundary(origin, every, k, anchor_day, anchor_month)
    return Period(start, boundary(origin, every, k + 1, anchor_day, anchor_month))


@lru_cache(maxsize=65536)
def regular_period(
    origin: date, every: Every | Interval, k: int, anchor_day: int | None = None, anchor_month: int | None = None
) -> Period:
    """The full period that ends where period `k` does: longer than it where that is a stub, else the same.

    What a stub costs is measured against this period's days.
    """
    grid = _grid(origin, every, anchor_day, anchor_month)
    if k == 0 and grid.stub:
        return Period(_on_grid(origin, grid, -1), _on_grid(origin, grid, 0))
    return period(origin, every, k, anchor_day, anchor_month)


def period_index(
    origin: date, every: Every | Interval, day: date, anchor_day: int | None = None, anchor_month: int | None = None
) -> int:
    """The number of the period that holds `day`.

    Raises:
        ValueError: if `day` is before `origin`.
    """
    if day < origin:
        raise ValueError(f"{day} is before the first period, which starts on {origin}")
    length = interval(every)
    if length.days:
        return (day - origin).days // length.days
    # Never too high, and at most two too low: a stub and a clamped day each cost one step.
    k = max(0, ((day.year - origin.year) * 12 + day.month - origin.month) // length.months - 1)
    while boundary(origin, every, k + 1, anchor_day, anchor_month) <= day:
        k += 1
    return k


def days_30_360(start: date, end: date) -> int:
    """The days from `start` to `end` where every month has 30: a 31st counts as the 30th, February's end stays."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return months * 30 + min(end.day, 30) - min(start.day, 30)


@lru_cache(maxsize=65536)
def _grid(origin: date, every: Every | Interval, anchor_day: int | None, anchor_month: int | None) -> _Grid:
    length = interval(every)
    if length.days:
        # A contract's anchor holds for its lines by months only.
        return _Grid(length, first=0, day=0, stub=0)
    day = origin.day if anchor_day is None else anchor_day
    month = origin.month if anchor_month is None else anchor_month
    if not 1 <= day <= 31 or not 1 <= month <= 12:
        raise ValueError(f"no such anchor: day {anchor_day}, month {anchor_month}")
    first = 0 if _day_of_month(origin, 0, day) >= origin else 1
    if anchor_month is not None:
        first += (anchor_month - origin.month - first) % length.months
    return _Grid(length, first, day, stub=int(_day_of_month(origin, first, day) != origin))


def _on_grid(origin: date, grid: _Grid, steps: int) -> date:
    if grid.interval.days:
        return origin + timedelta(days=grid.interval.days * steps)
    return _day_of_month(origin, grid.first + grid.interval.months * steps, grid.day)


def _day_of_month(origin: date, months: int, day: int) -> date:
    """`day` of the month that lies `months` after the origin's, or that month's last day."""
    year, month0 = divmod(origin.year * 12 + origin.month - 1 + months, 12)
    return date(year, month0 + 1, min(day, monthrange(year, month0 + 1)[1]))


@lru_cache(maxsize=65536)
def first_instant(day: date, zone: str) -> datetime:
    """The instant, in UTC, from which on the clocks of `zone` show `day` or a later date.

    Where midnight is skipped that is the moment of the change; where it comes twice, the first. A day that the zone
    left out altogether begins where the next one does.

    Raises:
        UnknownZone: if `zone` is not in the IANA database.
    """
    tz = _zone(zone)
    midnight = datetime.combine(day, time())
    earliest = midnight.replace(tzinfo=tz).astimezone(UTC)
    if earliest.astimezone(tz).replace(tzinfo=None) == midnight:
        return earliest
    # Midnight does not exist: the change lies after midnight by the new offset and not after midnight by the old.
    too_early, late_enough = midnight.replace(tzinfo=tz, fold=1).astimezone(UTC), earliest
    while late_enough - too_early > timedelta(seconds=1):
        middle = too_early + timedelta(seconds=(late_enough - too_early) // timedelta(seconds=2))
        if middle.astimezone(tz).replace(tzinfo=None) < midnight:
            too_early = middle
        else:
            late_enough = middle
    return late_enough


def local_date(at: datetime, zone: str) -> date:
    """The date in `zone` at the instant `at`: the day whose first instant was the last to come.

    Where clocks are put back over midnight, the hour that comes again stays with the day that had begun, so that
    each instant lies in exactly one day and days never go back.

    Raises:
        UnknownZone: if `zone` is not in the IANA database.
        ValueError: if `at` has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    local = at.astimezone(_zone(zone))
    day = local.date()
    if local.fold:
        tomorrow = day + timedelta(days=1)
        return tomorrow if first_instant(tomorrow, zone) <= at else day
    return day


def on_the_clock(at: datetime, days: int, zone: str) -> datetime:
    """The instant, in UTC, that many days later on the clocks of `zone`; the first of a day stays the first."""
    day = local_date(at, zone)
    if at == first_instant(day, zone):
        return first_instant(day + timedelta(days=days), zone)
    return (at.astimezone(_zone(zone)) + timedelta(days=days)).astimezone(UTC)


def check_zone(zone: str) -> str:
    """`zone` itself, where it is a time zone of the IANA database.

    Raises:
        UnknownZone: if it is not.
    """
    if zone not in _zones():
        raise UnknownZone(f"unknown time zone {zone!r}")
    return zone


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@cache
def _zone(zone: str) -> ZoneInfo:
    return ZoneInfo(check_zone(zone))
