"""What to do next to collect an invoice. Each decision is one transaction; the call it leads to comes after it."""

from dataclasses import dataclass

from sqlmodel import Session

from activities.dunning import note_decline
from activities.settlement import SETTLED, UNANSWERED, declined, lock_both
from activities.signatures import ChargeInvoice, ChargeOutcome
from domain import keys
from domain.payment import NO_PAYMENT_METHOD
from gateways.payment import CreateIntent
from models import collection
from models.customer import payer_of
from models.invoice import Invoice
from models.payment import Payment, PaymentAttempt, attempt_of

SUPERSEDED = ChargeOutcome("declined", "superseded", "a newer attempt was made")


@dataclass(frozen=True, slots=True)
class Create:
    """Create the invoice's intent."""

    intent: CreateIntent
    key: str


@dataclass(frozen=True, slots=True)
class Review:
    """Read the intent: an attempt was sent and its outcome is not known."""

    intent_id: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel the intent: another amount is open now."""

    intent_id: str
    key: str


@dataclass(frozen=True, slots=True)
class Confirm:
    """Confirm the intent; the attempt is noted as sent."""

    intent_id: str
    payment_method: str
    key: str


Step = Create | Review | Cancel | Confirm | ChargeOutcome


def next_step(session: Session, request: ChargeInvoice) -> Step:
    """The next call to the gateway, or what became of the charge."""
    invoice, payment = lock_both(session, request.invoice_id)
    if payment is not None and payment.status == "succeeded":
        return SETTLED
    if invoice.open_minor == 0:
        collection.settle(session, invoice.id)
        return SETTLED
    payment = payment or _new_payment(session, invoice, request)
    known = _known(session, payment, request)
    return known or _offer(session, invoice, payment, request)


def _known(session: Session, payment: Payment, request: ChargeInvoice) -> Step | None:
    """The outcome of an attempt that was made before, or the step to learn it."""
    attempt = attempt_of(session, payment, request.attempt)
    if attempt is not None and attempt.status not in UNANSWERED | {"created"}:
        return declined(attempt)
    if request.attempt < payment.attempt:
        return SUPERSEDED
    latest = attempt_of(session, payment, payment.attempt)
    if latest is not None and latest.status in UNANSWERED:
        assert payment.intent_id is not None
        return Review(payment.intent_id)
    if latest is not None and latest.number < request.attempt and latest.status == "created":
        latest.status, latest.code = "canceled", "not_executed"
    return None


def _offer(session: Session, invoice: Invoice, payment: Payment, request: ChargeInvoice) -> Step:
    """The steps to a confirmation: a payment method, an intent of the open amount, a key."""
    attempt = attempt_of(session, payment, request.attempt)
    method, customer = _who_pays(session, invoice, attempt)
    if method is None or customer is None:
        return _no_method(session, invoice, payment, request)
    if payment.intent_id is None:
        if payment.amount_minor != invoice.open_minor:
            renew(payment, invoice, attempt)
        wanted = CreateIntent(invoice.id, invoice.contract_id, customer, payment.amount_minor, payment.currency)
        return Create(wanted, _numbered(f"pi:{invoice.id}", payment.intent_number))
    if payment.amount_minor != invoice.open_minor:
        return Cancel(payment.intent_id, f"pix:{invoice.id}:{payment.intent_number}")
    attempt = attempt or _new_attempt(session, payment, request)
    attempt.status, attempt.payment_method = "sent", method
    attempt.key = _numbered(f"pic:{invoice.id}:{request.attempt}", attempt.key_number)
    payment.attempt, payment.status = request.attempt, "confirming"
    return Confirm(payment.intent_id, method, attempt.key)


def _who_pays(session: Session, invoice: Invoice, attempt: PaymentAttempt | None) -> tuple[str | None, str | None]:
    """The payment method to charge and the gateway's customer. A repeat under the same key keeps its method."""
    method, customer = payer_of(session, invoice.customer_id)
    if attempt is not None and attempt.payment_method is not None:
        method = attempt.payment_method
    return method, customer


def _no_method(session: Session, invoice: Invoice, payment: Payment, request: ChargeInvoice) -> ChargeOutcome:
    attempt = attempt_of(session, payment, request.attempt) or _new_attempt(session, payment, request)
    attempt.status, attempt.code = "failed", NO_PAYMENT_METHOD
    attempt.message = "The customer has no payment method."
    payment.attempt, payment.status = request.attempt, "failed"
    outcome = declined(attempt)
    note_decline(session, invoice, attempt=request.attempt, at=request.at, retry=request.retry_at, outcome=outcome)
    return outcome


def _new_payment(session: Session, invoice: Invoice, request: ChargeInvoice) -> Payment:
    payment = Payment(
        id=keys.derived("pay", invoice.id),
        invoice_id=invoice.id,
        contract_id=invoice.contract_id,
        customer_id=invoice.customer_id,
        gateway="stripe",
        currency=invoice.currency,
        amount_minor=invoice.open_minor,
        created_at=request.at,
    )
    session.add(payment)
    session.flush()
    return payment


def _new_attempt(session: Session, payment: Payment, request: ChargeInvoice) -> PaymentAttempt:
    attempt = PaymentAttempt(
        payment_id=payment.id,
        number=request.attempt,
        status="created",
        prior_charge_id=payment.last_charge_id,
        business_at=request.at,
    )
    session.add(attempt)
    return attempt


def renew(payment: Payment, invoice: Invoice, attempt: PaymentAttempt | None) -> None:
    """Make way for another intent. The one before is cancelled or was never stored, so it can take no money."""
    if attempt is not None and attempt.status == "created":
        attempt.payment_method, attempt.prior_charge_id = None, None
        attempt.key_number += 1
    payment.intent_id, payment.last_charge_id = None, None
    payment.intent_number += 1
    payment.amount_minor = invoice.open_minor


def _numbered(key: str, number: int) -> str:
    return key if number == 1 else f"{key}:{number}"
