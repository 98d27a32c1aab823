"""What the year must come to, computed straight from the departures.

It shares no code with the product: it checks the product.
"""

import csv
import gzip
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from demo import agreed

CENT = Decimal("0.01")


class ExpectedLine(NamedTuple):
    """One line of an invoice; a credit has a negative amount."""

    line: str
    amount: Decimal
    quantity: Decimal


@dataclass(slots=True)
class MonthUse:
    """What one airline used in one month."""

    by_origin: Counter[str] = field(default_factory=Counter)
    seats: int = 0
    miles: int = 0


@dataclass(frozen=True, slots=True)
class Expected:
    """Invoices by airline and date, and what follows from them; money in dollars.

    `gates` is what each month's gates cost all airlines together on its first day, before any change. `unmatched`
    counts the departures by airline that no contract takes.
    """

    invoices: Mapping[tuple[str, date], tuple[ExpectedLine, ...]]
    revenue: Mapping[str, Decimal]
    gates: Mapping[str, Decimal]
    used: Mapping[str, Decimal]
    unmatched: Mapping[str, int]
    departures: int

    @property
    def total(self) -> Decimal:
        """The sum of all invoices."""
        return sum((total(lines) for lines in self.invoices.values()), Decimal(0))

    def issued_by(self, day: date) -> Decimal:
        """The sum of the invoices of up to and including that day."""
        return sum((total(lines) for (_, on), lines in self.invoices.items() if on <= day), Decimal(0))


def total(lines: Iterable[ExpectedLine]) -> Decimal:
    """The sum of an invoice's lines."""
    return sum((line.amount for line in lines), Decimal(0))


def expect(csv_file: Path) -> Expected:
    """The invoices, revenue and unmatched departures that a gzipped CSV of departures makes."""
    months = [date(2013, month, 1) for month in range(1, 13)]
    use, unmatched, departures = _count(csv_file, [*months, agreed.ENDS_ON])
    invoices: dict[tuple[str, date], tuple[ExpectedLine, ...]] = {}
    revenue: dict[str, Decimal] = defaultdict(Decimal)
    gates: dict[str, Decimal] = defaultdict(Decimal)
    used: dict[str, Decimal] = defaultdict(Decimal)
    for carrier in agreed.GATES:
        last = agreed.CANCELLED_FROM if carrier == agreed.CANCELS[0] else agreed.ENDS_ON
        arrears: tuple[ExpectedLine, ...] = ()
        for month in [*(month for month in months if month < last), last]:
            in_advance = () if month == last else (_gates(carrier, month),)
            invoices[carrier, month] = (*in_advance, *arrears)
            if month == last:
                break
            arrears = _usage(use[carrier, month])
            key = f"{month:%Y-%m}"
            gates[key] += total(in_advance)
            used[key] += total(arrears)
            revenue[key] += total(in_advance) + total(arrears)
    carrier, on, more = agreed.MORE_GATES
    change = _more_gates(carrier, on, more)
    invoices[carrier, on] = change
    revenue[f"{on:%Y-%m}"] += total(change)
    return Expected(invoices, revenue, gates, used, unmatched, departures)


def _count(csv_file: Path, starts: list[date]) -> tuple[defaultdict[tuple[str, date], MonthUse], Counter[str], int]:
    """The use by airline and local month, the departures outside of every contract by airline, and all departures."""
    zone = ZoneInfo(agreed.ZONE)
    instants = [
        f"{datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for day in starts
    ]
    use: defaultdict[tuple[str, date], MonthUse] = defaultdict(MonthUse)
    unmatched: Counter[str] = Counter()
    departures = 0
    with gzip.open(csv_file, "rt", newline="") as file:
        for row in csv.DictReader(file):
            departures += 1
            carrier = row["carrier"]
            month = starts[bisect_right(instants, row["departed_at"]) - 1]
            if month >= (agreed.CANCELLED_FROM if carrier == agreed.CANCELS[0] else agreed.ENDS_ON):
                unmatched[carrier] += 1
                continue
            so_far = use[carrier, month]
            so_far.by_origin[row["origin"]] += 1
            so_far.seats += int(row["seats"] or 0)
            so_far.miles += int(row["miles"])
    return use, unmatched, departures


def _gates(carrier: str, month: date) -> ExpectedLine:
    grown, on, more = agreed.MORE_GATES
    gates = more if carrier == grown and month > on else agreed.GATES[carrier]
    return ExpectedLine("gates", gates * agreed.GATE, Decimal(gates))


def _more_gates(carrier: str, on: date, more: int) -> tuple[ExpectedLine, ExpectedLine]:
    """The old gates back and the new ones charged, both for the days that are left of the month."""
    days = (date(on.year, on.month + 1, 1) - date(on.year, on.month, 1)).days
    left = days - on.day + 1
    before = agreed.GATES[carrier]
    back, charged = ((number * agreed.GATE * left / days).quantize(CENT) for number in (before, more))
    return ExpectedLine("gates", -back, Decimal(before)), ExpectedLine("gates", charged, Decimal(more))


def _usage(use: MonthUse) -> tuple[ExpectedLine, ...]:
    departures = sum((count * agreed.DEPARTURE[origin] for origin, count in use.by_origin.items()), Decimal(0))
    above = max(0, use.seats - agreed.SEATS_FIRST_TIER)
    seats = (use.seats - above) * agreed.SEAT + above * agreed.SEAT_ABOVE
    packages = (use.miles + agreed.MILES_PACKAGE - 1) // agreed.MILES_PACKAGE
    lines = (
        ExpectedLine("departures", max(departures, agreed.DEPARTURES_MINIMUM), Decimal(sum(use.by_origin.values()))),
        ExpectedLine("seats", seats, Decimal(use.seats)),
        ExpectedLine("miles", packages * agreed.PACKAGE, Decimal(use.miles)),
    )
    return tuple(line for line in lines if line.amount)
