"""Corrections of invoices in the books: payments by hand, credit notes, refunds, voids, write-offs, disputes."""

from dataclasses import replace
from typing import Final

from sqlmodel import Session
from temporalio import activity

from activities.bookkeeping import ended_on, open_books
from activities.failures import visible
from activities.signatures import CorrectionSteps, PreparedRefund, ReviewPayment
from domain.books import Books, Document
from domain.correcting import RefundPayment, correct
from domain.errors import DomainError
from domain.life import CollectionLife, Corrected, CorrectInvoice
from domain.period import local_date
from domain.state import ContractState
from domain.terms import Terms
from models import collection
from models.books import store
from models.contract import Setting, setting_of
from models.correction import CorrectionRecord, at_gateway, done, keep
from models.database import Database
from models.invoice import get_invoice, lock_invoice
from models.payment import payment_of_invoice

# What may lower what is open on the invoice.
CHANGES_OPEN: Final = frozenset({"payment", "credit_note", "void", "write_off"})


class Correcting(CorrectionSteps):
    """Each step is one transaction that holds the contract's row, so that corrections and bills come one by one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="correct_invoice")
    def correct_invoice(self, request: CorrectInvoice) -> Corrected:
        with visible():
            try:
                return self._database.run(lambda session: _correct(session, request))
            except DomainError as error:
                return Corrected(refused=error.message, field=error.field)

    @activity.defn(name="prepare_refund")
    def prepare_refund(self, request: CorrectInvoice) -> PreparedRefund:
        with visible():
            return self._database.run(lambda session: _prepared(session, request))

    @activity.defn(name="fall_due")
    def fall_due(self, request: ReviewPayment) -> bool:
        with visible():
            return self._database.run(lambda session: _fall_due(session, request))


def _fall_due(session: Session, request: ReviewPayment) -> bool:
    invoice = lock_invoice(session, request.invoice_id)
    if invoice is None or not invoice.open_minor:
        collection.settle(session, request.invoice_id)
        return False
    return collection.fall_due(session, request.invoice_id, request.at)


def _correct(session: Session, request: CorrectInvoice) -> Corrected:
    books, state = open_books(session, request.contract_id, request.invoice_id)
    setting = setting_of(session, request.contract_id)
    before = done(session, request.correction_id)
    if before is not None:
        made = books.documents[before.document_id] if before.document_id else None
        number = _number(session, made)
        return _corrected(request, books, made, number, state, setting)
    was_open = books.documents[request.invoice_id].open_minor > 0
    made = _made(books, request, state)
    if was_open and not books.documents[request.invoice_id].open_minor:
        collection.settle(session, request.invoice_id)
    keep(session, _record(request, made.id if made else None))
    if made is not None and _is_collected(made):
        collection.schedule(session, _case(request, books, made, state.terms, setting))
    numbers = store(session, books, terms=state.terms, at=request.at)
    corrected = _corrected(request, books, made, numbers[made.id] if made else None, state, setting)
    return replace(corrected, settled=corrected.settled and was_open)


def _number(session: Session, made: Document | None) -> str | None:
    stored = get_invoice(session, made.id) if made is not None else None
    return stored.number if stored is not None else None


def _is_collected(made: Document) -> bool:
    return made.kind == "invoice" and made.open_minor > 0


def _corrected(
    request: CorrectInvoice,
    books: Books,
    made: Document | None,
    number: str | None,
    state: ContractState,
    setting: Setting,
) -> Corrected:
    """What became of the correction, as far as its document is still to be collected."""
    document = books.documents[request.invoice_id]
    changed = (document.id,) if request.correction.kind in CHANGES_OPEN else ()
    collect = None
    if made is not None and number is not None and _is_collected(made):
        collect = _life(request, books, made, number, state.terms, setting)
    return Corrected(
        invoice_ids=changed,
        document_id=made.id if made is not None else None,
        number=number,
        settled=document.open_minor == 0,
        collect=collect,
    )


def _case(
    request: CorrectInvoice, books: Books, made: Document, terms: Terms, setting: Setting
) -> collection.CollectionCase:
    return collection.CollectionCase(
        invoice_id=made.id,
        contract_id=books.contract_id,
        customer_id=books.customer_id,
        clock_id=setting.clock_id,
        stage="scheduled",
        attempts=0,
        next_action_at=made.due_at(terms.timezone),
    )


def _life(
    request: CorrectInvoice, books: Books, made: Document, number: str, terms: Terms, setting: Setting
) -> CollectionLife:
    return CollectionLife(
        invoice_id=made.id,
        number=number,
        contract_id=books.contract_id,
        customer_id=books.customer_id,
        currency=terms.currency,
        open_minor=made.open_minor,
        due_at=made.due_at(terms.timezone),
        timezone=terms.timezone,
        dunning=terms.dunning,
        clock_id=setting.clock_id,
        clock_now=request.at if setting.clock_id else None,
        charges=terms.pays == "automatically",
    )


def _record(request: CorrectInvoice, document_id: str | None) -> CorrectionRecord:
    return CorrectionRecord(
        id=request.correction_id,
        contract_id=request.contract_id,
        invoice_id=request.invoice_id,
        kind=request.correction.kind,
        asked=request.correction.model_dump(mode="json"),
        document_id=document_id,
        at=request.at,
    )


def _prepared(session: Session, request: CorrectInvoice) -> PreparedRefund:
    """What goes through the gateway: as much as it holds of the invoice; the rest is given back by hand."""
    assert isinstance(request.correction, RefundPayment)
    books, state = open_books(session, request.contract_id, request.invoice_id)
    through_minor = min(request.correction.amount_minor, at_gateway(session, request.invoice_id))
    if done(session, request.correction_id) is None:
        try:
            _made(books, request, state)
        except DomainError as error:
            return PreparedRefund(refused=error.message, field=error.field)
    payment = payment_of_invoice(session, request.invoice_id)
    if payment is None or through_minor <= 0:
        return PreparedRefund(currency=books.currency)
    return PreparedRefund(amount_minor=through_minor, currency=books.currency, intent_id=payment.intent_id)


def _made(books: Books, request: CorrectInvoice, state: ContractState) -> Document | None:
    """Do the correction in the books; the document that it makes, if it does."""
    on = local_date(request.at, state.terms.timezone)
    if request.refunded_minor and books.closed_until is not None:
        # The money is gone, and the month of the request was closed meanwhile.
        on = max(on, books.closed_until)
    made = correct(
        books,
        state.terms,
        request.invoice_id,
        request.correction,
        on=on,
        at=request.at,
        key=f"correction/{request.correction_id}",
        gone_minor=request.refunded_minor,
        ended_on=ended_on(state),
    )
    return made if isinstance(made, Document) else None
