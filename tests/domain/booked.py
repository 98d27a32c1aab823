"""Books with invoices in them, written down by hand, and what their journal comes to."""

from dataclasses import replace
from datetime import UTC, date, datetime, time

from domain.books import BookedLine, Books, Document, Plan, Schedule
from domain.journal import Entry, Posting
from domain.keys import derived
from domain.line import Recognition

JANUARY, FEBRUARY, MARCH, APRIL = (date(2026, month, 1) for month in (1, 2, 3, 4))


def books() -> Books:
    return Books("con_1", "cus_1", "USD", "main", "UTC")


def instant(on: date) -> datetime:
    return datetime.combine(on, time(), UTC)


def line(
    net_minor: int,
    start: date = JANUARY,
    end: date = APRIL,
    *,
    id: str = "plan",
    tax_minor: int = 0,
    recognize: Recognition = "daily",
    planned: bool = False,
) -> BookedLine:
    """A line of 1 January to 1 April (90 days) unless told otherwise."""
    schedule_id = None if planned else "its own"
    return BookedLine(id, id, "charge", start, end, net_minor, tax_minor, recognize, schedule_id)


def invoice(books: Books, *lines: BookedLine, on: date = JANUARY, credit_minor: int = 0) -> Document:
    """Issue the lines as an invoice that uses so much customer credit."""
    number = len(books.documents) + 1
    net_minor, tax_minor = sum(one.net_minor for one in lines), sum(one.tax_minor for one in lines)
    document = Document(
        id=f"inv_{number}",
        kind="invoice",
        sequence=number,
        issued_on=on,
        issued_at=instant(on),
        due_on=on,
        net_minor=net_minor,
        tax_minor=tax_minor,
        total_minor=net_minor + tax_minor,
        status="open",
        lines=list(lines),
        tax_by_rate=(("VAT", tax_minor),) if tax_minor else (),
    )
    books.documents[document.id] = document
    for place, one in enumerate(lines):
        one.id = derived("il", document.id, place)
        if one.schedule_id is not None:
            one.schedule_id = derived("sch", one.id)
            books.keep(_schedule(one, on))
    postings = [Posting("contract_position", -one.net_minor, one.line_id) for one in lines]
    _post(books, f"invoice/{number}", on, Posting("receivable", document.total_minor), *postings, _tax(tax_minor))
    _use(books, document, credit_minor)
    return document


def downgrade(
    books: Books, billed: Document, on: date, credit_minor: int, charge_minor: int, beside_minor: int
) -> None:
    """The credit note of a change: the old state's days of the first line less the new state's, and a line beside."""
    one = billed.lines[0]
    parts = [(one.line_id, "credit", credit_minor), (one.line_id, "charge", -charge_minor)]
    lines = [
        BookedLine(f"il_{kind}_{id_}", id_, kind, on, one.ends_on, net_minor, 0, "daily", f"sch_{kind}_{id_}")
        for id_, kind, net_minor in [*parts, ("beside", "charge", -beside_minor)]
        if net_minor
    ]
    net_minor = credit_minor - charge_minor - beside_minor
    books.documents["inv_note"] = Document(
        id="inv_note",
        kind="credit_note",
        sequence=len(books.documents) + 1,
        issued_on=on,
        issued_at=instant(on),
        due_on=on,
        net_minor=net_minor,
        tax_minor=0,
        total_minor=net_minor,
        status="issued",
        lines=lines,
        corrects=billed.id,
    )
    for line in lines:
        books.keep(replace(_schedule(line, on), amount_minor=-line.net_minor))
    billed.credited_minor += net_minor
    position = [Posting("contract_position", line.net_minor, line.line_id) for line in lines]
    _post(books, "credit_note/inv_note", on, *position, Posting("receivable", -net_minor))


def plan(books: Books, line_id: str, amount_minor: int, start: date, end: date) -> Plan:
    """A plan that spreads the amount over its days."""
    made = Plan("pln_1", line_id, start, end, billed_minor=amount_minor, amount_minor=amount_minor, schedules=1)
    books.plans[made.id] = made
    id_ = derived("sch", books.contract_id, "plan", made.id, 0)
    books.keep(Schedule(id_, line_id, "position", "daily", start, end, amount_minor, 0, start))
    return made


def _schedule(one: BookedLine, on: date) -> Schedule:
    assert one.schedule_id is not None
    return Schedule(
        id=one.schedule_id,
        line_id=one.line_id,
        basis="position",
        method=one.recognize,
        starts_on=one.starts_on,
        ends_on=one.ends_on,
        amount_minor=one.net_minor,
        recognized_minor=0,
        recognized_through=min(on, one.starts_on),
        invoice_line_id=one.id,
    )


def _tax(tax_minor: int) -> Posting:
    return Posting("tax_payable", -tax_minor)


def _use(books: Books, document: Document, credit_minor: int) -> None:
    if not credit_minor:
        return
    left = credit_minor
    for credit in sorted(books.credits.values(), key=lambda one: one.sequence):
        taken = min(left, credit.remaining_minor)
        credit.remaining_minor -= taken
        left -= taken
    assert left == 0
    document.credit_applied_minor = credit_minor
    document.status = "paid" if document.open_minor == 0 else "open"
    used = Posting("customer_credit", credit_minor), Posting("receivable", -credit_minor)
    _post(books, f"credit_applied/{document.id}", document.issued_on, *used)


def _post(books: Books, key: str, on: date, *postings: Posting) -> None:
    found = tuple(posting for posting in postings if posting.amount_minor)
    books.entries.append(
        Entry(
            idempotency_key=key,
            kind="invoice",
            source_type="invoice",
            source_id=key,
            posting_on=on,
            currency=books.currency,
            postings=found,
        )
    )


# On the credit side in ordinary life.
CREDIT = frozenset({"contract_position", "customer_credit", "tax_payable", "revenue"})


def balance(books: Books, account: str, through: date = date.max) -> int:
    """What the account comes to at the end of a day, positive on its normal side."""
    postings = (
        posting.amount_minor
        for entry in books.entries
        if entry.posting_on <= through
        for posting in entry.postings
        if posting.account == account
    )
    return sum(postings) * (-1 if account in CREDIT else 1)


def balances(books: Books, through: date = date.max) -> dict[str, int]:
    """The accounts that do not come to 0."""
    accounts = {posting.account for entry in books.entries for posting in entry.postings}
    found = {account: balance(books, account, through) for account in sorted(accounts)}
    return {account: amount for account, amount in found.items() if amount}


def revenue(books: Books, month: date) -> int:
    """The revenue of a calendar month."""
    return -sum(
        posting.amount_minor
        for entry in books.entries
        if (entry.posting_on.year, entry.posting_on.month) == (month.year, month.month)
        for posting in entry.postings
        if posting.account == "revenue"
    )
