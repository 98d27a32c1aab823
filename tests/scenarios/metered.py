"""What several senders send of metered contracts, and what is true at the end, worked out without the product."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from tests.scenarios.sending import Delivery

SENDERS: Final = 4
EVENTS_A_PERIOD: Final = 150
BATCH: Final = 25
# Three periods are billed while usage comes; in a fourth phase comes what is late of the last.
PERIODS: Final = (date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1))
LAST_PHASE: Final = len(PERIODS)
ENDS_ON: Final = date(2026, 4, 1)
EVENT: Final = "call"
MICROSECOND: Final = timedelta(microseconds=1)
USAGE, REPLACE, VOIDS = "/v1/usage", "/v1/usage?replace=true", "/v1/usage/voids"

LATE, CORRECTED, BOUNDARY, CUT = 0.10, 0.05, 0.20, 0.10
# Each new batch brings as many single events again, which with the batches that are cut makes 20 %.
REPEATED: Final = BATCH // 8


class Account(NamedTuple):
    """A customer that signs, at the beginning or `later`, for three months or without an end."""

    key: str
    zone: str
    ends: bool
    later: bool = False

    def midnight(self, day: date) -> datetime:
        """The first instant of the day where the customer is."""
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


ACCOUNTS: Final = (
    Account("metered-0", "UTC", ends=True),
    Account("metered-1", "America/New_York", ends=True),
    Account("metered-2", "UTC", ends=False),
    Account("metered-3", "America/New_York", ends=False),
    Account("metered-4", "UTC", ends=True, later=True),
    Account("metered-5", "America/New_York", ends=False, later=True),
)
STRANGER: Final = Account("metered-stranger", "UTC", ends=False)
BY_KEY: Final = {account.key: account for account in ACCOUNTS}


class Use(NamedTuple):
    """What one event says."""

    customer: str
    at: datetime
    value: Decimal


# What is true of each event by its source and id: None of what was voided.
Truth = Mapping[tuple[str, str], Use | None]


@dataclass(slots=True)
class Plan:
    """What one sender does in each phase, in this order, and what is true once it is done.

    `corrected` are the ids of events that are voided or replaced: sent again as they were, they may be in conflict.
    """

    source: str
    phases: list[list[Delivery]]
    truth: dict[tuple[str, str], Use | None] = field(default_factory=dict)
    corrected: set[str] = field(default_factory=set)


def terms(account: Account) -> dict[str, Any]:
    """Calls by tiers of their sum and of their number, and their peak."""
    prices = {
        "calls": {"model": "graduated", "tiers": [{"up_to": 500, "unit": "0.125"}, {"up_to": None, "unit": "0.0625"}]},
        "requests": {"model": "graduated", "tiers": [{"up_to": 20, "unit": "1.00"}, {"up_to": None, "unit": "0.40"}]},
        "peak": {"model": "per_unit", "amount": "0.30"},
    }
    aggregates = {"calls": "sum", "requests": "count", "peak": "max"}
    ending = {"term": {"months": 3}, "late_usage_days": 30} if account.ends else {}
    return {
        "currency": "USD",
        "timezone": account.zone,
        "start": str(PERIODS[0]),
        **ending,
        "meters": [{"id": id_, "event": EVENT, "aggregate": aggregate} for id_, aggregate in aggregates.items()],
        "lines": [
            {"id": id_, "price": price, "meter": id_, "every": "month", "bill": "arrears"}
            for id_, price in prices.items()
        ],
    }


def cost(values: Iterable[Decimal]) -> dict[str, Decimal]:
    """What a period with these events costs by line, each rounded once to the cent."""
    used = list(values)
    amounts = {
        "calls": _tiered(sum(used, Decimal(0)), Decimal(500), Decimal("0.125"), Decimal("0.0625")),
        "requests": _tiered(Decimal(len(used)), Decimal(20), Decimal("1.00"), Decimal("0.40")),
        "peak": max(used, default=Decimal(0)) * Decimal("0.30"),
    }
    return {line: amount.quantize(Decimal("0.01"), ROUND_HALF_UP) for line, amount in amounts.items()}


def _tiered(quantity: Decimal, up_to: Decimal, first: Decimal, beyond: Decimal) -> Decimal:
    return min(quantity, up_to) * first + max(quantity - up_to, Decimal(0)) * beyond


def period_of(use: Use) -> date | None:
    """The first day of the period that the event counts in, None where no contract takes it."""
    account = BY_KEY.get(use.customer)
    if account is None or use.at < account.midnight(PERIODS[0]):
        return None
    if account.ends and use.at >= account.midnight(ENDS_ON):
        return None
    return use.at.astimezone(ZoneInfo(account.zone)).date().replace(day=1)


def used(truth: Truth) -> dict[tuple[str, date], list[Decimal]]:
    """The values of what counts, by customer and period."""
    found: dict[tuple[str, date], list[Decimal]] = defaultdict(list)
    for use in truth.values():
        period = None if use is None else period_of(use)
        if use is not None and period is not None:
            found[use.customer, period].append(use.value)
    return found


def plan(number: int) -> Plan:
    """The plan of a sender, the same each time."""
    return _Planner(number).plan()


class _Planner:
    """Draws what a sender sends: 10 % late, 20 % twice, 5 % corrected, every phase in an order of its own."""

    def __init__(self, number: int) -> None:
        self._random = Random(number)
        self._plan = Plan(f"metered-sender-{number}", [[] for _ in range(LAST_PHASE + 1)])
        self._originals: dict[str, Use] = {}
        self._sent: list[str] = []

    def plan(self) -> Plan:
        arriving = self._arriving()
        corrections = self._corrections(arriving)
        for phase, ids in enumerate(arriving):
            deliveries = list(self._batches(ids))
            for first_phase, correction in corrections[phase]:
                # What came in an earlier phase is corrected at any time of this one.
                place = len(deliveries) if first_phase == phase else self._random.randint(0, len(deliveries))
                deliveries[place:place] = correction
            self._plan.phases[phase] = deliveries
        return self._plan

    def _arriving(self) -> list[list[str]]:
        """The ids of the events by the phase in which they are sent first."""
        arriving: list[list[str]] = [[] for _ in self._plan.phases]
        for month, first in enumerate(PERIODS):
            for number in range(EVENTS_A_PERIOD):
                id_ = f"{month}-{number}"
                self._originals[id_] = use = self._draw(first)
                self._plan.truth[self._plan.source, id_] = use
                delay = self._random.randint(1, 2) if self._random.random() < LATE else 0
                arriving[min(month + delay, LAST_PHASE)].append(id_)
        for ids in arriving:
            self._random.shuffle(ids)
        return arriving

    def _batches(self, ids: list[str]) -> Iterator[Delivery]:
        for first in range(0, len(ids), BATCH):
            batch = ids[first : first + BATCH]
            again = self._random.sample(self._sent, min(REPEATED, len(self._sent)))
            self._sent += batch
            body = [self._event(id_, self._originals[id_]) for id_ in [*batch, *again]]
            self._random.shuffle(body)
            yield Delivery(USAGE, body, self._random.random() < CUT)

    def _corrections(self, arriving: list[list[str]]) -> list[list[tuple[int, list[Delivery]]]]:
        """What is corrected in each phase, with the phase in which it came."""
        corrections: list[list[tuple[int, list[Delivery]]]] = [[] for _ in arriving]
        kinds: list[Callable[[str], list[Delivery]]] = [self._void, self._replace, self._void_and_replace]
        for phase, ids in enumerate(arriving):
            for id_ in ids:
                if self._random.random() < CORRECTED:
                    correct = self._random.choice(kinds)
                    corrections[self._random.randint(phase, LAST_PHASE)].append((phase, correct(id_)))
                    self._plan.corrected.add(id_)
        return corrections

    def _void(self, id_: str) -> list[Delivery]:
        self._plan.truth[self._plan.source, id_] = None
        is_cut = self._random.random() < CUT
        return [Delivery(VOIDS, {"events": [{"source": self._plan.source, "id": id_}]}, is_cut)]

    def _replace(self, id_: str) -> list[Delivery]:
        """Another version, which may be of another customer and another period."""
        use = self._draw(self._random.choice(PERIODS))
        self._plan.truth[self._plan.source, id_] = use
        return [Delivery(REPLACE, [self._event(id_, use)], self._random.random() < CUT)]

    def _void_and_replace(self, id_: str) -> list[Delivery]:
        return [*self._void(id_), *self._replace(id_)]

    def _draw(self, first: date) -> Use:
        """An event of the period, or one on its bounds or a microsecond beside them."""
        account = self._random.choice((*ACCOUNTS, STRANGER))
        starts_at, ends_at = account.midnight(first), account.midnight((first + timedelta(days=31)).replace(day=1))
        if self._random.random() < BOUNDARY:
            at = self._random.choice((starts_at, ends_at)) + self._random.randint(-1, 1) * MICROSECOND
        else:
            at = starts_at + self._random.randrange((ends_at - starts_at) // MICROSECOND) * MICROSECOND
        return Use(account.key, at, Decimal(self._random.randint(1, 200)) / 4)

    def _event(self, id_: str, use: Use) -> dict[str, Any]:
        return event(self._plan.source, id_, use)


def event(source: str, id_: str, use: Use) -> dict[str, Any]:
    """The event as it is sent."""
    return {
        "source": source,
        "id": id_,
        "customer": use.customer,
        "event": EVENT,
        "at": use.at.isoformat(),
        "value": str(use.value),
    }
