"""Booked documents as they are issued: with what stands on them beside the figures."""

from decimal import Decimal

from domain.books import BookedLine, Books, Document
from domain.period import first_instant
from domain.terms import Terms
from models.issuing import NewDocument, NewLine
from models.usage_source import DatabaseUsage

# What a line's name is followed by, where it is not the charge itself.
_WHAT = {
    "credit": "unused days",
    "adjustment": "later usage",
    "true_up": "up to the commitment",
    "overage": "beyond the commitment",
    "prepaid": "prepaid credits",
    "drawn": "paid by prepaid credits",
}


def new_document(
    books: Books, document: Document, *, terms: Terms, input_hash: str, usage: DatabaseUsage | None
) -> NewDocument:
    """The document as it is to be stored."""
    return NewDocument(
        id=document.id,
        kind=document.kind,
        contract_id=books.contract_id,
        customer_id=books.customer_id,
        document=document.sequence,
        input_hash=input_hash,
        currency=books.currency,
        issued_on=document.issued_on,
        issued_at=document.issued_at,
        due_on=document.due_on,
        due_at=max(document.issued_at, first_instant(document.due_on, books.zone)),
        net_minor=document.net_minor,
        tax_minor=document.tax_minor,
        total_minor=document.total_minor,
        credit_applied_minor=document.credit_applied_minor,
        status=document.status,
        corrects_invoice_id=document.corrects,
        taxes=_taxes(terms, document),
        lines=tuple(_line(terms, line, usage) for line in document.lines),
        credited_minor=document.credited_minor,
        paid_minor=document.paid_minor,
        refunded_minor=document.refunded_minor,
        written_off_minor=document.written_off_minor,
        bad_debt_minor=document.bad_debt_minor,
        undone_minor=document.undone_minor,
        written_off_on=document.written_off_on,
        disputed_minor=document.disputed_minor,
        held=document.held,
        held_because=document.held_because,
        correction_id=document.correction_id,
        legal_entity=books.book,
    )


def _taxes(terms: Terms, document: Document) -> tuple[dict[str, object], ...]:
    rates = {rate.name: f"{rate.rate:f}" for rate in terms.tax}
    return tuple(
        {"name": name, "rate": rates.get(name, ""), "tax_minor": tax_minor} for name, tax_minor in document.tax_by_rate
    )


def _line(terms: Terms, line: BookedLine, usage: DatabaseUsage | None) -> NewLine:
    rated = usage.rated_lines(line) if usage and line.kind in ("usage", "adjustment") else ()
    return NewLine(
        id=line.id,
        line_id=line.line_id,
        kind=line.kind,
        description=_description(terms, line),
        period_start=line.starts_on,
        period_end=line.ends_on,
        quantity=Decimal(line.quantity or 0),
        net_minor=line.net_minor,
        tax_minor=line.tax_minor,
        steps=line.steps,
        rated_line_ids=rated,
        recognize=line.recognize,
        schedule_id=line.schedule_id,
        credited_minor=line.credited_minor,
        credited_tax_minor=line.credited_tax_minor,
        discounted=line.discounted,
        item=line.item,
    )


def _description(terms: Terms, line: BookedLine) -> str:
    described = {known.id: known.description for known in terms.lines}
    name = described.get(line.line_id) or line.line_id
    return f"{name}: {_WHAT[line.kind]}" if line.kind in _WHAT else name
