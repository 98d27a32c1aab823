"""Brings a decision into the books: schedules, revenue, the document, customer credit, plans; and posts all of it.

`issue` is for a decision with a bill, `record` for one without. Done on a copy of the books, `issue` is a preview.
"""

from dataclasses import replace
from datetime import datetime

from domain import crediting, plans, prepaid
from domain.accruals import accrue
from domain.books import BookedLine, Books, Document, Schedule, UsageSource
from domain.bounds import beyond
from domain.copying import copied
from domain.drafting import Drafted, drafted
from domain.grants import close_grants, expire
from domain.keys import derived, invoice_id
from domain.line import DELIVERED
from domain.matter import ONE_DAY, Matter
from domain.measuring import days_of
from domain.period import local_date
from domain.planning import is_planned, planned_lines
from domain.postings import Amounts, post_document, post_revenue
from domain.pricing import PricedLine
from domain.revenue import Earning, conclude, earn, earn_on, is_done
from domain.state import Bill, Decision
from domain.taxation import STATED_RATES, TaxProvider


def issue(
    books: Books,
    decision: Decision,
    usage: UsageSource,
    *,
    sequence: int,
    at: datetime,
    taxes: TaxProvider = STATED_RATES,
) -> Document | None:
    """Bring a decision with a bill into the books; return its document, or None where that has no lines.

    `sequence` counts the contract's decisions: the entries of revenue are known by it. `at` is the decision's instant.

    Raises:
        UnpricedUsage: if usage has no price. The books may have changed by then: throw them away.
    """
    bill = decision.bill
    assert bill is not None
    matter = Matter(books, decision, usage, taxes, bill.on, decision.recognise_through or bill.on)
    matter.planned = frozenset(line.id for line in planned_lines(matter.terms))
    draft = drafted(matter, bill)
    document = _document(matter, bill, draft) if draft.lines else None
    line_ids = [line.id for line in document.lines] if document else []
    running = accrue(matter, draft if document else None, line_ids)
    _recognise(matter)
    if document is not None:
        _hold(matter, document)
        _book(matter, bill, draft, document, running)
    for line, again in draft.bought:
        _grant(matter, bill, draft, document, line, again=again)
    _close(matter, document)
    post_revenue(matter, sequence)
    return document


def record(
    books: Books,
    decision: Decision,
    usage: UsageSource,
    *,
    sequence: int,
    at: datetime,
    taxes: TaxProvider = STATED_RATES,
) -> None:
    """Bring a decision without a bill into the books; see `issue`."""
    on = local_date(at, books.zone)
    matter = Matter(books, decision, usage, taxes, on, decision.recognise_through or on)
    matter.planned = frozenset(line.id for line in planned_lines(matter.terms))
    if decision.recognise_through is not None:
        accrue(matter, None, ())
    _deliver(matter)
    if decision.recognise_through is not None:
        _recognise(matter)
    _close(matter, None)
    post_revenue(matter, sequence)


def preview(
    books: Books, decision: Decision, usage: UsageSource, *, taxes: TaxProvider = STATED_RATES
) -> Document | None:
    """The document that a decision with a bill would issue; the books stay as they are."""
    assert decision.bill is not None
    return issue(copied(books), decision, usage, sequence=0, at=decision.bill.at, taxes=taxes)


def _hold(matter: Matter, document: Document) -> None:
    """Keep an invoice back that is beyond its contract's bounds."""
    because = beyond(matter.terms.bounds, document, matter.books.documents.values(), matter.books.currency)
    if because is not None:
        document.held, document.held_because = True, because


def _document(matter: Matter, bill: Bill, draft: Drafted) -> Document:
    state, taxes = matter.state, draft.taxes
    id_ = invoice_id(state.contract_id, bill.document)
    lines = [
        _booked(derived("il", id_, position), line, net_minor, tax_minor)
        for position, (line, net_minor, tax_minor) in enumerate(
            zip(draft.lines, taxes.net_by_line, taxes.tax_by_line, strict=True)
        )
    ]
    net_minor, tax_minor = taxes.net_minor, taxes.tax_minor
    return Document(
        id=id_,
        kind=draft.kind,
        sequence=bill.document,
        issued_on=bill.on,
        issued_at=bill.at,
        due_on=bill.due_on,
        net_minor=net_minor,
        tax_minor=tax_minor,
        total_minor=net_minor + tax_minor,
        status="issued" if draft.kind == "credit_note" else "open",
        lines=lines,
        tax_by_rate=tuple((rate.name, minor) for rate, minor in zip(draft.rates, taxes.tax_by_rate, strict=True)),
        held=bill.held,
    )


def _booked(id_: str, line: PricedLine, net_minor: int, tax_minor: int) -> BookedLine:
    return BookedLine(
        id=id_,
        line_id=line.line_id,
        kind=line.kind,
        starts_on=line.starts_on,
        ends_on=line.ends_on,
        net_minor=net_minor,
        tax_minor=tax_minor,
        recognize=line.item.recognize,
        quantity=f"{line.usage.total:f}",
        steps=line.steps,
        item=line.item,
        discounted=(*line.taken, *line.drawn_minor.items()),
    )


