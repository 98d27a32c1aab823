"""What a quote comes to: its first invoices and its revenue by month, by the core that will bill the contract.

`told` is the one place where the core is run.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from pydantic import Field

from api.amounts import Amount, Quantity
from api.fields import Output
from domain import issuing
from domain.books import Books, Document, RatedPeriod
from domain.commands import Recognise, Wake
from domain.contract import decide, sign
from domain.due import next_due, service_end
from domain.invoice import DocumentKind
from domain.period import boundary, first_instant
from domain.rating import Usage
from domain.state import Decision, Item
from domain.terms import Terms

MONTHS_SHOWN: Final = 12
MONTHS_MAX: Final = 60
INVOICES_SHOWN: Final = 12
# A line that is billed daily would make thousands of invoices; what is shown then ends earlier.
WAKES_MAX: Final = 500


class QuotedLine(Output):
    line: str = Field(examples=["gates"])
    period_start: date
    period_end: date = Field(description="Exclusive.")
    quantity: Quantity
    net: Amount
    tax: Amount


class QuotedInvoice(Output):
    kind: DocumentKind
    issued_on: date
    due_on: date
    net: Amount
    tax: Amount
    total: Amount
    lines: list[QuotedLine]


class MonthOfRevenue(Output):
    month: str = Field(examples=["2026-02"])
    revenue: Amount


class QuotePreview(Output):
    """What is billed and earned before `until` if nothing changes. Usage comes on top: here it is none."""

    until: date = Field(description="The term's end; a year where there is none. At most five years.")
    invoices: list[QuotedInvoice] = Field(description="The first ones.")
    invoices_in_all: int
    revenue: list[MonthOfRevenue]
    net: Amount
    tax: Amount
    total: Amount = Field(description="Of all invoices before `until`, credit notes taken off.")


class Told(NamedTuple):
    """What the core has to say of terms before `until`; revenue in minor units by the first days of months."""

    until: date
    invoices: Sequence[Document]
    revenue: dict[date, int]


class NoUsage:
    """Nothing is used."""

    def usage(self, item: Item, until: datetime | None = None) -> Usage:
        return Usage(Decimal(0))

    def changed(self, period: RatedPeriod) -> bool:
        return False


def preview(terms: Terms) -> QuotePreview:
    """The preview of a contract on these terms.

    Raises:
        UnpricedUsage: if even no usage has no price.
    """
    story, currency = told(terms), terms.currency
    net_minor = sum(_sign(document) * document.net_minor for document in story.invoices)
    tax_minor = sum(_sign(document) * document.tax_minor for document in story.invoices)
    return QuotePreview(
        until=story.until,
        invoices=[_invoice(document, currency) for document in story.invoices[:INVOICES_SHOWN]],
        invoices_in_all=len(story.invoices),
        revenue=[
            MonthOfRevenue(month=f"{month:%Y-%m}", revenue=Amount.of(minor, currency))
            for month, minor in sorted(story.revenue.items())
        ],
        net=Amount.of(net_minor, currency),
        tax=Amount.of(tax_minor, currency),
        total=Amount.of(net_minor + tax_minor, currency),
    )


def told(terms: Terms) -> Told:
    """The life of a contract on these terms before its term's end: each wake-up decided and brought into books."""
    state = sign("quote", "customer", terms)
    books = Books(
        contract_id=state.contract_id,
        customer_id=state.customer_id,
        currency=terms.currency,
        book=terms.legal_entity,
        zone=terms.timezone,
    )
    usage, until, end = NoUsage(), _until(terms), service_end(state)
    for sequence in range(1, WAKES_MAX + 1):
        due = next_due(state)
        # What is due as the term begins anew belongs to the next one; what is due as service ends, to this one.
        if due is None or (due.on >= until and due.on != end):
            break
        decision = decide(state, Wake(), due.at)
        state = decision.state
        _bring_in(books, decision, usage, sequence, due.at)
    else:
        until = state.recognized_through
    if not state.over and state.recognized_through < until:
        at = first_instant(until, terms.timezone)
        decision = decide(state, Recognise(through=until), at)
        _bring_in(books, decision, usage, WAKES_MAX + 1, at)
    return Told(until, sorted(books.documents.values(), key=lambda document: document.sequence), _revenue(books))


def _until(terms: Terms) -> date:
    months = min(terms.term.months, MONTHS_MAX) if terms.term else MONTHS_SHOWN
    return boundary(terms.origin, "month", months)


def _bring_in(books: Books, decision: Decision, usage: NoUsage, sequence: int, at: datetime) -> None:
    if decision.bill is None:
        issuing.record(books, decision, usage, sequence=sequence, at=at)
    else:
        issuing.issue(books, decision, usage, sequence=sequence, at=at)


def _revenue(books: Books) -> dict[date, int]:
    earned: Counter[date] = Counter()
    for entry in books.entries:
        for posting in entry.postings:
            if posting.account == "revenue":
                earned[entry.posting_on.replace(day=1)] -= posting.amount_minor
    return dict(earned)


def _sign(document: Document) -> int:
    return -1 if document.kind == "credit_note" else 1


def _invoice(document: Document, currency: str) -> QuotedInvoice:
    return QuotedInvoice(
        kind=document.kind,
        issued_on=document.issued_on,
        due_on=document.due_on,
        net=Amount.of(document.net_minor, currency),
        tax=Amount.of(document.tax_minor, currency),
        total=Amount.of(document.total_minor, currency),
        lines=[
            QuotedLine(
                line=line.line_id,
                period_start=line.starts_on,
                period_end=line.ends_on,
                quantity=Decimal(line.quantity),
                net=Amount.of(line.net_minor, currency),
                tax=Amount.of(line.tax_minor, currency),
            )
            for line in document.lines
        ],
    )
