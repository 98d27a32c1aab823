"""Prepaid credits: what is bought, what usage draws, and what is bought again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from domain.books import Books, Grant
from domain.keys import derived
from domain.matter import Matter
from domain.measuring import value_before
from domain.money import exact_minor, round_ratio, to_major
from domain.offers import PrepaidCredits
from domain.period import boundary
from domain.prices import Flat
from domain.pricing import PricedLine, priced
from domain.rating import Step, Usage
from domain.state import Item
from domain.tax import TaxRate
from domain.terms import Terms

ONE_DAY = timedelta(days=1)
DRAWING = frozenset({"usage", "adjustment"})
WHOLE = date.max


@dataclass(frozen=True, slots=True)
class Drawing:
    """Usage that credits can pay: `value` is what it came to before a day. `back_minor` is to be given back instead."""

    line_id: str
    starts_on: date
    ends_on: date
    value: Callable[[date], int]
    back_minor: int = 0


# What each drawing takes of each grant.
Draws = list[dict[str, int]]


def draws(books: Books, terms: Terms, used: dict[str, int], drawings: Sequence[Drawing], cut: date = WHOLE) -> Draws:
    """How much of each grant each drawing takes for its usage before `cut`, in the order of the drawings.

    The grants pay in order of priority, then the one that expires first. One pays for usage up to and on its last day,
    and for no period that had ended when it was bought. What has come to less than was drawn gives back. `used` is
    what of the grants is used, and is counted on.
    """
    grants = _in_order(books, terms)
    taken: Draws = [{} for _ in drawings]
    for grant in grants:
        until = cut if grant.expires_on is None else min(cut, grant.expires_on + ONE_DAY)
        for drawing, own in zip(drawings, taken, strict=True):
            left = grant.granted_minor - used[grant.id]
            if left <= 0 or until <= drawing.starts_on or not _pays(terms, grant, drawing):
                continue
            amount = min(left, drawing.value(until) - sum(own.values()))
            if amount > 0:
                own[grant.id] = amount
                used[grant.id] += amount
    for drawing, own in zip(drawings, taken, strict=True):
        back_minor = drawing.back_minor
        for grant in reversed(grants) if back_minor else ():
            amount = min(back_minor, used[grant.id])
            if amount > 0 and _pays(terms, grant, drawing):
                own[grant.id] = -amount
                used[grant.id] -= amount
                back_minor -= amount
    return taken


def earned(grant: Grant, used_minor: int) -> int:
    """The revenue of what is used of a grant."""
    return round_ratio(grant.paid_minor * used_minor, grant.granted_minor) if used_minor else 0


def used_now(books: Books) -> dict[str, int]:
    """What documents have drawn of each grant."""
    return {grant.id: grant.used_minor for grant in books.grants.values()}


def drawn_lines(matter: Matter, lines: Sequence[PricedLine]) -> list[PricedLine]:
    """The lines by which credits pay a document's usage. The grants are drawn, and each line knows by how much."""
    books, terms = matter.books, matter.terms
    metered = [line for line in lines if line.kind in DRAWING]
    matter.used_before = used_now(books)
    if not metered or not matter.used_before:
        return []
    used = dict(matter.used_before)
    taken = draws(books, terms, used, [drawing_of(matter, line) for line in metered])
    for line, own in zip(metered, taken, strict=True):
        line.drawn_minor = own
        if line.period_id is not None and own:
            books.periods[line.period_id].drawn_minor += sum(own.values())
    for grant in books.grants.values():
        if used[grant.id] != grant.used_minor:
            grant.earned_minor += earned(grant, used[grant.id]) - earned(grant, grant.used_minor)
            grant.used_minor = used[grant.id]
            books.touched.add(("grants", grant.id))
    return [line for credit in terms.credits for line in _drawn(books, terms, credit, metered)]


def drawing_of(matter: Matter, line: PricedLine) -> Drawing:
    """The drawing of a metered line."""
    start, end = line.starts_on, max(line.ends_on, line.starts_on + ONE_DAY)
    if line.kind == "usage":
        return Drawing(line.line_id, start, end, lambda until: value_before(matter, line, until))
    assert line.period_id is not None
    period = matter.books.periods[line.period_id]
    drawn_minor = period.drawn_minor
    if line.minor < 0:
        return Drawing(line.line_id, start, end, lambda until: 0, max(0, drawn_minor - period.billed_minor))
    # What was billed in money stays so: only what has come since is paid by credits.
    return Drawing(
        line.line_id, start, end, lambda until: min(line.minor, value_before(matter, line, until) - drawn_minor)
    )


