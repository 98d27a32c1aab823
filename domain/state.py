"""A contract in motion: its state, what the outside wants of it, and what must then be made so."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from domain.prices import NonNegative, Price
from domain.terms import Aggregate, Frozen, Recognition, Slug, Terms

Status = Literal["signed", "active", "past_due", "cancelled", "expired"]
ENDED: frozenset[Status] = frozenset({"cancelled", "expired"})


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the running period under one quantity and price; `start` and `end` are local dates.

    Usage is told apart by the instants, so that each event pays the price in force at its own time.
    """

    start: date
    end: date
    start_at: datetime
    end_at: datetime
    quantity: Decimal | None
    price: Price


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A change that waits for the line's next period."""

    quantity: Decimal | None = None
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class LineState:
    """How far one line has been billed. Period `index` holds the day `billed_through`.

    `since` and `since_at` begin the stretch that the present quantity and price govern; `past` are the
    earlier stretches of a running period that is billed in arrears.
    """

    id: str
    index: int
    billed_through: date
    since: date
    since_at: datetime
    past: tuple[Segment, ...] = ()
    upcoming: Upcoming | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to put on a bill: `part_days` of the `whole_days` of a period, at a price.

    A `credit` is the mirror of a `charge`. `usage` takes its quantity from the events in [from_at, to_at).
    """

    line: str
    kind: Literal["charge", "credit", "usage"]
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


@dataclass(frozen=True, slots=True)
class Bill:
    """Draft and issue one document, the contract's `document`-th, for these items, dated `on`."""

    document: int
    on: date
    at: datetime
    due_on: date
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class ContractState:
    """All that a contract's workflow knows.

    `decided_at` is the instant of the last wake or change, `carried` waits for the next regular invoice, `unpaid` are
    the invoices that are due and not settled. Wake-ups are spread over `spread_seconds` after they are due, which
    moves no date and no cut-off.
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

    @property
    def ended(self) -> bool:
        return self.status in ENDED


@dataclass(frozen=True, slots=True)
class Due:
    """The next thing that time brings, and why."""

    on: date
    at: datetime
    reason: Literal["start", "bill", "renew", "end", "recognise"]


# What the outside wants.


class Wake(Frozen):
    """Time has come: do what is due at this instant."""

    kind: Literal["wake"] = "wake"


class ChangeLine(Frozen):
    """Another quantity or price for a line.

    `effective: now` prorates by day; its lines go on an invoice of their own (`invoice: now`) or on the
    next regular one (`next`). `effective: next_period` takes effect at the line's next boundary.
    """

    kind: Literal["change_line"] = "change_line"
    line: Slug
    quantity: NonNegative | None = None
    price: Price | None = None
    effective: Literal["now", "next_period"] = "now"
    invoice: Literal["now", "next"] = "now"


class Cancel(Frozen):
    """End the contract now or when the periods that run are over; `credit` says what becomes of unused days."""

    kind: Literal["cancel"] = "cancel"
    when: Literal["now", "period_end"] = "period_end"
    credit: Literal["unused", "none"] = "unused"


class InvoiceUnpaid(Frozen):
    """An invoice is due and was not settled."""

    kind: Literal["invoice_unpaid"] = "invoice_unpaid"
    invoice_id: str


class InvoiceSettled(Frozen):
    """An invoice is settled."""

    kind: Literal["invoice_settled"] = "invoice_settled"
    invoice_id: str


Change = Annotated[ChangeLine | Cancel, Field(discriminator="kind")]
Command = Wake | ChangeLine | Cancel | InvoiceUnpaid | InvoiceSettled


@dataclass(frozen=True, slots=True)
class Decision:
    """The state after a command, and what must be made so.

    Revenue is to be recognised up to `recognise_through`; `accruals` are the running stretches that are
    earned but not billed by then. `forfeited`: nothing is left to deliver, so all that is deferred is revenue.
    """

    state: ContractState
    happened: str
    bill: Bill | None = None
    recognise_through: date | None = None
    accruals: tuple[Item, ...] = ()
    forfeited: bool = False
