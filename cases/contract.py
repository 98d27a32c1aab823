"""A contract in memory: the pure core with a clock, events and a gateway that does as it is told, and nothing else.

It is what the workflow and its activities are around the same core, without server, database and network.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Protocol, Self

from cases.events import Events
from domain import correction, issuing
from domain.books import Books, Document, UsageSource
from domain.commands import (
    BillUsage,
    Command,
    InvoiceSettled,
    InvoiceUnpaid,
    PaymentMethodAdded,
    Recognise,
    Release,
    Wake,
)
from domain.contract import decide, sign
from domain.due import next_due, service_end
from domain.dunning import retry_at
from domain.errors import UnpricedUsage
from domain.metering import Event
from domain.payment import NO_PAYMENT_METHOD
from domain.period import local_date
from domain.running import limits_reached, running, valued
from domain.state import Bill, ContractState
from domain.terms import Terms


@dataclass(slots=True)
class Collecting:
    """One invoice that is not settled: when it is charged next, and when that failed first."""

    invoice_id: str
    next_at: datetime | None
    first_failed_at: datetime | None = None


class Usage(UsageSource, Protocol):
    """Where usage is read, and noted as billed."""

    def billed(self, books: Books, bill: Bill) -> None:
        """Note that what is known by now of what a bill took up is billed."""
        ...


class Contract:
    """One contract and all that happens to it: signed in memory, or as it stands in the database."""

    def __init__(self, state: ContractState, books: Books, events: Usage, sequence: int = 0) -> None:
        self.state, self.books, self.events = state, books, events
        self.declines: str | None = None
        self._sequence = sequence
        self._collecting = {
            document.id: Collecting(document.id, document.due_at(state.terms.timezone))
            for document in books.documents.values()
            if document.open_minor > 0
        }

    @classmethod
    def signed(cls, terms: Terms, contract_id: str = "contract", customer_id: str = "customer") -> Self:
        """A contract that was just signed and has used nothing."""
        books = Books(
            contract_id=contract_id,
            customer_id=customer_id,
            currency=terms.currency,
            book=terms.legal_entity,
            zone=terms.timezone,
        )
        return cls(sign(contract_id, customer_id, terms), books, Events())

    # Usage.

    @property
    def takes_events(self) -> bool:
        """Whether usage is kept in memory, so that more can come."""
        return isinstance(self.events, Events)

    def use(self, name: str, events: Iterable[Event]) -> None:
        """Take up events of that name; of those that come together the order of their ids is their order."""
        assert isinstance(self.events, Events)
        self.events.add(name, sorted(events, key=lambda event: event.id))

    def bill_passed(self, at: datetime) -> None:
        """Bill usage at the limits that it has passed, as a worker has it done that looks every few seconds."""
        terms = self.state.terms
        if not any(limit.action == "invoice" for limit in terms.usage_limits):
            return
        try:
            reached = limits_reached(terms, valued(terms, running(self.state), self.events.usage))
        except UnpricedUsage:
            return
        for one in reached:
            done = (one.limit.id, one.starts_on) in self.state.limits_billed
            if one.passed and one.limit.action == "invoice" and not done:
                self.apply(BillUsage(limit=one.limit.id, starts_on=one.starts_on), at)

    # Time.

    def advance(self, to: datetime, *, including: bool = False) -> None:
        """Do all that is due before `to`, or by it; at one instant the contract's own comes before collecting."""
        while True:
            due = next_due(self.state)
            collecting = min(
                (c for c in self._collecting.values() if c.next_at is not None),
                key=lambda c: (c.next_at, c.invoice_id),
                default=None,
            )
            wakes_at = due.at if due else None
            tries_at = collecting.next_at if collecting else None
            if wakes_at is not None and (tries_at is None or wakes_at <= tries_at):
                if not _by(wakes_at, to, including=including):
                    break
                self.apply(Wake(payable=self.declines != NO_PAYMENT_METHOD), wakes_at)
                self.bill_passed(wakes_at)
            elif tries_at is not None and collecting is not None:
                if not _by(tries_at, to, including=including):
                    break
                self._collect(collecting, tries_at)
            else:
                break

    # What happens to the contract.

    @property
    def ended_on(self) -> date | None:
        """The day on which service ended; None while it goes on."""
        return service_end(self.state) if self.state.over else None

    def apply(self, command: Command, at: datetime) -> Document | None:
        """Decide and do it; returns the document that it made.

        Raises:
            RefusedChange: if the contract's state does not allow it.
        """
        decision = decide(self.state, command, at)
        self._sequence += 1
        self.state = decision.state
        if decision.bill is None:
            issuing.record(self.books, decision, self.events, sequence=self._sequence, at=at)
            document = None
        else:
            document = issuing.issue(self.books, decision, self.events, sequence=self._sequence, at=at)
            self.events.billed(self.books, decision.bill)
        self._await_payment(document)
        if isinstance(command, Release):
            self._release(at)
        if not isinstance(command, InvoiceSettled | InvoiceUnpaid):
            self._settle(at)
        return document

    def correct(self, at: datetime, act: Callable[..., object], *args: object) -> None:
        """Do one of `domain.correction` at the instant `at`."""
        on = local_date(at, self.state.terms.timezone)
        self._sequence += 1
        made = act(self.books, *args, on=on, at=at, key=f"correction/{self._sequence}")
        self._await_payment(made if isinstance(made, Document) else None)
        self._settle(at)

    def pay(self, invoice_id: str, amount_minor: int, at: datetime, account: str = "cash") -> None:
        """Money came for an invoice."""
        self.correct(at, partial(correction.pay, account=account, ended_on=self.ended_on), invoice_id, amount_minor)

    def recognise(self, at: datetime) -> None:
        """Recognise revenue up to the first instant of the day of `at`."""
        on = local_date(at, self.state.terms.timezone)
        if on > self.state.recognized_through and self.state.started:
            self.apply(Recognise(through=on), at)

    def method_changed(self, at: datetime) -> None:
        """The customer has a new payment method: what failed is charged, and what waited for it starts, at once."""
        if self.declines == NO_PAYMENT_METHOD:
            self.declines = None
        if self.state.awaits_payment_method:
            self.apply(PaymentMethodAdded(), at)
        for collecting in list(self._collecting.values()):
            if collecting.first_failed_at is not None:
                self._collect(collecting, at)

    # Collecting.

    def _await_payment(self, document: Document | None) -> None:
        """Collect what is open on a document once it is due."""
        if document is not None and document.kind == "invoice" and document.open_minor > 0:
            due_at = document.due_at(self.state.terms.timezone)
            self._collecting[document.id] = Collecting(document.id, None if document.held else due_at)

    def _collect(self, collecting: Collecting, at: datetime) -> None:
        terms = self.state.terms
        first = collecting.first_failed_at
        if terms.pays == "automatically" and self.declines is None:
            open_minor = self.books.documents[collecting.invoice_id].open_minor
            self.pay(collecting.invoice_id, open_minor, at, "gateway_clearing")
            return
        collecting.first_failed_at = first or at
        retries = terms.pays == "automatically"
        collecting.next_at = retry_at(terms.dunning, first or at, at, terms.timezone) if retries else None
        if first is None:
            self.apply(InvoiceUnpaid(invoice_id=collecting.invoice_id), at)

    def _settle(self, at: datetime) -> None:
        """Stop collecting what is no longer open."""
        for invoice_id in [i for i in self._collecting if not self.books.documents[i].open_minor]:
            del self._collecting[invoice_id]
            if invoice_id in self.state.unpaid:
                self.apply(InvoiceSettled(invoice_id=invoice_id), at)

    def _release(self, at: datetime) -> None:
        """Charge what was kept back."""
        for collecting in self._collecting.values():
            document = self.books.documents[collecting.invoice_id]
            if document.held:
                document.held = False
                collecting.next_at = max(at, document.due_at(self.state.terms.timezone))


def _by(at: datetime, to: datetime, *, including: bool) -> bool:
    return at <= to if including else at < to
