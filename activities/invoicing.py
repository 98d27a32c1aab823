"""Makes a contract's decisions so: usage is claimed, the document issued, revenue posted, the contract recorded."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session
from temporalio import activity

from activities import metering, recognition
from activities.crediting import Credited, credit
from activities.documents import issued, issued_before, line_ids, new_document
from activities.failures import visible
from activities.posting import document_entries
from activities.signatures import Decided, InvoicingSteps, Issued, RateUsage
from domain import keys
from domain.due import service_end
from domain.invoice import Draft, draft
from domain.period import first_instant
from domain.state import Bill, ContractState
from models import collection
from models.contract import record
from models.credit import CustomerCredit, give, use
from models.database import Database
from models.invoice import find_document, lines_of
from models.issuing import NewDocument, issue
from models.journal import Entry, post_all
from models.recognition import unfinished
from models.usage_waiting import release_after_end


class Invoicing(InvoicingSteps):
    """Each step is one transaction. Done again, it finds its own rows and returns what it returned first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="rate_usage")
    def rate_usage(self, request: RateUsage) -> int:
        with visible():
            return self._database.run(lambda session: metering.claim_usage(session, request))

    @activity.defn(name="issue_invoice")
    def issue_invoice(self, request: Decided) -> Issued:
        with visible():
            return self._database.run(lambda session: _issue(session, request))

    @activity.defn(name="record_change")
    def record_change(self, request: Decided) -> None:
        with visible():
            self._database.run(lambda session: _record_change(session, request))


def _record_change(session: Session, request: Decided) -> None:
    state = request.decision.state
    if not _recorded(session, request, {}):
        return
    if request.decision.recognise_through is not None:
        known = {schedule.id: schedule for schedule in unfinished(session, state.contract_id)}
        running = recognition.accrued(session, state, request.decision.accruals, known)
        post_all(session, recognition.recognise(session, request, known, running))
    _release_usage(session, state)


def _issue(session: Session, request: Decided) -> Issued:
    """Everything that follows from the bill; the number comes last, since others wait for it until the commit."""
    state, bill = request.decision.state, request.decision.bill
    assert bill is not None
    new = _recorded(session, request, {"document": bill.document})
    stored = find_document(session, state.contract_id, bill.document)
    if stored is not None:
        return issued_before(stored, len(lines_of(session, stored.id)), bill)
    if not new:
        return Issued(None)
    claims = metering.claimed(session, state.contract_id, bill)
    usage = {n: claims[key].usage for n, item in enumerate(bill.items) if (key := metering.stretch(item)) in claims}
    document = draft(bill, usage, state.terms)
    entries = _recognise(session, request, bill, document, claims)
    _release_usage(session, state)
    if document is None:
        post_all(session, entries)
        return Issued(None)
    return _store(session, request, bill, document, claims, entries)


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


def _recognise(
    session: Session, request: Decided, bill: Bill, document: Draft | None, claims: metering.Claims
) -> list[Entry]:
    state = request.decision.state
    known = {schedule.id: schedule for schedule in unfinished(session, state.contract_id)}
    lines = document.lines if document else ()
    fresh = recognition.unbilled(state, bill.items, lines, known)
    fresh += recognition.accrued(session, state, request.decision.accruals, known)
    if document is not None:
        ids = line_ids(state, bill, document)
        fresh += recognition.billed(session, state, document, ids, claims, known)
    return recognition.recognise(session, request, known, fresh)


def _store(
    session: Session,
    request: Decided,
    bill: Bill,
    document: Draft,
    claims: metering.Claims,
    entries: Sequence[Entry],
) -> Issued:
    state = request.decision.state
    invoice_id = keys.invoice_id(state.contract_id, bill.document)
    credited, applied_minor = Credited(), 0
    if document.kind == "credit_note":
        credited = credit(session, state, document)
        _give_rest(session, state, invoice_id, credited.rest_minor, bill.at)
    else:
        applied_minor = use(session, state.contract_id, invoice_id, document.total_minor)
    posted = document_entries(
        state, bill, document, invoice_id, applied_minor=applied_minor, lowered_minor=credited.lowered_minor
    )
    post_all(session, [*entries, *posted])
    new = new_document(
        state, bill, document, claims, applied_minor=applied_minor, corrects_invoice_id=credited.corrects_invoice_id
    )
    if new.status == "open" and new.due_on > new.issued_on:
        _schedule(session, new, request.clock_id)
    return issued(new, issue(session, new))


def _give_rest(session: Session, state: ContractState, note_id: str, rest_minor: int, at: datetime) -> None:
    if rest_minor:
        given = CustomerCredit(
            id=keys.derived("ccr", note_id),
            contract_id=state.contract_id,
            customer_id=state.customer_id,
            credit_note_id=note_id,
            currency=state.terms.currency,
            amount_minor=rest_minor,
            remaining_minor=rest_minor,
            created_at=at,
        )
        give(session, given)


def _schedule(session: Session, document: NewDocument, clock_id: str | None) -> None:
    case = collection.CollectionCase(
        invoice_id=document.id,
        contract_id=document.contract_id,
        customer_id=document.customer_id,
        clock_id=clock_id,
        stage="scheduled",
        attempts=0,
        next_action_at=document.due_at,
    )
    collection.schedule(session, case)


def _release_usage(session: Session, state: ContractState) -> None:
    end = service_end(state)
    if state.ended and end is not None:
        release_after_end(session, state.contract_id, state.ends_at or first_instant(end, state.terms.timezone))
