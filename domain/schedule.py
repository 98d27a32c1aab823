"""Recognition schedules: how much of an amount is earned by a day, exact to the minor unit.

Everything is cumulative: what falls in a stretch of time is what is earned by its end less what was earned by its
start, each rounded half away from zero. So the parts always sum to the whole, wherever it is cut.
"""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BeforeValidator

from domain.money import round_half_away, round_ratio
from domain.period import Period, boundary, days_30_360

Method = Literal["daily", "monthly_even", "monthly_prorated", "30_360"]


def _as_written(method: object) -> object:
    """YAML reads 30_360 as the number 30360."""
    return "30_360" if method == 30360 else method


# A method where it is read from a document.
StatedMethod = Annotated[Method, BeforeValidator(_as_written)]


def recognized(amount_minor: int, start: date, end: date, until: date) -> int:
    """How much of `amount_minor`, given day by day over [start, end), is earned before `until`.

    Nothing up to `start`, all from `end` on.

    Raises:
        ValueError: if `end` is not after `start`.
    """
    if end <= start:
        raise ValueError(f"a schedule must end after it starts: {start} to {end}")
    if until >= end:
        return amount_minor
    if until <= start:
        return 0
    return round_ratio(amount_minor * (until - start).days, (end - start).days)


def by_month(amount_minor: int, start: date, end: date, method: Method = "daily") -> dict[date, int]:
    """`amount_minor` over the calendar months from `start` up to and without `end`, by the first day of each.

    - daily: by days.
    - monthly_even: equal shares, one for each month begun from `start` on, in the calendar month it begins in.
    - monthly_prorated: a whole month weighs 1, a part month its days over that month's.
    - 30_360: by days of months that all have 30.

    Raises:
        ValueError: if `end` is not after `start`.
    """
    weights = dict(_weights(Period(start, end), method))
    whole = sum(weights.values())
    months: dict[date, int] = {}
    passed, earned = Fraction(0), 0
    for month, weight in weights.items():
        passed += weight
        reached = round_half_away(amount_minor * passed / whole)
        months[month] = reached - earned
        earned = reached
    return months


def _weights(span: Period, method: Method) -> Iterator[tuple[date, Fraction]]:
    if method == "monthly_even":
        yield from _months_begun(span)
        return
    for month in _calendar_months(span):
        part = Period(max(span.start, month.start), min(span.end, month.end))
        if method == "daily":
            yield month.start, Fraction(part.days)
        elif method == "monthly_prorated":
            yield month.start, Fraction(part.days, month.days)
        else:
            # From the 30th to the 31st are no days by this count, and yet the span is all there is.
            days = days_30_360(part.start, part.end)
            yield month.start, Fraction(1 if part == span and not days else days)


def _months_begun(span: Period) -> Iterator[tuple[date, Fraction]]:
    k = 0
    while (begun := boundary(span.start, "month", k)) < span.end:
        yield begun.replace(day=1), Fraction(1)
        k += 1


def _calendar_months(span: Period) -> Iterator[Period]:
    first = span.start.replace(day=1)
    k = 0
    while (start := boundary(first, "month", k)) < span.end:
        yield Period(start, boundary(first, "month", k + 1))
        k += 1