def _recognise(matter: Matter) -> None:
    """Earn what the running schedules have earned by now, and forget those that are done."""
    books, through = matter.books, matter.through
    known_on = through - ONE_DAY
    for id_ in list(books.running):
        schedule = books.schedules[id_]
        if not is_done(schedule):
            done, earnings = earn(schedule, through)
            if done is not schedule:
                books.keep(done)
                matter.earn(earnings, known_on=known_on)
            schedule = done
        if is_done(schedule):
            del books.running[id_]
    if books.grants:
        expire(matter)


def _book(matter: Matter, bill: Bill, draft: Drafted, document: Document, running: list[str | None]) -> None:
    """Store and post the document. What was earned before it is claimed; the rest is to be earned from now on."""
    books = matter.books
    sources: Amounts = {("tax_payable", None): -draft.sign * document.tax_minor}
    for line, booked, schedule_id in zip(draft.lines, document.lines, running, strict=True):
        net_minor = draft.sign * booked.net_minor
        if schedule_id is not None:
            net_minor = _bill_running(matter, line, booked, schedule_id, sources)
        elif line.kind == "drawn":
            continue
        elif line.kind != "prepaid" and net_minor and not is_planned(matter, line):
            _start(matter, bill, line, booked, net_minor)
        key = ("contract_position", line.line_id)
        sources[key] = sources.get(key, 0) - net_minor
    lowered_minor = 0
    if document.kind == "credit_note":
        lowered_minor = crediting.credit(books, document)
    else:
        if books.credits:
            document.credit_applied_minor = crediting.use(books, document.total_minor)
        if document.open_minor == 0:
            document.status = "paid"
    books.documents[document.id] = document
    books.touched.add(("documents", document.id))
    post_document(books, document, sources, lowered_minor)


def _bill_running(matter: Matter, line: PricedLine, booked: BookedLine, schedule_id: str, sources: Amounts) -> int:
    """Bill what ran up to now; return what of it is still to be earned."""
    books = matter.books
    schedule = books.schedules[schedule_id]
    claimed_minor = schedule.recognized_minor if schedule.basis == "unbilled" else 0
    key = ("unbilled_receivable", line.line_id)
    sources[key] = sources.get(key, 0) - claimed_minor
    booked.schedule_id = schedule_id
    _set_billed(books, schedule)
    for grant_id in line.drawn_minor:
        paying = books.schedules.get(derived("sch", grant_id, schedule_id))
        if paying is not None:
            _set_billed(books, paying)
    return schedule.amount_minor - claimed_minor


def _set_billed(books: Books, schedule: Schedule) -> None:
    billed = replace(schedule, basis="position", billed=True)
    books.keep(billed)
    if is_done(billed):
        del books.running[billed.id]


def _start(matter: Matter, bill: Bill, line: PricedLine, booked: BookedLine, net_minor: int) -> None:
    """Start the schedule of a line that is earned from its document on, and earn its days that have gone by."""
    starts_on, ends_on = days_of(line.item, matter.books.zone)
    at_once = line.item.recognize == "immediately"
    if at_once:
        starts_on, ends_on = bill.on, bill.on + ONE_DAY
    schedule = Schedule(
        id=derived("sch", booked.id),
        line_id=line.line_id,
        basis="position",
        method=line.item.recognize,
        starts_on=starts_on,
        ends_on=ends_on,
        amount_minor=net_minor,
        recognized_minor=0,
        recognized_through=starts_on,
        invoice_line_id=booked.id,
    )
    booked.schedule_id = schedule.id
    earnings: list[Earning] = []
    if at_once:
        schedule, earnings = conclude(schedule, bill.on)
    elif starts_on < matter.through:
        own_day = line.item.own_day
        schedule, earnings = earn_on(schedule, matter.through, bill.on) if own_day else earn(schedule, matter.through)
    matter.books.keep(schedule)
    matter.earn(earnings, known_on=bill.on)


def _grant(
    matter: Matter, bill: Bill, draft: Drafted, document: Document | None, line: PricedLine, *, again: bool
) -> None:
    """Give the credits that a line of the document sells, or that are free."""
    paid_minor, line_id = 0, None
    if document is not None:
        for sold, booked in zip(draft.lines, document.lines, strict=True):
            if sold is line:
                paid_minor, line_id = draft.sign * booked.net_minor, booked.id
    prepaid.grant(matter, bill.document, line, paid_minor, line_id, again=again)


def _deliver(matter: Matter) -> None:
    """Note what was delivered in the schedules that wait for it."""
    delivered = matter.decision.delivered
    if delivered is None:
        return
    books = matter.books
    for schedule in list(books.schedules.values()):
        waits = schedule.line_id == delivered.line and schedule.method in DELIVERED
        if waits and schedule.starts_on <= delivered.on:
            earlier = tuple(one for one in schedule.progress if one[0] != delivered.on)
            books.keep(replace(schedule, progress=(*earlier, (delivered.on, f"{delivered.percent:f}"))))


def _close(matter: Matter, document: Document | None) -> None:
    """Bring plans up to date; when the contract is over, nothing is left to deliver, and all is earned today.

    What waits for its document is earned with the last of them.
    """
    if matter.planned:
        plans.follow(matter, document)
    if not matter.state.over or matter.state.waiting:
        return
    books = matter.books
    if books.grants:
        close_grants(matter)
    for id_ in list(books.running):
        schedule, earnings = conclude(books.schedules[id_], matter.on)
        books.keep(replace(schedule, billed=True))
        matter.earn(earnings, known_on=matter.on)
        del books.running[id_]
