"""What the gateway says of a payment, recorded: money is posted once per intent, and states only move forward."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from activities.failures import GatewayContradiction, UnknownInvoice
from activities.signatures import ChargeOutcome
from domain import keys
from domain.journal import Entry, Posting
from domain.payment import PaymentStatus, advances
from domain.period import local_date
from gateways.payment import Intent, IntentStatus
from models import collection
from models.contract import setting_of
from models.credit import CustomerCredit, give
from models.invoice import Invoice, lock_invoice, lower_open
from models.journal import post
from models.payment import Payment, PaymentAttempt, attempt_of, lock_payment

SETTLED = ChargeOutcome("settled")
PENDING = ChargeOutcome("pending")
UNANSWERED = frozenset({"sent", "processing"})


@dataclass(frozen=True, slots=True)
class Charged:
    """An intent as the gateway showed it at the business instant `at`.

    `answers` is the number of the attempt that it is the direct answer to; None where the intent was only read.
    """

    intent: Intent
    at: datetime
    answers: int | None = None


def lock_both(session: Session, invoice_id: str) -> tuple[Invoice, Payment | None]:
    """The invoice and its payment, locked in the one order that everybody keeps to.

    Raises:
        UnknownInvoice: if there is no such invoice.
    """
    invoice = lock_invoice(session, invoice_id)
    if invoice is None:
        raise UnknownInvoice(f"there is no invoice {invoice_id}")
    return invoice, lock_payment(session, invoice_id)


def record(session: Session, invoice: Invoice, payment: Payment, charged: Charged) -> ChargeOutcome | None:
    """Record what an intent shows; None where it shows nothing of the latest attempt.

    Raises:
        GatewayContradiction: if the intent is of another amount, currency or invoice.
    """
    intent = charged.intent
    if payment.status == "succeeded":
        return SETTLED
    if intent.id != payment.intent_id:
        return None
    _check(payment, intent)
    attempt = attempt_of(session, payment, charged.answers or payment.attempt)
    match intent.status:
        case IntentStatus.SUCCEEDED:
            return _settle(session, invoice, payment, attempt, charged)
        case IntentStatus.PROCESSING | IntentStatus.REQUIRES_CAPTURE:
            _move(payment, attempt, "processing", intent)
            return PENDING
        case IntentStatus.CANCELED:
            return None
        case IntentStatus.REQUIRES_ACTION if attempt is not None and attempt.status in UNANSWERED:
            attempt.code = "authentication_required"
            attempt.message = intent.decline_message
            _move(payment, attempt, "requires_action", intent)
            return declined(attempt)
    if attempt is None or not _executed(attempt, charged):
        return None
    attempt.code, attempt.message = intent.decline_code or "declined", intent.decline_message
    _move(payment, attempt, "failed", intent)
    return declined(attempt)


def declined(attempt: PaymentAttempt) -> ChargeOutcome:
    return ChargeOutcome("declined", attempt.code, attempt.message)


def _executed(attempt: PaymentAttempt, charged: Charged) -> bool:
    """Whether an intent that awaits a payment method shows that this attempt was made, and failed."""
    if charged.answers == attempt.number:
        return True
    new_charge = charged.intent.latest_charge_id not in (None, attempt.prior_charge_id)
    return attempt.status == "processing" or (attempt.status == "sent" and new_charge)


def _check(payment: Payment, intent: Intent) -> None:
    ours = (payment.amount_minor, payment.currency, payment.invoice_id)
    theirs = (intent.amount_minor, intent.currency, intent.invoice_id)
    if ours != theirs:
        raise GatewayContradiction(f"intent {intent.id} is {theirs} at the gateway, not {ours}")
    if intent.status is IntentStatus.SUCCEEDED and intent.received_minor != payment.amount_minor:
        raise GatewayContradiction(f"intent {intent.id} received {intent.received_minor}, not {payment.amount_minor}")


def _move(payment: Payment, attempt: PaymentAttempt | None, status: PaymentStatus, intent: Intent) -> None:
    payment.last_charge_id = intent.latest_charge_id
    number = attempt.number if attempt else payment.attempt
    if attempt is not None:
        attempt.status = status
        attempt.charge_id = intent.latest_charge_id
    before: tuple[int, PaymentStatus] = (payment.attempt, payment.status)  # type: ignore[assignment]
    if advances(before, (number, status)):
        payment.attempt, payment.status = number, status


def _settle(
    session: Session, invoice: Invoice, payment: Payment, attempt: PaymentAttempt | None, charged: Charged
) -> ChargeOutcome:
    received = charged.intent.received_minor
    paid = min(received, invoice.open_minor)
    _move(payment, attempt, "succeeded", charged.intent)
    payment.settled_at = charged.at
    if paid:
        lower_open(session, invoice.id, paid_minor=paid)
    if received > paid:
        _give_back(session, payment, received - paid, charged.at)
    post(session, _entry(session, invoice, charged, received=received, paid=paid))
    collection.settle(session, invoice.id)
    return SETTLED


def _give_back(session: Session, payment: Payment, amount_minor: int, at: datetime) -> None:
    """More came than was still owed, since a credit note was issued while the charge was under way."""
    credit = CustomerCredit(
        id=keys.derived("ccr", payment.id),
        contract_id=payment.contract_id,
        customer_id=payment.customer_id,
        payment_id=payment.id,
        currency=payment.currency,
        amount_minor=amount_minor,
        remaining_minor=amount_minor,
        created_at=at,
    )
    session.flush()
    give(session, credit)


def _entry(session: Session, invoice: Invoice, charged: Charged, *, received: int, paid: int) -> Entry:
    postings = (
        Posting("gateway_clearing", received),
        Posting("receivable", -paid),
        Posting("customer_credit", paid - received),
    )
    return Entry(
        idempotency_key=f"payment/{charged.intent.id}",
        kind="payment",
        source_type="payment_intent",
        source_id=charged.intent.id,
        posting_on=local_date(charged.at, setting_of(session, invoice.contract_id).zone),
        currency=invoice.currency,
        postings=tuple(posting for posting in postings if posting.amount_minor),
        contract_id=invoice.contract_id,
        customer_id=invoice.customer_id,
        invoice_id=invoice.id,
    )
