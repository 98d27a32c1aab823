"""How much of a billing period a part of it is."""

from datetime import UTC, date, datetime, timedelta
from typing import Literal

from domain.period import Period, days_30_360, first_instant

# By day, by second, by days of months that all have 30, or not at all: then no part is charged or credited, and a stub
# still costs its days.
Proration = Literal["day", "second", "30_360", "none"]

_SECOND = timedelta(seconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def part(
    proration: Proration,
    start: date,
    end: date,
    whole: Period,
    zone: str,
    start_at: datetime | None = None,
    end_at: datetime | None = None,
) -> tuple[int, int]:
    """The units of the local dates [start, end) and of the regular period `whole` that they lie in.

    Days, or seconds where it is by second: those from `start_at` to `end_at`, which are the first instants of the two
    dates in `zone` where they are absent. A day on which clocks go forward has 23 hours then. The parts of a period
    sum to its whole, wherever it is cut.

    Raises:
        ValueError: if the part ends before it starts or does not lie in the period.
    """
    if not whole.start <= start <= end <= whole.end:
        raise ValueError(f"{start} to {end} is no part of the period from {whole.start} to {whole.end}")
    if proration == "second":
        share = _seconds(start_at or first_instant(start, zone), end_at or first_instant(end, zone), whole, zone)
    elif proration == "30_360":
        share = days_30_360(start, end), days_30_360(whole.start, whole.end)
    else:
        share = (end - start).days, whole.days
    # A 31st alone is no day of 30 in a month, and a day that its zone left out has no second. It is a period all the
    # same, and costs its price.
    return share if share[1] else ((end - start).days, whole.days)


def _seconds(start_at: datetime, end_at: datetime, whole: Period, zone: str) -> tuple[int, int]:
    first, last = _second(first_instant(whole.start, zone)), _second(first_instant(whole.end, zone))
    start, end = _second(start_at), _second(end_at)
    if not first <= start <= end <= last:
        raise ValueError(f"{start_at} to {end_at} is no part of the period from {whole.start} to {whole.end} in {zone}")
    return end - start, last - first


def _second(at: datetime) -> int:
    """The second that `at` lies in: cut at each instant, not at each difference, the parts sum to the whole."""
    return (at - _EPOCH) // _SECOND
