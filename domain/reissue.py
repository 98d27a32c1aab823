"""Billing again what stood on an invoice that was void."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from domain import redrawing
from domain.books import BookedLine, Books, Document, Schedule
from domain.correction_entry import Correction, begin, check
from domain.errors import DomainError
from domain.keys import derived
from domain.revenue import earned_by
from domain.terms import Terms

ONE_DAY = timedelta(days=1)


def reissue(books: Books, invoice_id: str, terms: Terms, *, on: date, at: datetime, key: str) -> Document:
    """A new invoice with the lines of a void one, dated `on`; what its days have earned by then is revenue of that day.

    Raises:
        DomainError: if the invoice is not void, was billed again before, sold prepaid credits, or used
            some that later invoices have used since.
    """
    document = check(books, "reissue", invoice_id, on=on, at=at, key=key)
    if document.status != "void":
        raise DomainError("the invoice is not void: it is billed already", "/invoice")
    if any(one.kind == "invoice" and one.corrects == invoice_id for one in books.documents.values()):
        raise DomainError("the invoice was billed again before", "/invoice")
    if any(line.kind == "prepaid" for line in document.lines):
        raise DomainError("the invoice sold prepaid credits, which its void has withdrawn", "/invoice")
    redrawing.check_left(books, document)
    correction = begin(books, document, "reissue", on=on, key=key)
    again = _copy(books, document, terms, on=on, at=at, key=key)
    for before, line in zip(document.lines, again.lines, strict=True):
        _earn(correction, before, line, on)
    redrawing.draw_again(correction, again)
    correction.debit("receivable", again.total_minor)
    correction.credit("tax_payable", again.tax_minor)
    books.documents[again.id] = again
    books.touched.add(("documents", again.id))
    correction.post()
    return again


def _copy(books: Books, document: Document, terms: Terms, *, on: date, at: datetime, key: str) -> Document:
    id_ = derived("inv", books.contract_id, "correction", key)
    lines = [
        replace(line, id=derived("il", id_, n), schedule_id=None, credited_minor=0, credited_tax_minor=0)
        for n, line in enumerate(document.lines)
    ]
    return replace(
        document,
        id=id_,
        sequence=1 + max(one.sequence for one in books.documents.values()),
        issued_on=on,
        issued_at=at,
        due_on=on + timedelta(days=terms.payment_terms_days),
        status="open" if document.total_minor else "paid",
        lines=lines,
        corrects=document.id,
        correction_id=key,
        credit_applied_minor=0,
        credited_minor=0,
        held=False,
        held_because="",
    )


def _earn(correction: Correction, before: BookedLine, line: BookedLine, on: date) -> None:
    """Start the line's schedule over its days, and earn those that have gone by; a plan earns by its own."""
    books, earned_minor = correction.books, 0
    known = books.schedules.get(before.schedule_id or "")
    if line.kind == "drawn":
        # It lowers the revenue of the usage that it pays for, which the credits earn instead.
        earned_minor = line.net_minor
    elif known is None:
        for plan in books.plans.values():
            if plan.line_id == line.line_id and plan.starts_on <= line.starts_on < plan.ends_on:
                plan.billed_minor += line.net_minor
                books.touched.add(("plans", plan.id))
    else:
        schedule = _schedule(known, line, on)
        earned_minor = earned_by(schedule, on + ONE_DAY if schedule.method == "immediately" else on)
        line.schedule_id = schedule.id
        books.keep(replace(schedule, recognized_minor=earned_minor, recognized_through=max(on, schedule.starts_on)))
    correction.credit("revenue", earned_minor, line.line_id)
    correction.credit("contract_position", line.net_minor - earned_minor, line.line_id)


def _schedule(known: Schedule, line: BookedLine, on: date) -> Schedule:
    # What was measured when it was billed first is over, and earned.
    over = known.method in ("as_used", "immediately")
    return replace(
        known,
        id=derived("sch", line.id),
        basis="position",
        method="immediately" if over else known.method,
        starts_on=on if over else known.starts_on,
        ends_on=on + ONE_DAY if over else known.ends_on,
        amount_minor=line.net_minor,
        recognized_minor=0,
        recognized_through=on if over else known.starts_on,
        parts=(),
        posted=(),
        invoice_line_id=line.id,
        billed=True,
    )
