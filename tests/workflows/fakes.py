"""Steps that record what they were asked and answer as told, for workflows tested without a database."""

from collections.abc import Callable
from dataclasses import dataclass, field

from temporalio import activity

from activities.signatures import (
    ChargeInvoice,
    ChargeOutcome,
    ChargingSteps,
    Decided,
    InvoicingSteps,
    Issued,
    RateUsage,
    ReviewPayment,
)
from domain import keys
from domain.invoice import draft
from domain.rating import Usage
from domain.state import Bill

SETTLED = ChargeOutcome("settled")


def declined(code: str) -> ChargeOutcome:
    return ChargeOutcome("declined", code)


@dataclass
class FakeSteps(InvoicingSteps, ChargingSteps):
    """Issues what the domain drafts (usage is zero), and charges as `outcomes` say, then always with success."""

    outcomes: list[ChargeOutcome] = field(default_factory=list)
    reviews: list[ChargeOutcome] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    changes: list[Decided] = field(default_factory=list)
    charges: list[ChargeInvoice] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
    payable: bool = True

    @activity.defn(name="rate_usage")
    def rate_usage(self, request: RateUsage) -> int:
        return 0

    @activity.defn(name="issue_invoice")
    def issue_invoice(self, request: Decided) -> Issued:
        state, bill = request.decision.state, request.decision.bill
        assert bill is not None
        usage = {n: Usage(state.terms.lines[0].units * 0) for n, item in enumerate(bill.items) if item.kind == "usage"}
        document = draft(bill, usage, state.terms)
        if document is None:
            return Issued(None)
        self.bills.append(bill)
        invoice_id = keys.invoice_id(state.contract_id, bill.document)
        self.totals[invoice_id] = document.total_minor
        return Issued(
            invoice_id=invoice_id,
            number=f"INV-{bill.document:06}",
            kind=document.kind,
            currency=state.terms.currency,
            total_minor=document.total_minor,
            open_minor=document.total_minor if document.kind == "invoice" else 0,
            due_on=bill.due_on,
            lines=len(document.lines),
        )

    @activity.defn(name="record_change")
    def record_change(self, request: Decided) -> None:
        self.changes.append(request)

    @activity.defn(name="has_payment_method")
    def has_payment_method(self, customer_id: str) -> bool:
        return self.payable

    @activity.defn(name="charge_invoice")
    def charge_invoice(self, request: ChargeInvoice) -> ChargeOutcome:
        self.charges.append(request)
        return self.outcomes.pop(0) if self.outcomes else SETTLED

    @activity.defn(name="review_payment")
    def review_payment(self, request: ReviewPayment) -> ChargeOutcome:
        return self.reviews.pop(0) if self.reviews else SETTLED

    def all(self) -> list[Callable[..., object]]:
        return [
            self.rate_usage,
            self.issue_invoice,
            self.record_change,
            self.has_payment_method,
            self.charge_invoice,
            self.review_payment,
        ]