def purchase(matter: Matter, credit: PrepaidCredits, paid: Decimal, on: date) -> PricedLine:
    """The line that sells credits once more."""
    currency = matter.terms.currency
    item = Item(
        line=credit.id,
        kind="prepaid",
        bill="advance",
        start=on,
        end=on + ONE_DAY,
        part_days=1,
        whole_days=1,
        price=Flat(model="flat", amount=paid),
        recognize="as_used",
        quantity=Decimal(1),
    )
    return replace(priced(item, None, currency), rates=matter.rates(credit.id))


def grant(
    matter: Matter, document: int, line: PricedLine, paid_minor: int, invoice_line_id: str | None, *, again: bool
) -> None:
    """Give the credits that a line has sold for `paid_minor` before tax."""
    books, terms = matter.books, matter.terms
    credit = next(credit for credit in terms.credits if credit.id == line.line_id)
    granted, expires_on = credit.grants, credit.expires
    if again:
        assert credit.top_up is not None
        granted = credit.top_up.grants
        expires_on = boundary(line.starts_on, "month", credit.top_up.months) - ONE_DAY
    given = Grant(
        id=derived("grt", books.contract_id, credit.id, document),
        credit_id=credit.id,
        paid_minor=paid_minor,
        granted_minor=exact_minor(granted, terms.currency),
        used_minor=0,
        earned_minor=0,
        starts_on=line.starts_on,
        expires_on=expires_on,
        priority=credit.priority,
        lines=credit.lines,
        schedule_line_id=invoice_line_id,
    )
    books.grants[given.id] = given
    books.touched.add(("grants", given.id))


def top_ups(matter: Matter, on: date) -> list[PricedLine]:
    """The credits that are bought again, since less is left of them than was agreed."""
    lines = []
    for credit in matter.terms.credits:
        if credit.top_up is None:
            continue
        live = [
            grant
            for grant in matter.books.grants.values()
            if grant.credit_id == credit.id
            and not grant.closed
            and (grant.expires_on is None or grant.expires_on >= on)
        ]
        left_minor = sum(grant.granted_minor - grant.used_minor for grant in live)
        if left_minor < exact_minor(credit.top_up.below, matter.terms.currency):
            lines.append(purchase(matter, credit, credit.top_up.paid, on))
    return lines


def _in_order(books: Books, terms: Terms) -> list[Grant]:
    places = {credit.id: place for place, credit in enumerate(terms.credits)}
    live = [grant for grant in books.grants.values() if not grant.closed]
    return sorted(live, key=lambda g: (g.priority, g.expires_on or WHOLE, places.get(g.credit_id, 0), g.starts_on))


def _pays(terms: Terms, grant: Grant, drawing: Drawing) -> bool:
    if drawing.ends_on <= grant.starts_on:
        return False
    return not grant.lines or drawing.line_id in grant.lines


def _drawn(books: Books, terms: Terms, credit: PrepaidCredits, metered: Sequence[PricedLine]) -> Iterator[PricedLine]:
    """A line for what was drawn of one credit, or several where the usage bears different taxes."""
    by_rates: dict[tuple[TaxRate, ...], list[tuple[PricedLine, int]]] = {}
    for line in metered:
        drawn_minor = sum(minor for id_, minor in line.drawn_minor.items() if books.grants[id_].credit_id == credit.id)
        if drawn_minor:
            by_rates.setdefault(line.rates, []).append((line, drawn_minor))
    for rates, sources in by_rates.items():
        total_minor = sum(minor for _, minor in sources)
        first = sources[0][0]
        yield PricedLine(
            item=replace(first.item, line=credit.id),
            line_id=credit.id,
            kind="drawn",
            starts_on=min(line.starts_on for line, _ in sources),
            ends_on=max(line.ends_on for line, _ in sources),
            minor=-total_minor,
            usage=Usage(Decimal(1)),
            steps=(Step("prepaid", None, None, to_major(-total_minor, terms.currency)),),
            rates=rates,
            sources=tuple(sources),
        )
