"""Makes a contract's decisions so: usage is claimed, the books follow, what they made is stored, all at once."""

import hashlib
from datetime import datetime

from pydantic import TypeAdapter
from sqlmodel import Session
from temporalio import activity

from activities.failures import DocumentMismatch, NotRated, visible
from activities.signatures import Decided, InvoicingSteps, Issued, RateUsage
from domain import issuing
from domain.books import Document
from domain.due import service_end
from domain.period import first_instant
from domain.planning import planned_lines
from domain.state import Bill, ContractState
from models import collection
from models.books import LoadedBooks, load, reach, store
from models.contract import record
from models.customer import default_payment_method
from models.database import Database
from models.invoice import Invoice, find_document, lines_of, release_held
from models.rated_line import Claim, claim, claim_late
from models.usage_source import DatabaseUsage, claims_on, measure_of, unclaimed
from models.usage_waiting import release_after_end


class Invoicing(InvoicingSteps):
    """Each step is one transaction. Done again, it finds its own rows and returns what it returned first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="rate_usage")
    def rate_usage(self, request: RateUsage) -> int:
        with visible():
            return self._database.run(lambda session: _claim_usage(session, request))

    @activity.defn(name="issue_invoice")
    def issue_invoice(self, request: Decided) -> Issued:
        with visible():
            return self._database.run(lambda session: _issue(session, request))

    @activity.defn(name="record_change")
    def record_change(self, request: Decided) -> None:
        with visible():
            self._database.run(lambda session: _record_change(session, request))

    @activity.defn(name="has_payment_method")
    def has_payment_method(self, customer_id: str) -> bool:
        with visible():
            return self._database.run(lambda session: default_payment_method(session, customer_id) is not None)


def _claim_usage(session: Session, request: RateUsage) -> int:
    """Claim the usage of each item, or find that it was claimed, and what came late for earlier periods.

    The usage of a period that is rated again was claimed when it was billed first: only what came late is claimed now.
    """
    again = any(item.rerated for _, item in request.items)
    late = claim_late(session, request.contract_id) if request.late or again else 0
    claims = []
    for item in (item for _, item in request.items if not item.rerated):
        assert item.from_at is not None and item.to_at is not None
        wanted = Claim(
            contract_id=request.contract_id,
            line_id=item.line,
            measure=measure_of(item),
            period_start=item.start,
            period_end=item.end,
            from_at=item.from_at,
            to_at=item.to_at,
            period_from_at=item.period_from_at,
            period_to_at=item.period_end_at,
        )
        claims.append(claim(session, wanted))
    return late + sum(rated.changes for rated in claims)


def _record_change(session: Session, request: Decided) -> None:
    decision = request.decision
    if not _recorded(session, request, {}):
        return
    if decision.released:
        for invoice in release_held(session, decision.state.contract_id):
            if invoice.open_minor:
                _to_collect(session, request, invoice.id, max(request.at, invoice.due_at))
    if decision.recognise_through is not None or decision.delivered is not None or planned_lines(decision.state.terms):
        books = _books(session, request)
        usage = DatabaseUsage(session, decision.state.contract_id)
        issuing.record(books, decision, usage, sequence=request.sequence, at=request.at)
        store(session, books, terms=decision.state.terms, at=request.at, usage=usage)
    _release_usage(session, decision.state)


def _issue(session: Session, request: Decided) -> Issued:
    """Everything that follows from the bill; the numbers come last, since others wait for them until the commit."""
    state, bill = request.decision.state, request.decision.bill
    assert bill is not None
    new = _recorded(session, request, {"document": bill.document})
    stored = find_document(session, state.contract_id, bill.document)
    if stored is not None:
        return _issued_before(stored, len(lines_of(session, stored.id)), bill)
    if not new:
        return Issued(None)
    books = _books(session, request)
    usage = _usage(session, books, bill)
    document = issuing.issue(books, request.decision, usage, sequence=request.sequence, at=request.at)
    _release_usage(session, state)
    if document is not None:
        _schedule(session, request, document)
    terms = state.terms
    numbers = store(session, books, terms=terms, at=bill.at, input_hash=_hash_of(bill), usage=usage)
    return _issued(document, numbers[document.id], terms.currency) if document is not None else Issued(None)


def _books(session: Session, request: Decided) -> LoadedBooks:
    state, terms = request.decision.state, request.decision.state.terms
    return load(
        session,
        state.contract_id,
        zone=terms.timezone,
        currency=terms.currency,
        book=terms.legal_entity,
        since=reach(request.decision),
    )


def _usage(session: Session, books: LoadedBooks, bill: Bill) -> DatabaseUsage:
    """The usage that was claimed for the bill.

    Raises:
        NotRated: if some of it never was.
    """
    rated = [item for period in books.periods.values() for item in period.items]
    metered = [item for item in bill.items if item.kind == "usage"]
    claims = claims_on(session, books.contract_id, [*metered, *rated])
    for item in unclaimed(claims, metered):
        raise NotRated(f"usage of {item.line} from {item.from_at} was not claimed for document {bill.document}")
    return DatabaseUsage(session, books.contract_id, claims)


def _recorded(session: Session, request: Decided, data: dict[str, object]) -> bool:
    return record(
        session,
        request.decision.state,
        sequence=request.sequence,
        at=request.at,
        happened=request.decision.happened,
        clock_id=request.clock_id,
        data=data,
    )


def _schedule(session: Session, request: Decided, document: Document) -> None:
    """Note what is to be collected later: what is due later, or paid by hand."""
    terms = request.decision.state.terms
    later = document.due_on > document.issued_on or terms.pays == "on_invoice"
    if document.kind == "credit_note" or document.open_minor <= 0 or document.held or not later:
        return
    due_at = max(document.issued_at, first_instant(document.due_on, terms.timezone))
    _to_collect(session, request, document.id, due_at)


def _to_collect(session: Session, request: Decided, invoice_id: str, due_at: datetime) -> None:
    case = collection.CollectionCase(
        invoice_id=invoice_id,
        contract_id=request.decision.state.contract_id,
        customer_id=request.decision.state.customer_id,
        clock_id=request.clock_id,
        stage="scheduled",
        attempts=0,
        next_action_at=due_at,
    )
    collection.schedule(session, case)


def _issued(document: Document, number: str, currency: str) -> Issued:
    """What the contract's workflow is told of a document that was just stored."""
    return Issued(
        invoice_id=document.id,
        number=number,
        kind=document.kind,
        currency=currency,
        total_minor=document.total_minor,
        open_minor=document.open_minor,
        due_on=document.due_on,
        lines=len(document.lines),
        held=document.held,
        held_because=document.held_because,
    )


def _issued_before(stored: Invoice, lines: int, bill: Bill) -> Issued:
    """What the workflow was told when the document was stored.

    Raises:
        DocumentMismatch: if it was issued from another bill.
    """
    if stored.input_hash != _hash_of(bill):
        raise DocumentMismatch(f"{stored.number} is the contract's document {bill.document}, from another bill")
    collected = stored.kind == "invoice"
    return Issued(
        invoice_id=stored.id,
        number=stored.number,
        kind="invoice" if collected else "credit_note",
        currency=stored.currency,
        total_minor=stored.total_minor,
        open_minor=stored.total_minor - stored.credit_applied_minor if collected else 0,
        due_on=stored.due_on,
        lines=lines,
        held=stored.held,
    )


def _release_usage(session: Session, state: ContractState) -> None:
    """Usage dated after the end belongs to no line of the contract any more, unless it is taken up again."""
    end = service_end(state)
    if state.over and state.reopens_until is None and end is not None:
        release_after_end(session, state.contract_id, state.ends_at or first_instant(end, state.terms.timezone))


def _hash_of(bill: Bill) -> str:
    return hashlib.sha256(_BILL.dump_json(bill)).hexdigest()


_BILL: TypeAdapter[Bill] = TypeAdapter(Bill)
