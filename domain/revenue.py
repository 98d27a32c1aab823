"""Revenue: what each schedule has earned by a day, and in which month each part of it counts.

Schedules are cumulative and remember what was posted, so an amount that grows or is corrected posts the difference.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal, NamedTuple

from domain.books import Basis, Schedule
from domain.line import DELIVERED
from domain.money import round_ratio
from domain.schedule import by_month, recognized

__all__ = ["Basis", "Earning", "Schedule", "by_day", "conclude", "earn", "earn_on", "earned_by", "month_starts"]

ONE_DAY = timedelta(days=1)

ByMonth = Literal["monthly_even", "monthly_prorated"]


class Earning(NamedTuple):
    """Revenue of one line that counts on the day `on`; negative where it is taken back."""

    line_id: str
    basis: Basis
    on: date
    amount_minor: int


def earned_by(schedule: Schedule, until: date) -> int:
    """How much of the schedule is earned before `until`, in minor units.

    What is earned `immediately` is so on its first day already. What is delivered follows the last delivery before
    `until`; what is used, the value of the usage by the first days of months.
    """
    method = schedule.method
    if method in DELIVERED:
        return _delivered_by(schedule, until)
    if method == "immediately":
        return schedule.amount_minor if until >= schedule.starts_on else 0
    if until >= schedule.ends_on:
        return schedule.amount_minor
    if method == "as_used":
        return next((amount for day, amount in reversed(schedule.parts) if day <= until), 0)
    if method == "monthly_even" or method == "monthly_prorated":
        return _by_months(schedule.amount_minor, schedule.starts_on, schedule.ends_on, method, until)
    return recognized(schedule.amount_minor, schedule.starts_on, schedule.ends_on, until)


def earn(schedule: Schedule, through: date) -> tuple[Schedule, list[Earning]]:
    """The schedule after all that it earned up to `through`, and those earnings, split by calendar month.

    Each part counts on the last day that it covers. What is measured anew each time, because it runs or is usage,
    is compared with what was posted month by month, so that what came late counts in its own month.
    """
    if through < schedule.recognized_through:
        return schedule, []
    measured = schedule.basis == "unbilled" or schedule.method == "as_used"
    if measured and (schedule.posted or not schedule.recognized_minor):
        return _earn_measured(schedule, through)
    posted, earnings = schedule.recognized_minor, []
    for cut in _cuts(schedule.recognized_through, through):
        reached = earned_by(schedule, cut)
        if reached != posted:
            earnings.append(Earning(schedule.line_id, schedule.basis, cut - ONE_DAY, reached - posted))
            posted = reached
    return replace(schedule, recognized_minor=posted, recognized_through=through), earnings


def earn_on(schedule: Schedule, through: date, on: date) -> tuple[Schedule, list[Earning]]:
    """The schedule after all that it earned up to `through`, of which all that is new counts on the day `on`."""
    done, earnings = earn(schedule, through)
    total = sum(earning.amount_minor for earning in earnings)
    return done, [Earning(schedule.line_id, schedule.basis, on, total)] if total else []


def conclude(schedule: Schedule, on: date) -> tuple[Schedule, list[Earning]]:
    """The schedule with all that is left of it earned on the day `on`, since nothing more will be delivered."""
    left = schedule.amount_minor - schedule.recognized_minor
    done = replace(schedule, recognized_minor=schedule.amount_minor, recognized_through=max(on, schedule.ends_on))
    return done, [Earning(schedule.line_id, schedule.basis, on, left)] if left else []


def is_done(schedule: Schedule) -> bool:
    """Whether the schedule earns nothing more, unless it is changed."""
    if not schedule.billed or schedule.recognized_minor != schedule.amount_minor:
        return False
    return schedule.method in DELIVERED or schedule.recognized_through >= schedule.ends_on


def month_starts(after: date, before: date) -> Iterator[date]:
    """The first days of the calendar months strictly between two days."""
    month = after
    while (month := next_month(month)) < before:
        yield month


def next_month(day: date) -> date:
    """The first day of the calendar month after the one that holds `day`."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def by_day(earnings: Iterable[Earning]) -> dict[date, dict[tuple[str, Basis], int]]:
    """What each line earned on each day, in the order of the days; what comes to nothing is left out."""
    sums: dict[date, dict[tuple[str, Basis], int]] = {}
    for line_id, basis, on, amount_minor in sorted(earnings, key=_on):
        day = sums.setdefault(on, {})
        day[line_id, basis] = day.get((line_id, basis), 0) + amount_minor
    nonzero = {on: {key: amount for key, amount in day.items() if amount} for on, day in sums.items()}
    return {on: day for on, day in nonzero.items() if day}


def _on(earning: Earning) -> date:
    return earning.on


def _cuts(after: date, through: date) -> Iterator[date]:
    yield from month_starts(after, through)
    yield through


def _earn_measured(schedule: Schedule, through: date) -> tuple[Schedule, list[Earning]]:
    if through <= schedule.starts_on:
        return schedule, []
    known = dict(schedule.posted)
    # A stretch that was cut shorter takes back what was posted beyond its end.
    last = max(schedule.ends_on, max(known, default=schedule.ends_on))
    posted: list[tuple[date, int]] = []
    earnings: list[Earning] = []
    target = before = 0
    for cut in _cuts(schedule.starts_on, min(through, last)):
        month_end = next_month(cut - ONE_DAY)
        reached, was = earned_by(schedule, cut), known.get(month_end, before)
        difference = (reached - target) - (was - before)
        if difference:
            ends_here = schedule.ends_on <= cut and next_month(schedule.ends_on - ONE_DAY) == month_end
            day = (schedule.ends_on if ends_here else cut) - ONE_DAY
            earnings.append(Earning(schedule.line_id, schedule.basis, day, difference))
        target, before = reached, was
        posted.append((month_end, reached))
    return replace(schedule, recognized_minor=target, recognized_through=through, posted=tuple(posted)), earnings


def _delivered_by(schedule: Schedule, until: date) -> int:
    percent = next((text for day, text in reversed(schedule.progress) if day < until), None)
    if percent is None:
        return 0
    numerator, denominator = _ratio(percent)
    if schedule.method == "at_delivery":
        return schedule.amount_minor if numerator >= 100 * denominator else 0
    return round_ratio(schedule.amount_minor * numerator, 100 * denominator)


def _by_months(amount_minor: int, start: date, end: date, method: ByMonth, until: date) -> int:
    """What months that are over have earned, and of the one that runs its days."""
    earned = 0
    for month, share_minor in _months(amount_minor, start, end, method).items():
        first, last = max(month, start), min(next_month(month), end)
        if until < last:
            return earned + recognized(share_minor, first, last, until)
        earned += share_minor
    return earned


@lru_cache(maxsize=4096)
def _months(amount_minor: int, start: date, end: date, method: ByMonth) -> dict[date, int]:
    return by_month(amount_minor, start, end, method)


@lru_cache(maxsize=4096)
def _ratio(percent: str) -> tuple[int, int]:
    return Decimal(percent).as_integer_ratio()
