"""Corrections of invoices in the books: payments by hand, credit notes, refunds, voids, write-offs, disputes."""

from datetime import datetime

from sqlmodel import Session
from temporalio import activity

from activities.failures import visible
from activities.signatures import CorrectionSteps, PreparedRefund, ReviewPayment
from domain.books import Books, Document
from domain.correcting import RefundPayment, correct
from domain.errors import DomainError
from domain.life import CollectionLife, Corrected, CorrectInvoice
from domain.period import local_date
from domain.terms import Terms
from models import collection
from models.books import LoadedBooks, load, lock, store
from models.contract import Setting, get_contract, setting_of, state_of
from models.correction import CorrectionRecord, done, keep
from models.database import Database
from models.invoice import get_invoice
from models.payment import payment_of_invoice


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
        with visible(), self._database.transaction() as session:
            return _prepared(session, request)

    @activity.defn(name="fall_due")
    def fall_due(self, request: ReviewPayment) -> bool:
        with visible():
            return self._database.run(lambda session: collection.fall_due(session, request.invoice_id, request.at))


def _correct(session: Session, request: CorrectInvoice) -> Corrected:
    books, terms = _books(session, request)
    before = done(session, request.correction_id)
    if before is not None:
        return _before(session, request, before.document_id, terms)
    opened = {document.id: document.open_minor for document in books.documents.values()}
    made = _corrected(books, request, terms)
    changed = tuple(id_ for id_, open_minor in opened.items() if books.documents[id_].open_minor != open_minor)
    for invoice_id in changed:
        if books.documents[invoice_id].open_minor == 0:
            collection.settle(session, invoice_id)
    keep(session, _record(request, made.id if made else None))
    setting = setting_of(session, request.contract_id)
    collect = made is not None and made.kind == "invoice" and made.open_minor > 0
    if made is not None and collect:
        case = collection.CollectionCase(
            invoice_id=made.id,
            contract_id=books.contract_id,
            customer_id=books.customer_id,
            clock_id=setting.clock_id,
            stage="scheduled",
            attempts=0,
            next_action_at=made.due_at(terms.timezone),
        )
        collection.schedule(session, case)
    numbers = store(session, books, terms=terms, at=request.at)
    if made is None:
        return Corrected(changed)
    number = numbers[made.id]
    life = _life(
        request, terms, setting, books.customer_id, made.id, number, made.open_minor, made.due_at(terms.timezone)
    )
    return Corrected(changed, made.id, number, collect=life if collect else None)


def _before(session: Session, request: CorrectInvoice, document_id: str | None, terms: Terms) -> Corrected:
    """What was answered when the correction was done."""
    made = get_invoice(session, document_id) if document_id else None
    if made is None:
        return Corrected((request.invoice_id,))
    setting = setting_of(session, request.contract_id)
    life = _life(request, terms, setting, made.customer_id, made.id, made.number, made.open_minor, made.due_at)
    collect = made.kind == "invoice" and made.open_minor > 0
    return Corrected((request.invoice_id,), made.id, made.number, collect=life if collect else None)


def _life(
    request: CorrectInvoice,
    terms: Terms,
    setting: Setting,
    customer_id: str,
    invoice_id: str,
    number: str,
    open_minor: int,
    due_at: datetime,
) -> CollectionLife:
    return CollectionLife(
        invoice_id=invoice_id,
        number=number,
        contract_id=request.contract_id,
        customer_id=customer_id,
        currency=terms.currency,
        open_minor=open_minor,
        due_at=due_at,
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
    assert isinstance(request.correction, RefundPayment)
    books, terms = _books(session, request)
    if done(session, request.correction_id) is None:
        try:
            _corrected(books, request, terms)
        except DomainError as error:
            return PreparedRefund(refused=error.message, field=error.field)
    payment = payment_of_invoice(session, request.invoice_id)
    collected = payment is not None and payment.status == "succeeded"
    return PreparedRefund(
        amount_minor=request.correction.amount_minor,
        currency=books.currency,
        intent_id=payment.intent_id if payment is not None and collected else None,
    )


def _books(session: Session, request: CorrectInvoice) -> tuple[LoadedBooks, Terms]:
    lock(session, request.contract_id)
    row = get_contract(session, request.contract_id)
    assert row is not None
    terms = state_of(row).terms
    books = load(
        session,
        request.contract_id,
        zone=terms.timezone,
        currency=terms.currency,
        book=terms.legal_entity,
        invoices=(request.invoice_id,),
    )
    return books, terms


def _corrected(books: Books, request: CorrectInvoice, terms: Terms) -> Document | None:
    on = local_date(request.at, terms.timezone)
    made = correct(
        books,
        terms,
        request.invoice_id,
        request.correction,
        on=on,
        at=request.at,
        key=f"correction/{request.correction_id}",
    )
    return made if isinstance(made, Document) else None
