"""All that a workflow may know of the steps it orders: their names, what they take and what they return.

A step may run more than once. The second run finds what the first one wrote and returns the same.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from temporalio import activity

from domain.invoice import DocumentKind
from domain.life import Corrected, CorrectInvoice, MigrationProgress
from domain.quote import QuoteDecision
from domain.state import Decision, Item

LEDGER_QUEUE = "ledger"
PAYMENTS_QUEUE = "payments"
CONTRACTS_QUEUE = "contracts"

# No two instants lie closer together, here and in the database.
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision of a contract's workflow at the instant `at`; `sequence` counts them over its whole life."""

    decision: Decision
    sequence: int
    at: datetime
    clock_id: str | None = None


@dataclass(frozen=True, slots=True)
class RateUsage:
    """Claim the usage of these items of the contract's document number `document`.

    With `late` also what came late for periods that were billed before.
    """

    contract_id: str
    document: int
    items: tuple[tuple[int, Item], ...]
    late: bool = False


@dataclass(frozen=True, slots=True)
class Issued:
    """The document that came of a bill: nothing where it had no lines. `open_minor` is still to be collected."""

    invoice_id: str | None
    number: str | None = None
    kind: DocumentKind | None = None
    currency: str = ""
    total_minor: int = 0
    open_minor: int = 0
    due_on: date | None = None
    lines: int = 0
    held: bool = False
    held_because: str = ""


@dataclass(frozen=True, slots=True)
class ChargeInvoice:
    """Collect what is open on an invoice: attempt number `attempt`, at the business instant `at`.

    `retry_at` is when it will be tried again should it be declined; None if it will not.
    """

    invoice_id: str
    attempt: int
    at: datetime
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReviewPayment:
    """Read the invoice's payment again at the gateway, since something happened there; `at` is business time."""

    invoice_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ChargeOutcome:
    """What became of a charge. A decline is a result; an outage is never returned, it is retried."""

    kind: Literal["settled", "declined", "pending"]
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class PreparedRefund:
    """Where money is to go back to: `amount_minor` of it through the intent that it came by, the rest by hand."""

    amount_minor: int = 0
    currency: str = ""
    intent_id: str | None = None
    refused: str | None = None
    field: str = ""


@dataclass(frozen=True, slots=True)
class RefundIntent:
    """Give back a part of what an intent collected; the same id never gives it back twice."""

    correction_id: str
    intent_id: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Refunded:
    """The gateway's id of a refund, or why it does not give that much back."""

    refund_id: str = ""
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class QuoteDecided:
    """A decision of a quote's workflow at the instant `at`; `sequence` counts them over its whole life."""

    decision: QuoteDecision
    sequence: int
    at: datetime
    clock_id: str | None = None


@dataclass(frozen=True, slots=True)
class MovePage:
    """Move the next contracts of a migration, those after the place `after`."""

    migration_id: str
    after: int


@dataclass(frozen=True, slots=True)
class MovedPage:
    """How far a migration has come; `last` is the place of the last contract asked, None where none was left."""

    progress: MigrationProgress
    last: int | None


class InvoicingSteps(ABC):
    @activity.defn(name="rate_usage")
    @abstractmethod
    def rate_usage(self, request: RateUsage) -> int:
        """Claim usage and store one rated line for each item; return how many events were claimed."""

    @activity.defn(name="issue_invoice")
    @abstractmethod
    def issue_invoice(self, request: Decided) -> Issued:
        """Issue the decision's bill, recognise revenue up to its date and record the contract, all at once."""

    @activity.defn(name="record_change")
    @abstractmethod
    def record_change(self, request: Decided) -> None:
        """Record a decision that bills nothing, with the revenue that it recognises."""

    @activity.defn(name="has_payment_method")
    @abstractmethod
    def has_payment_method(self, customer_id: str) -> bool:
        """Whether the customer has a payment method that invoices are charged to."""


class CorrectionSteps(ABC):
    @activity.defn(name="correct_invoice")
    @abstractmethod
    def correct_invoice(self, request: CorrectInvoice) -> Corrected:
        """Correct an invoice in the books, all at once; a refusal is a result."""

    @activity.defn(name="prepare_refund")
    @abstractmethod
    def prepare_refund(self, request: CorrectInvoice) -> PreparedRefund:
        """Whether the invoice allows the refund, and which intent it goes through; nothing is written."""

    @activity.defn(name="fall_due")
    @abstractmethod
    def fall_due(self, request: ReviewPayment) -> bool:
        """Note that an invoice is due whose customer pays by hand; return whether it is still open."""


class RefundSteps(ABC):
    @activity.defn(name="refund_intent")
    @abstractmethod
    def refund_intent(self, request: RefundIntent) -> Refunded:
        """Give the money back at the gateway; a refusal is a result."""


class ChargingSteps(ABC):
    @activity.defn(name="charge_invoice")
    @abstractmethod
    def charge_invoice(self, request: ChargeInvoice) -> ChargeOutcome:
        """Collect through the invoice's one payment intent, or find that it was collected already."""

    @activity.defn(name="review_payment")
    @abstractmethod
    def review_payment(self, request: ReviewPayment) -> ChargeOutcome:
        """Record what the gateway says of the invoice's payment, and mark the events that told of it as handled."""


class QuotingSteps(ABC):
    @activity.defn(name="record_quote")
    @abstractmethod
    def record_quote(self, request: QuoteDecided) -> None:
        """Record a decision of a quote; one that accepts it stores the acceptance and the contract, all at once."""

    @activity.defn(name="start_contract")
    @abstractmethod
    async def start_contract(self, contract_id: str) -> None:
        """See to it that the workflow of a stored contract was started."""


@dataclass(frozen=True, slots=True)
class ClockTarget:
    """Where a test clock is to go. With `exclusive`, what is due at that very instant waits for the next advance."""

    clock_id: str
    to: datetime
    exclusive: bool = False

    @property
    def until(self) -> datetime:
        """The last instant whose dues are done."""
        return self.to - INSTANT if self.exclusive else self.to


class ClockSteps(ABC):
    @activity.defn(name="advance_members")
    @abstractmethod
    async def advance_members(self, target: ClockTarget) -> int:
        """Wake all that hangs on the clock, instant by instant up to the target; return how many wake-ups it took.

        The clock's own time is moved last, when all that was due is done.
        """


class MigrationSteps(ABC):
    @activity.defn(name="move_page")
    @abstractmethod
    async def move_page(self, page: MovePage) -> MovedPage:
        """Ask some contracts to move and record what became of it; one that is held up stays for another round."""
