"""A contract in motion: its state, the bills that follow from it, and what must then be made so."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from domain.commands import LineChange
from domain.filters import Filter
from domain.line import Meter
from domain.offers import PlanVersion
from domain.prices import Price
from domain.rounding import Rounding
from domain.terms import Aggregate, Recognition, Terms

Status = Literal["signed", "trialing", "active", "past_due", "paused", "cancelled", "expired"]
Reason = Literal["start", "change", "bill", "issue", "renew", "end", "recognise", "late", "close"]
ENDED: frozenset[Status] = frozenset({"cancelled", "expired"})


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a line under one quantity and price; `start` and `end` are local dates.

    Usage is told apart by the instants, so that each event pays the price in force at its own time. While a line is
    `off` it is not served, and nothing is billed. `meter` is the line's meter as it counted then, where it counts
    otherwise now.
    """

    start: date
    end: date
    start_at: datetime
    end_at: datetime
    quantity: Decimal | None
    price: Price
    off: bool = False
    meter: Meter | None = None


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A change that waits for the line's next period."""

    quantity: Decimal | None = None
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class LineState:
    """How far one line has been billed. Period `index` holds the day `billed_through`.

    `since` and `since_at` begin the stretch that the present quantity and price govern, `past` are the stretches
    before it. `off`: the line is not served now. Its periods count from `origin`, the contract's own if absent.
    The next `skip` periods are free. The running period that began on the day `interim` was billed in part.
    """

    id: str
    index: int
    billed_through: date
    since: date
    since_at: datetime
    past: tuple[Segment, ...] = ()
    upcoming: Upcoming | None = None
    off: bool = False
    removed: bool = False
    origin: date | None = None
    skip: int = 0
    interim: date | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to put on a bill: `part_days` of the `whole_days` of a period (or seconds), at a price.

    A `credit` is the mirror of a `charge`. `usage` takes its quantity from the events in [from_at, to_at); where it is
    `rerated`, its period was billed before and only the difference is billed now; where it is to `carry`, what came
    before counts too, see `domain.metering`. `prepaid` buys the credits of that id; `true_up` is what is short of the
    commitment of that id in the window [start, end), whose amount is the price.

    `carried` items wait for the next regular invoice; one that `waits` is on a document that was put off, and is earned
    before it. `own_day`: revenue of days that have gone by counts on the day of the document, not on those days.
    """

    line: str
    kind: Literal["charge", "credit", "usage", "prepaid", "true_up"]
    bill: Literal["advance", "arrears"]
    start: date
    end: date
    part_days: int
    whole_days: int
    price: Price
    recognize: Recognition
    quantity: Decimal | None = None
    event: str | None = None
    aggregate: Aggregate | None = None
    reads: str | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    period_start: date | None = None
    period_end_at: datetime | None = None
    period_from_at: datetime | None = None
    period: int = 0
    rerated: bool = False
    carried: bool = False
    own_day: bool = False
    filters: tuple[Filter, ...] = ()
    expression: str | None = None
    round: Rounding | None = None
    waits: bool = False
    carry: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """A document that was due on the day `on` and is issued at `issues_at`, when its usage's grace time is over."""

    on: date
    issues_at: datetime
    items: tuple[Item, ...]
    regular: bool = True


@dataclass(frozen=True, slots=True)
class Bill:
    """Draft and issue one document, the contract's `document`-th, for these items, dated `on`.

    A `regular` one also takes up what came late for earlier periods. One that is `held` is not collected.
    """

    document: int
    on: date
    at: datetime
    due_on: date
    items: tuple[Item, ...]
    regular: bool = True
    held: bool = False


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Changes that take effect on a day, or at the next renewal where `on` is absent.

    With them come the `meters` that new lines read and, with the last of a move, the version of the `plan`.
    """

    on: date | None
    changes: tuple[LineChange, ...]
    invoice: Literal["now", "next"] = "now"
    resume: bool = False
    plan: PlanVersion | None = None
    meters: tuple[Meter, ...] = ()


@dataclass(frozen=True, slots=True)
class ContractState:
    """All that a contract's workflow knows.

    `decided_at` is the instant of the last wake or change, `carried` waits for the next regular invoice, `unpaid` are
    the invoices that are due and not settled. Wake-ups are spread over `spread_seconds` after they are due, which
    moves no date and no cut-off. `windows` are the indices of the commitments' running windows, in their order.

    A paused contract keeps the items of the unused days that it will serve later, and the days by which that has moved
    its term's end. One that `awaits_payment_method` is paused since its trial ended, and has not started to bill. A
    cancelled contract can be taken up again until `reopens_until`. Documents that are `waiting` are issued in their
    order. What comes late of a contract that is over is billed on the day `closes_on`. `limits_billed` are limits with
    the first day of the period that was billed in part at them.
    """

    contract_id: str
    customer_id: str
    terms: Terms
    status: Status
    version: int
    lines: tuple[LineState, ...]
    recognized_through: date
    decided_at: datetime | None = None
    term_ends_on: date | None = None
    term_number: int = 1
    ends_on: date | None = None
    ends_at: datetime | None = None
    end_status: Status = "expired"
    documents: int = 0
    carried: tuple[Item, ...] = ()
    unpaid: tuple[str, ...] = ()
    spread_seconds: int = 0
    billing_from: date | None = None
    scheduled: tuple[Scheduled, ...] = ()
    windows: tuple[int, ...] = ()
    end_credit: Literal["unused", "none", "all"] = "none"
    paused_on: date | None = None
    paused_items: tuple[Item, ...] = ()
    extended_days: int = 0
    held: str | None = None
    reopens_until: date | None = None
    awaits_payment_method: bool = False
    waiting: tuple[Waiting, ...] = ()
    closes_on: date | None = None
    limits_billed: tuple[tuple[str, date], ...] = ()

    @property
    def origin(self) -> date:
        """The day from which the contract bills: its boundaries and terms count from it."""
        return self.billing_from or self.terms.origin

    @property
    def running_status(self) -> Status:
        """The status of a contract that has started and not ended."""
        if self.paused_on is not None:
            return "paused"
        return "past_due" if self.unpaid else "active"

    @property
    def started(self) -> bool:
        """Whether billing has begun: not before the trial is over and, where the terms ask for it, can be paid for."""
        return self.status not in ("signed", "trialing") and not self.awaits_payment_method

    @property
    def over(self) -> bool:
        """Whether service has ended."""
        return self.status in ENDED

    @property
    def ended(self) -> bool:
        """Whether service has ended for good, and all of it is billed."""
        return self.status in ENDED and self.reopens_until is None and self.closes_on is None and not self.waiting


@dataclass(frozen=True, slots=True)
class Due:
    """The next thing that time brings, and why."""

    on: date
    at: datetime
    reason: Reason


@dataclass(frozen=True, slots=True)
class Delivered:
    """So much of a line is delivered by the end of the day `on`."""

    line: str
    on: date
    percent: Decimal


@dataclass(frozen=True, slots=True)
class Decision:
    """The state after a command, and what must be made so.

    Revenue is to be recognised up to `recognise_through`; `accruals` are the running stretches that are
    earned but not billed by then. `forfeited`: nothing is left to deliver, so all that is deferred is revenue.
    `released`: invoices that were kept back are collected.
    """

    state: ContractState
    happened: str
    bill: Bill | None = None
    recognise_through: date | None = None
    accruals: tuple[Item, ...] = ()
    forfeited: bool = False
    delivered: Delivered | None = None
    released: bool = False
