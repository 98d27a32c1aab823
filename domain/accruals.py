"""Schedules of what is earned before its invoice: usage, arrears, changes that wait for the next invoice."""

from collections.abc import Sequence
from dataclasses import replace

from domain import late
from domain.books import Basis
from domain.discounts import discount
from domain.drafting import Drafted, shares
from domain.keys import derived
from domain.matter import Matter
from domain.metered_revenue import Run, schedules_of
from domain.planning import is_planned
from domain.prepaid import used_now
from domain.pricing import PricedLine, net_of, priced
from domain.revenue import Earning
from domain.state import Item


def accrue(matter: Matter, document: Drafted | None, line_ids: Sequence[str]) -> list[str | None]:
    """Bring the schedules of the decision's accruals and of the document's lines up to date, not recognised yet.

    Returns the schedule of each line of the document; None where it has none, or has it only from the document on.
    What ran before and is neither billed nor running any more is taken back.
    """
    books = matter.books
    ran = [id_ for id_ in books.running if not books.schedules[id_].billed]
    accruals = matter.decision.accruals
    if document is None and not accruals and not ran:
        return []
    runs = _billed(matter, document, line_ids) if document is not None else []
    fresh = schedules_of(matter, [run for run in runs if run is not None], matter.used_before)
    taken = {schedule.id for schedule in fresh}
    if accruals:
        used = used_now(books) if books.grants else {}
        fresh += schedules_of(matter, _running(matter, accruals, taken), used)
        matter.used_now = used
    for schedule in fresh:
        before = books.schedules.get(schedule.id)
        if before is not None and before.basis != schedule.basis and before.recognized_minor:
            moved = before.recognized_minor
            moves = (
                Earning(before.line_id, before.basis, matter.on, -moved),
                Earning(before.line_id, schedule.basis, matter.on, moved),
            )
            matter.earn(moves, known_on=matter.on)
        books.keep(schedule)
    taken = {schedule.id for schedule in fresh}
    for id_ in ran:
        if id_ not in taken:
            books.keep(replace(books.schedules[id_], amount_minor=0, parts=(), billed=True))
    return [None if run is None else run.schedule_id for run in runs]


def runs_before(matter: Matter, line: PricedLine) -> bool:
    """Whether the line is earned before its document, as far as its days go."""
    item = line.item
    if line.earned_on is not None:
        return True
    if line.kind in ("prepaid", "drawn") or item.recognize == "immediately":
        return False
    return (item.carried or item.waits or item.bill == "arrears") and not is_planned(matter, line)


def _billed(matter: Matter, document: Drafted, line_ids: Sequence[str]) -> list[Run | None]:
    lines = document.lines
    nets = [document.sign * net for net in document.taxes.net_by_line]
    paid = _paid(document, nets)
    running = [runs_before(matter, line) for line in lines]
    bases = _bases([line for line, runs in zip(lines, running, strict=True) if runs])
    taken: set[str] = set()
    runs: list[Run | None] = []
    for line, before, net_minor, line_id in zip(lines, running, nets, line_ids, strict=True):
        if not before:
            runs.append(None)
            continue
        schedule_id = _waiting_id(matter, line, taken) or derived("sch", line_id)
        taken.add(schedule_id)
        runs.append(Run(line, schedule_id, net_minor, bases[line.line_id], line_id, paid.get(id(line), 0)))
    return runs


def _running(matter: Matter, items: Sequence[Item], taken: set[str]) -> list[Run]:
    """What runs and is billed later. What a fixed discount takes off is known only where all of its lines run."""
    terms, currency = matter.terms, matter.terms.currency
    lines = [
        priced(item, matter.usage.usage(item) if item.kind == "usage" else None, currency, exact=bool(terms.discounts))
        for item in items
        if not item.rerated
    ]
    if terms.discounts:
        advance = {line.id for line in terms.lines if line.bill == "advance"}
        known = [
            one
            for one in terms.discounts
            if one.percent is not None or not advance.intersection(one.lines or advance or ())
        ]
        discount(lines, known, currency, regular=True, share_of=shares(matter))
    for line in lines:
        line.rates = matter.rates(line.line_id)
    rerated = [item for item in items if item.rerated]
    lines += late.expected(matter, rerated) if rerated else []
    lines = [line for line in lines if runs_before(matter, line)]
    bases = _bases(lines)
    runs = []
    for line in lines:
        schedule_id = _running_id(matter, line, taken)
        taken.add(schedule_id)
        runs.append(Run(line, schedule_id, net_of(line, line.minor), bases[line.line_id]))
    return runs


def _paid(document: Drafted, nets: Sequence[int]) -> dict[int, int]:
    """What prepaid credits pay of the net of each metered line, by the line's identity."""
    paid: dict[int, int] = {}
    for line, net_minor in zip(document.lines, nets, strict=True):
        left_minor = -net_minor
        for source, minor in line.sources[:-1]:
            part = net_of(line, minor)
            paid[id(source)] = paid.get(id(source), 0) + part
            left_minor -= part
        if line.sources:
            last = id(line.sources[-1][0])
            paid[last] = paid.get(last, 0) + left_minor
    return paid


def _bases(lines: Sequence[PricedLine]) -> dict[str, Basis]:
    """Where a line's revenue comes from before its invoice: a claim, unless changes make it a credit to come."""
    mended = {line.line_id for line in lines if line.item.carried or line.kind == "credit"}
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.line_id] = sums.get(line.line_id, 0) + line.minor
    return {id_: "position" if id_ in mended and sum_ < 0 else "unbilled" for id_, sum_ in sums.items()}


def _waiting_id(matter: Matter, line: PricedLine, taken: set[str]) -> str | None:
    """The schedule on which the line has run up to now, if any."""
    id_ = _running_id(matter, line, taken)
    return id_ if id_ in matter.books.schedules else None


def _running_id(matter: Matter, line: PricedLine, taken: set[str]) -> str:
    """The schedule of a stretch from its first accrual to its invoice line; one that was billed is not taken again."""
    number = 0
    while True:
        id_ = _stretch_id(matter, line, number)
        known = matter.books.schedules.get(id_)
        if id_ not in taken and (known is None or not known.billed):
            return id_
        number += 1


def _stretch_id(matter: Matter, line: PricedLine, number: int) -> str:
    contract_id, item = matter.books.contract_id, line.item
    if line.kind == "adjustment":
        return derived("sch", line.period_id, number)
    if item.carried:
        share = f"{item.part_days}/{item.whole_days}"
        price = item.price.model_dump_json()
        stated = (item.kind, item.start, item.end, share, item.quantity, price)
        return derived("sch", contract_id, item.line, "carried", *stated, number)
    since = item.from_at.isoformat() if item.from_at else ""
    more = (line.kind, number) if number or line.kind == "credit" else ()
    return derived("sch", contract_id, item.line, item.start, since, *more)
