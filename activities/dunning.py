"""Where collecting an invoice stands, noted in the transaction that learns of it."""

from datetime import datetime

from sqlmodel import Session

from activities.signatures import ChargeOutcome
from domain.dunning import retry_at
from domain.terms import Dunning
from models import collection
from models.collection import CollectionCase
from models.contract import setting_of
from models.invoice import Invoice, get_invoice
from models.payment import PaymentAttempt


def note_decline(
    session: Session, invoice: Invoice, *, attempt: int, at: datetime, retry: datetime | None, outcome: ChargeOutcome
) -> None:
    """A charge was declined, to be tried again at `retry`; without that the collection is exhausted."""
    case = _case(session, invoice, attempt, outcome)
    case.stage = "retrying" if retry else "exhausted"
    case.first_failed_at, case.next_action_at = at, retry
    collection.decline(session, case)


def note_late_decline(
    session: Session, invoice: Invoice, attempt: PaymentAttempt, at: datetime, outcome: ChargeOutcome
) -> None:
    """A charge that was pending turned out to be declined: the next retry follows from the contract's terms."""
    setting = setting_of(session, invoice.contract_id)
    known = session.get(CollectionCase, invoice.id)
    first = known.first_failed_at if known and known.first_failed_at else at
    retry = retry_at(Dunning.model_validate(setting.dunning), first, attempt.business_at, setting.zone)
    note_decline(session, invoice, attempt=attempt.number, at=first, retry=retry, outcome=outcome)


def note_pending(session: Session, invoice: Invoice, attempt: int) -> None:
    """The gateway will know later, and nobody can say when."""
    collection.pend(session, _case(session, invoice, attempt, ChargeOutcome("pending", "processing")))


def note_outage(session: Session, invoice_id: str, at: datetime) -> None:
    """The charge that is due at `at` has no outcome yet; what is noted already stays."""
    invoice = get_invoice(session, invoice_id)
    if invoice is not None and invoice.open_minor:
        case = _case(session, invoice, 0, ChargeOutcome("pending"))
        case.next_action_at = at
        collection.schedule(session, case)


def _case(session: Session, invoice: Invoice, attempt: int, outcome: ChargeOutcome) -> CollectionCase:
    return CollectionCase(
        invoice_id=invoice.id,
        contract_id=invoice.contract_id,
        customer_id=invoice.customer_id,
        clock_id=setting_of(session, invoice.contract_id).clock_id,
        stage="scheduled",
        attempts=attempt,
        last_code=outcome.code,
        last_message=outcome.message,
    )
