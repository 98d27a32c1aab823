"""What a contract's accounting remembers: documents, schedules, credits. Everything that money does goes through it.

The database stores these values as rows; the in-memory engine keeps them as they are. The functions of
`domain.issuing` and `domain.correction` change them in place and add to `entries` what is to be posted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

from domain.journal import Entry
from domain.line import Recognition
from domain.period import first_instant
from domain.rating import Step, Usage
from domain.state import Item

DocumentKind = Literal["invoice", "credit_note"]
DocumentStatus = Literal["open", "paid", "void", "uncollectible", "issued"]
Basis = Literal["position", "unbilled"]


@dataclass(slots=True)
class BookedLine:
    """One line of a document, in minor units. On a credit note a positive amount is a credit.

    `schedule_id` is the schedule of its revenue; None where a plan over the term or prepaid credits earn it.
    `credited_minor` is what credit notes and refunds have taken off its net since, `discounted` what each discount of
    a fixed amount took off before, and what of it each grant of prepaid credits pays, by its id.
    """

    id: str
    line_id: str
    kind: str
    starts_on: date
    ends_on: date
    net_minor: int
    tax_minor: int
    recognize: Recognition
    schedule_id: str | None = None
    credited_minor: int = 0
    credited_tax_minor: int = 0
    quantity: str = ""
    steps: tuple[Step, ...] = ()
    item: Item | None = None
    discounted: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class Document:
    """An invoice or a credit note. What is open is its total less all that has lowered it since.

    `corrects` is the invoice that a credit note credits first. `bad_debt_minor` is what a write-off took to bad debt
    and `undone_minor` what it took out of deferred revenue; `disputed_minor` is money that the bank holds back.
    """

    id: str
    kind: DocumentKind
    sequence: int
    issued_on: date
    issued_at: datetime
    due_on: date
    net_minor: int
    tax_minor: int
    total_minor: int
    status: DocumentStatus
    lines: list[BookedLine]
    tax_by_rate: tuple[tuple[str, int], ...] = ()
    corrects: str | None = None
    credit_applied_minor: int = 0
    credited_minor: int = 0
    paid_minor: int = 0
    refunded_minor: int = 0
    written_off_minor: int = 0
    bad_debt_minor: int = 0
    undone_minor: int = 0
    written_off_on: date | None = None
    disputed_minor: int = 0
    held: bool = False
    held_because: str = ""
    correction_id: str | None = None

    def due_at(self, zone: str) -> datetime:
        """The instant from which it is due; one that is due at once is due when it is issued."""
        return max(self.issued_at, first_instant(self.due_on, zone))

    @property
    def open_minor(self) -> int:
        """What is still owed, in minor units; nothing on a credit note or a void invoice."""
        if self.kind == "credit_note" or self.status == "void":
            return 0
        lowered = self.credit_applied_minor + self.credited_minor + self.paid_minor + self.written_off_minor
        return self.total_minor - lowered


@dataclass(frozen=True, slots=True)
class Schedule:
    """`amount_minor` of one line's revenue, earned over the local dates [starts_on, ends_on); negative for a credit.

    `basis` is the account that its revenue is taken from: the contract's position, or unbilled receivables until
    it is billed. `posted` are the cumulative amounts posted by the first days of months, for what may change
    afterwards (usage); `progress` is what was delivered, as days with percentages in text.
    """

    id: str
    line_id: str
    basis: Basis
    method: Recognition
    starts_on: date
    ends_on: date
    amount_minor: int
    recognized_minor: int
    recognized_through: date
    parts: tuple[tuple[date, int], ...] = ()
    posted: tuple[tuple[date, int], ...] = ()
    progress: tuple[tuple[date, str], ...] = ()
    invoice_line_id: str | None = None
    billed: bool = True


@dataclass(slots=True)
class CustomerCredit:
    """What the customer is owed by a credit note or an overpayment; later invoices use it, oldest first."""

    id: str
    source: Literal["credit_note", "payment"]
    source_id: str
    invoice_id: str | None
    amount_minor: int
    remaining_minor: int
    sequence: int


@dataclass(slots=True)
class Grant:
    """Prepaid credits of one purchase, in minor units of what they pay for.

    `earned_minor` of the `paid_minor` is recognised as revenue: in proportion to use, and the rest when they expire.
    """

    id: str
    credit_id: str
    paid_minor: int
    granted_minor: int
    used_minor: int
    earned_minor: int
    starts_on: date
    expires_on: date | None
    priority: int
    lines: tuple[str, ...]
    schedule_line_id: str | None = None
    closed: bool = False


@dataclass(slots=True)
class Window:
    """One window of a commitment: what its lines came to, and what was billed for its shortfall and its overage."""

    id: str
    commitment_id: str
    starts_on: date
    ends_on: date
    amount_minor: int
    counted_minor: int = 0
    shortfall_minor: int = 0
    overage_minor: int = 0
    closed: bool = False


@dataclass(slots=True)
class RatedPeriod:
    """What was billed of one metered line's period: its stretches, and what they came to after discounts.

    `drawn_minor` of it was paid with prepaid credits; `discounted` is what each discount of a fixed amount took off.
    """

    id: str
    line_id: str
    starts_on: date
    ends_on: date
    items: tuple[Item, ...]
    billed_minor: int
    drawn_minor: int = 0
    discounted: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class Plan:
    """A line whose revenue follows the whole term, not its invoices.

    `billed_minor` is what was billed of it in the term so far, `amount_minor` what is planned as revenue of the term.
    Its schedules are `domain.keys.derived("sch", contract, "plan", id, n)`, one after the other; `schedules` counts.
    `version` is the contract's version that the plan was made for.
    """

    id: str
    line_id: str
    starts_on: date
    ends_on: date
    billed_minor: int = 0
    amount_minor: int = 0
    schedules: int = 0
    version: int = 0


class Schedules(dict[str, Schedule]):
    """Schedules by id. `running` are the ids of those that may earn more; whoever recognises takes out the others."""

    def __init__(self, schedules: Mapping[str, Schedule]) -> None:
        super().__init__(schedules)
        self.running = dict.fromkeys(schedules)

    def __setitem__(self, id_: str, schedule: Schedule) -> None:
        super().__setitem__(id_, schedule)
        self.running[id_] = None


class UsageSource(Protocol):
    """Where the usage of an item is read: events in memory, or rows that a claim holds fast."""

    def usage(self, item: Item, until: datetime | None = None) -> Usage:
        """The usage of the item's stretch; only that of events before `until`, where given."""
        ...

    def changed(self, period: RatedPeriod) -> bool:
        """Whether events of the period came, or were voided, after it was billed."""
        ...


@dataclass(slots=True)
class Books:
    """One contract's accounting. `closed_until` is the first day that takes entries; None where no month is closed.

    The dictionaries are by id; the database loads what an operation needs and stores what is in `touched`: pairs of
    a dictionary's name, such as "schedules", and the id that was changed in it.
    """

    contract_id: str
    customer_id: str
    currency: str
    book: str
    zone: str
    documents: dict[str, Document] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    credits: dict[str, CustomerCredit] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)
    periods: dict[str, RatedPeriod] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    closed_until: date | None = None
    entries: list[Entry] = field(default_factory=list)
    touched: set[tuple[str, str]] = field(default_factory=set)
    corrections: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.schedules = Schedules(self.schedules)

    @property
    def running(self) -> dict[str, None]:
        """The ids of the schedules that may earn more."""
        assert isinstance(self.schedules, Schedules)
        return self.schedules.running

    def keep(self, schedule: Schedule) -> None:
        """Store a schedule."""
        self.schedules[schedule.id] = schedule
        self.touched.add(("schedules", schedule.id))
