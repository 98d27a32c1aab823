"""Reads what became of a contract on the whole system: documents through the API, the journal from its tables."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlmodel import Session, col, select

from cases.story import Story, StoryDocument, StoryLine, StoryPosting, StoryStep
from cases.temporal_api import Api
from models.database import Database
from models.journal import JournalEntry, JournalLine


def read_story(api: Api, database: Database, contract_id: str) -> Story:
    """The story of a contract that is at rest."""
    contract = api.get(f"/v1/contracts/{contract_id}")
    listed = [document["id"] for document in api.items("/v1/invoices", contract=contract_id)]
    documents = [api.get(f"/v1/invoices/{document_id}") for document_id in reversed(listed)]
    invoices = [document for document in documents if document["kind"] == "invoice"]
    numbers = {invoice["id"]: number for number, invoice in enumerate(invoices, 1)}
    due = contract["next_due"]
    return Story(
        currency=contract["currency"],
        invoices=tuple(_document(invoice, {}) for invoice in invoices),
        credit_notes=tuple(_document(note, numbers) for note in documents if note["kind"] == "credit_note"),
        postings=database.run(lambda session: _postings(session, contract_id)),
        status=contract["status"],
        next_due=(date.fromisoformat(due["on"]), due["reason"]) if due else None,
    )


def _document(document: Mapping[str, Any], numbers: Mapping[str, int]) -> StoryDocument:
    total, applied = _major(document["total"]), _major(document["credit_applied"])
    return StoryDocument(
        date=date.fromisoformat(document["issued_on"]),
        due_on=date.fromisoformat(document["due_on"]),
        total=total,
        net=_major(document["net"]),
        tax=_major(document["tax"]),
        status=document["status"],
        lines=tuple(_line(line) for line in document["lines"]),
        credit_applied=applied,
        due=total - applied,
        invoice=numbers.get(document["corrects_invoice_id"]),
    )


def _line(line: Mapping[str, Any]) -> StoryLine:
    return StoryLine(
        line=line["line"],
        kind=line["kind"],
        period=(date.fromisoformat(line["period_start"]), date.fromisoformat(line["period_end"])),
        amount=_major(line["net"]),
        steps=tuple(
            StoryStep(step["label"], _decimal(step["quantity"]), _decimal(step["unit_price"]), Decimal(step["amount"]))
            for step in line["steps"]
        ),
    )


def _postings(session: Session, contract_id: str) -> tuple[StoryPosting, ...]:
    """The contract's journal in its own book, which the API's reports of the main book leave out."""
    query = (
        select(JournalEntry, JournalLine)
        .where(JournalLine.entry_id == JournalEntry.id, JournalEntry.contract_id == contract_id)
        .order_by(col(JournalEntry.sequence), col(JournalLine.line_no))
    )
    return tuple(
        StoryPosting(entry.posting_on, entry.idempotency_key, line.account, line.amount_minor, line.line_id)
        for entry, line in session.exec(query)
    )


def _major(amount: Mapping[str, str]) -> Decimal:
    return Decimal(amount["amount"])


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
