"""What the gateway says of a payment, recorded: money is posted once per intent, and states only move forward."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from activities.bookkeeping import ended_on, open_books
from activities.failures import GatewayContradiction, UnknownInvoice
from activities.signatures import ChargeOutcome
from domain.journal import Entry, Posting
from domain.payment import PaymentStatus, advances
from domain.payments import pay
from domain.period import local_date
from gateways.payment import Intent, IntentStatus
from models import collection
from models.books import lock, store
from models.contract import setting_of
from models.invoice import Invoice, get_invoice, lock_invoice, lower_open
from models.journal import post
from models.payment import Payment, PaymentAttempt, attempt_of, lock_payment
from models.period import first_open_day

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


def lock_all(session: Session, invoice_id: str) -> tuple[Invoice, Payment | None]:
    """The invoice and its payment, with the contract's row locked first, as whoever changes its books does.

    Raises:
        UnknownInvoice: if there is no such invoice.
    """
    invoice = get_invoice(session, invoice_id)
    if invoice is not None:
        lock(session, invoice.contract_id)
    return lock_both(session, invoice_id)


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
    before: tuple[int, PaymentStatus] = (payment.attempt, payment.status)  # type: ignore[assignment]  # the database checks it
    if advances(before, (number, status)):
        payment.attempt, payment.status = number, status


def _settle(
    session: Session, invoice: Invoice, payment: Payment, attempt: PaymentAttempt | None, charged: Charged
) -> ChargeOutcome:
    _move(payment, attempt, "succeeded", charged.intent)
    payment.settled_at = charged.at
    day = local_date(charged.at, setting_of(session, invoice.contract_id).zone)
    # Money that came late for a month that is closed counts from the first day that takes entries.
    day = max(day, first_open_day(session, invoice.legal_entity) or day)
    if charged.intent.received_minor <= invoice.open_minor:
        lower_open(session, invoice.id, paid_minor=charged.intent.received_minor)
        post(session, _entry(invoice, charged.intent, day))
    else:
        _apply(session, invoice, charged, day)
    collection.settle(session, invoice.id)
    return SETTLED


def _apply(session: Session, invoice: Invoice, charged: Charged, day: date) -> None:
    """Apply more than is still open: the invoice was corrected while the charge was under way."""
    session.flush()
    books, state = open_books(session, invoice.contract_id, invoice.id)
    received, key = charged.intent.received_minor, charged.intent.id
    over = ended_on(state)
    pay(books, invoice.id, received, on=day, at=charged.at, key=key, account="gateway_clearing", ended_on=over)
    store(session, books, terms=state.terms, at=charged.at)
    session.expire(invoice)


def _entry(invoice: Invoice, intent: Intent, day: date) -> Entry:
    """What `domain.payments.pay` posts for money that pays what is open; for that alone no books are needed."""
    return Entry(
        idempotency_key=f"payment/{intent.id}",
        kind="payment",
        source_type="payment",
        source_id=intent.id,
        posting_on=day,
        currency=invoice.currency,
        postings=(Posting("gateway_clearing", intent.received_minor), Posting("receivable", -intent.received_minor)),
        contract_id=invoice.contract_id,
        customer_id=invoice.customer_id,
        invoice_id=invoice.id,
        book=invoice.legal_entity,
    )
