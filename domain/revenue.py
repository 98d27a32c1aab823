"""Revenue: what each line has earned by a day, and in which month each part of it counts.

Schedules are cumulative and remember what was posted, so an amount that grows or is corrected posts the difference.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from domain.schedule import recognized

Basis = Literal["position", "unbilled"]
Method = Literal["daily", "as_used"]

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """`amount_minor` earned over the local dates [starts_on, ends_on), negative for a credit.

    `basis` says whether it was billed in advance (`position`) or is billed later (`unbilled`). What is `as_used`
    counts whole at its end; `parts` are its cumulative amounts by the first days of the months in between.
    """

    id: str
    line_id: str
    basis: Basis
    method: Method
    starts_on: date
    ends_on: date
    amount_minor: int
    recognized_minor: int
    recognized_through: date
    parts: tuple[tuple[date, int], ...] = ()
    invoice_line_id: str | None = None
    billed: bool = True


@dataclass(frozen=True, slots=True)
class Earning:
    """Revenue of one line that counts on the day `on`; negative where it is taken back."""

    line_id: str
    basis: Basis
    on: date
    amount_minor: int


def earned_by(schedule: Schedule, until: date) -> int:
    """How much of the schedule is earned before `until`, in minor units."""
    if until >= schedule.ends_on:
        return schedule.amount_minor
    if schedule.method == "daily":
        return recognized(schedule.amount_minor, schedule.starts_on, schedule.ends_on, until)
    return next((amount for day, amount in reversed(schedule.parts) if day <= until), 0)


def earn(schedule: Schedule, through: date) -> tuple[Schedule, list[Earning]]:
    """The schedule after recognition up to `through`, and what that earns, split by calendar month.

    Each part counts on the last day that it covers.
    """
    if through < schedule.recognized_through:
        return schedule, []
    posted, earnings = schedule.recognized_minor, []
    for cut in _cuts(schedule.recognized_through, through):
        reached = earned_by(schedule, cut)
        if reached != posted:
            earnings.append(Earning(schedule.line_id, schedule.basis, cut - ONE_DAY, reached - posted))
            posted = reached
    return replace(schedule, recognized_minor=posted, recognized_through=through), earnings


def conclude(schedule: Schedule, on: date) -> tuple[Schedule, list[Earning]]:
    """The schedule with all that is left of it earned on the day `on`, since nothing more will be delivered."""
    left = schedule.amount_minor - schedule.recognized_minor
    done = replace(schedule, recognized_minor=schedule.amount_minor, recognized_through=on)
    return done, [Earning(schedule.line_id, schedule.basis, on, left)] if left else []


def month_starts(after: date, before: date) -> Iterator[date]:
    """The first days of the calendar months strictly between two days."""
    month = after
    while (month := (month.replace(day=1) + timedelta(days=32)).replace(day=1)) < before:
        yield month


def by_day(earnings: Iterable[Earning]) -> dict[date, dict[tuple[str, Basis], int]]:
    """What each line earned on each day, in the order of the days; what comes to nothing is left out."""
    sums: dict[date, dict[tuple[str, Basis], int]] = {}
    for earning in sorted(earnings, key=lambda e: e.on):
        day = sums.setdefault(earning.on, {})
        key = (earning.line_id, earning.basis)
        day[key] = day.get(key, 0) + earning.amount_minor
    nonzero = {on: {key: amount for key, amount in day.items() if amount} for on, day in sums.items()}
    return {on: day for on, day in nonzero.items() if day}


def _cuts(after: date, through: date) -> Iterator[date]:
    yield from month_starts(after, through)
    yield through
