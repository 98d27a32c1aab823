"""The engine in memory: the pure core alone, at once."""

from datetime import date, datetime, timedelta
from functools import partial

from cases import format as form
from cases.contract import Contract
from cases.days import moments
from cases.steps import command_of, correction_of
from cases.story import Story, StoryDocument, StoryLine, StoryPosting, StoryStep
from domain.books import BookedLine, Books, Document
from domain.correcting import correct
from domain.due import next_due
from domain.errors import DomainError
from domain.metering import Event
from domain.money import to_major
from domain.period import first_instant


class Memory:
    """Runs scenarios by the same core as the workflows, without server, database and gateway."""

    width = 1

    def run(self, scenario: form.Scenario) -> Story:
        """The story of the scenario, with revenue recognised up to the days that it is asked about.

        Raises:
            DomainError: if a step is refused.
        """
        contract = Contract.signed(scenario.contract, scenario.name)
        for moment in moments(scenario):
            contract.advance(moment.at)
            if moment.step is None:
                contract.recognise(moment.at)
            else:
                self._perform(contract, scenario, moment.step, moment.at)
        return story_of(contract)

    def _perform(self, contract: Contract, scenario: form.Scenario, step: form.Step, at: datetime) -> None:
        perform(contract, scenario, step, at)


def perform(contract: Contract, scenario: form.Scenario, step: form.Step, at: datetime) -> None:
    """Do one step of the scenario at the instant `at`, once all that is due before it is done, and what it leads to.

    Raises:
        DomainError: if it is refused.
    """
    _do(contract, scenario, step, at)
    contract.bill_passed(at)


def _do(contract: Contract, scenario: form.Scenario, step: form.Step, at: datetime) -> None:
    command = command_of(step)
    if command is not None:
        contract.apply(command, at)
        return
    match step.body:
        case form.SendUsage():
            _use(contract, scenario, step.body, at)
        case form.Gateway():
            contract.declines = step.body.declines
        case form.Close():
            _close(contract, step.body.period, at)
        case form.OfInvoice():
            _correct(contract, scenario, step.action, step.body, at)
        case _:
            contract.method_changed(at)


def _use(contract: Contract, scenario: form.Scenario, body: form.SendUsage, at: datetime) -> None:
    # By the name that the meter reads at first, also where it reads another one later.
    meter = scenario.contract.meter(body.meter)
    events = (Event(event.id, event.at, event.value, event.properties) for event in body.events)
    contract.use(meter.event_name, events)
    if contract.books.closed_until is not None:
        # What concerns a closed month counts on the day on which it became known: today.
        contract.recognise(at)


def _close(contract: Contract, period: str, at: datetime) -> None:
    first = date.fromisoformat(f"{period}-01")
    ends_on = (first + timedelta(days=32)).replace(day=1)
    if at < first_instant(ends_on, contract.state.terms.timezone):
        raise DomainError(f"{period} is not over: it can be closed from {ends_on}", "/period")
    contract.recognise(at)
    contract.books.closed_until = max(ends_on, contract.books.closed_until or ends_on)


def _correct(contract: Contract, scenario: form.Scenario, action: str, body: form.OfInvoice, at: datetime) -> None:
    invoices = [document for document in contract.books.documents.values() if document.kind == "invoice"]
    if body.invoice > len(invoices):
        raise DomainError(f"there is no invoice {body.invoice} yet, only {len(invoices)}", "/invoice")
    invoice_id = invoices[body.invoice - 1].id
    asked = correction_of(action, body, scenario.currency)
    contract.correct(at, partial(correct, ended_on=contract.ended_on), contract.state.terms, invoice_id, asked)


def story_of(contract: Contract) -> Story:
    """What became of the contract so far."""
    books = contract.books
    invoices = [document for document in books.documents.values() if document.kind == "invoice"]
    numbers = {invoice.id: index for index, invoice in enumerate(invoices, 1)}
    due = next_due(contract.state)
    return Story(
        currency=books.currency,
        invoices=tuple(_document(books, invoice, None) for invoice in invoices),
        credit_notes=tuple(
            _document(books, document, numbers.get(document.corrects or ""))
            for document in books.documents.values()
            if document.kind == "credit_note"
        ),
        postings=tuple(
            StoryPosting(
                entry.posting_on, entry.idempotency_key, posting.account, posting.amount_minor, posting.line_id
            )
            for entry in books.entries
            for posting in entry.postings
        ),
        status=contract.state.status,
        next_due=(due.on, due.reason) if due else None,
    )


def _document(books: Books, document: Document, corrects: int | None) -> StoryDocument:
    currency = books.currency
    return StoryDocument(
        date=document.issued_on,
        due_on=document.due_on,
        total=to_major(document.total_minor, currency),
        net=to_major(document.net_minor, currency),
        tax=to_major(document.tax_minor, currency),
        status=document.status,
        lines=tuple(_line(line, currency) for line in document.lines),
        credit_applied=to_major(document.credit_applied_minor, currency),
        due=to_major(document.total_minor - document.credit_applied_minor, currency),
        invoice=corrects,
    )


def _line(line: BookedLine, currency: str) -> StoryLine:
    return StoryLine(
        line=line.line_id,
        kind=line.kind,
        period=(line.starts_on, line.ends_on),
        amount=to_major(line.net_minor, currency),
        steps=tuple(StoryStep(step.label, step.quantity, step.unit_price, step.amount) for step in line.steps),
    )
