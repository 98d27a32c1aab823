"""All that a workflow may know of the steps it orders: their names, what they take and what they return.

A step may run more than once. The second run finds what the first one wrote and returns the same.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from temporalio import activity

from domain.invoice import DocumentKind
from domain.state import Decision, Item

LEDGER_QUEUE = "ledger"
PAYMENTS_QUEUE = "payments"
CONTRACTS_QUEUE = "contracts"


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision of a contract's workflow at the instant `at`; `sequence` counts them over its whole life."""

    decision: Decision
    sequence: int
    at: datetime
    clock_id: str | None = None


@dataclass(frozen=True, slots=True)
class RateUsage:
    """Claim the usage of these items of the contract's document number `document`."""

    contract_id: str
    document: int
    items: tuple[tuple[int, Item], ...]


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


class ChargingSteps(ABC):
    @activity.defn(name="charge_invoice")
    @abstractmethod
    def charge_invoice(self, request: ChargeInvoice) -> ChargeOutcome:
        """Collect through the invoice's one payment intent, or find that it was collected already."""

    @activity.defn(name="review_payment")
    @abstractmethod
    def review_payment(self, request: ReviewPayment) -> ChargeOutcome:
        """Record what the gateway says of the invoice's payment, and mark the events that told of it as handled."""


@dataclass(frozen=True, slots=True)
class ClockTarget:
    """Where a test clock is to go."""

    clock_id: str
    to: datetime


class ClockSteps(ABC):
    @activity.defn(name="advance_members")
    @abstractmethod
    async def advance_members(self, target: ClockTarget) -> int:
        """Wake all that hangs on the clock, instant by instant up to the target; return how many wake-ups it took.

        The clock's own time is moved last, when all that was due by then is done.
        """
