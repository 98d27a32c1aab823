"""Credit notes that somebody asks for; those of changes come with the change."""

from datetime import date, datetime

from domain.allocation import allocate
from domain.bearers import take_back
from domain.books import BookedLine, Books, Document
from domain.corrected import Share, creditable, remainders, split
from domain.correction_entry import begin, check, check_amount
from domain.credits import give
from domain.errors import DomainError
from domain.keys import derived
from domain.line_revenue import mirror_id


def credit_note(
    books: Books, invoice_id: str, amount_minor: int, line_id: str | None, *, on: date, at: datetime, key: str
) -> Document:
    """Credit `amount_minor`, tax included, of one of the contract's lines or of all; return the credit note.

    It lowers what is open on the invoice; the rest becomes customer credit. The earned share comes out of revenue on
    the day `on`, the rest out of deferred revenue.

    Raises:
        DomainError: if the invoice is void or written off, has no such line, or has not as much left to credit.
    """
    note_id = derived("inv", books.contract_id, "correction", key)
    document = check(books, "credit_note", invoice_id, on=on, at=at, key=note_id)
    if document.status == "void":
        raise DomainError("the invoice is void; nothing of it is owed", "/invoice")
    if document.status == "uncollectible":
        raise DomainError("the invoice is written off; refund what was paid on it", "/invoice")
    lines = remainders(books, document)
    if line_id is not None and not any(one.line.line_id == line_id for one in lines):
        known = ", ".join(dict.fromkeys(one.line.line_id for one in lines))
        raise DomainError(f"the invoice has no line {line_id!r}; it has {known}", "/line")
    check_amount(amount_minor, creditable(document, lines, line_id), "what is left to credit")
    correction = begin(books, document, "credit_note", on=on, key=note_id)
    shares = split(document, lines, amount_minor, line_id)
    take_back(correction, shares, "revenue")
    note = _note(books, note_id, document, shares, on=on, at=at, key=key)
    books.documents[note_id] = note
    books.touched.add(("documents", note_id))
    lowered_minor = min(amount_minor, document.open_minor)
    document.credited_minor += lowered_minor
    correction.credit("receivable", lowered_minor)
    if amount_minor > lowered_minor:
        correction.credit("customer_credit", amount_minor - lowered_minor)
        give(books, "credit_note", note_id, document.id, amount_minor - lowered_minor)
    if document.open_minor == 0:
        document.status = "paid"
    correction.post()
    return note


def _note(
    books: Books, id_: str, invoice: Document, shares: list[Share], *, on: date, at: datetime, key: str
) -> Document:
    net_minor, tax_minor = sum(share.net_minor for share in shares), sum(share.tax_minor for share in shares)
    return Document(
        id=id_,
        kind="credit_note",
        sequence=1 + max(document.sequence for document in books.documents.values()),
        issued_on=on,
        issued_at=at,
        due_on=on,
        net_minor=net_minor,
        tax_minor=tax_minor,
        total_minor=net_minor + tax_minor,
        status="issued",
        lines=[_line(books, id_, share) for share in shares if share.net_minor or share.tax_minor],
        tax_by_rate=_by_rate(invoice, tax_minor),
        corrects=invoice.id,
        correction_id=key,
    )


def _line(books: Books, note_id: str, share: Share) -> BookedLine:
    line = share.of.line
    return BookedLine(
        id=derived("il", note_id, line.id),
        line_id=line.line_id,
        kind="credit",
        starts_on=line.starts_on,
        ends_on=line.ends_on,
        net_minor=share.net_minor,
        tax_minor=share.tax_minor,
        recognize=line.recognize,
        schedule_id=mirror_id(books, line),
    )


def _by_rate(invoice: Document, tax_minor: int) -> tuple[tuple[str, int], ...]:
    """The tax by the invoice's rates, in proportion to what each took."""
    names, taxes = [name for name, _ in invoice.tax_by_rate], [abs(tax) for _, tax in invoice.tax_by_rate]
    parts = allocate(tax_minor, taxes) if any(taxes) else [0] * len(taxes)
    return tuple(zip(names, parts, strict=True))
