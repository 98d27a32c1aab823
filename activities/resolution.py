"""What a call to the gateway has shown, recorded, and the step that follows from it."""

from sqlmodel import Session

from activities.attempts import Step, next_step, renew
from activities.dunning import note_decline, note_pending
from activities.settlement import UNANSWERED, Charged, lock_all, lock_both, record
from activities.signatures import ChargeInvoice, ChargeOutcome
from gateways.payment import Intent, IntentStatus
from models.invoice import Invoice
from models.payment import Payment, attempt_of


def adopt(session: Session, request: ChargeInvoice, intent: Intent) -> Step:
    """Store the intent that was created for the invoice, and go on. The first that was stored is the one for good."""
    _, payment = lock_both(session, request.invoice_id)
    if payment is not None and payment.intent_id is None:
        payment.intent_id = intent.id
        session.flush()
    return next_step(session, request)


def resolve(session: Session, request: ChargeInvoice, intent: Intent, answers: int | None = None) -> Step:
    """Record what an intent shows, and go on where it shows that the latest attempt was not executed."""
    invoice, payment = lock_all(session, request.invoice_id)
    assert payment is not None
    outcome = record(session, invoice, payment, Charged(intent, request.at, answers))
    session.flush()
    if outcome is not None:
        return _told(session, invoice, payment, request, outcome)
    if intent.id == payment.intent_id:
        latest = attempt_of(session, payment, payment.attempt)
        if latest is not None and latest.status in UNANSWERED:
            latest.status = "created"
        if intent.status is IntentStatus.CANCELED:
            renew(payment, invoice, latest)
        session.flush()
    return next_step(session, request)


def spend_key(session: Session, request: ChargeInvoice, *, forget_method: bool = False) -> None:
    """Give the attempt another key: the gateway did not execute it and would repeat its answer to this one.

    There is one intent, so even an answer that was wrong leaves at most one success.
    """
    _, payment = lock_both(session, request.invoice_id)
    attempt = attempt_of(session, payment, request.attempt) if payment else None
    if attempt is not None and attempt.status in ("sent", "created"):
        attempt.status, attempt.key_number = "created", attempt.key_number + 1
        if forget_method:
            attempt.payment_method = None


def spend_creation_key(session: Session, request: ChargeInvoice) -> None:
    """Create the intent under another key: an intent that is not stored is never confirmed, so it moves no money."""
    _, payment = lock_both(session, request.invoice_id)
    if payment is not None and payment.intent_id is None:
        payment.intent_number += 1


def _told(session: Session, invoice: Invoice, payment: Payment, request: ChargeInvoice, outcome: ChargeOutcome) -> Step:
    """`outcome` where it is this attempt's; the failure of an older one makes way for it."""
    if outcome.kind == "pending":
        note_pending(session, invoice, payment.attempt)
    if outcome.kind != "declined":
        return outcome
    if payment.attempt < request.attempt:
        return next_step(session, request)
    if payment.attempt == request.attempt:
        note_decline(session, invoice, attempt=request.attempt, at=request.at, retry=request.retry_at, outcome=outcome)
    return outcome
