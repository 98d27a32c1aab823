"""Metered periods that were billed and cost something else now: late or voided usage, a backdated price."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce

from domain.books import RatedPeriod
from domain.discounts import again
from domain.keys import derived
from domain.matter import Matter
from domain.money import UNROUNDED, to_major
from domain.period import local_date
from domain.prices import ZERO
from domain.pricing import PricedLine, priced
from domain.rating import Step, Usage
from domain.state import Item


def billed(matter: Matter, lines: Iterable[PricedLine]) -> None:
    """Note what the usage lines of a document bill of their periods, so that it can be rated again."""
    for line in lines:
        if line.kind != "usage":
            continue
        period = _period(matter, line.item)
        line.period_id = period.id
        others = tuple(item for item in period.items if item.from_at != line.item.from_at)
        period.items = (*others, line.item)
        period.billed_minor += line.minor
        period.discounted += line.taken


def adjustments(matter: Matter, items: Sequence[Item], *, regular: bool) -> list[PricedLine]:
    """A line for each billed period whose price has changed, with the difference to what was billed.

    The periods of `items` are rated anew with these stretches. A regular document also takes up all periods whose
    usage has changed, but for those that run and were billed in part: they are rated again when they are over. The
    lines stand in the order of the periods, and of the lines in the terms.
    """
    changed: dict[str, tuple[Item, ...]] = {}
    for item in items:
        period_id = _period(matter, item).id
        changed[period_id] = (*changed.get(period_id, ()), item)
    if regular:
        state = matter.state
        run_on = set() if state.over else {(line.id, line.interim) for line in state.lines}
        for period in matter.books.periods.values():
            runs = (period.line_id, period.starts_on) in run_on
            if not runs and period.id not in changed and matter.usage.changed(period):
                changed[period.id] = period.items
    places = {line.id: place for place, line in enumerate(matter.terms.lines)}
    periods = [matter.books.periods[id_] for id_ in changed]
    periods.sort(key=lambda period: (period.starts_on, places.get(period.line_id, len(places)), period.line_id))
    lines = [_adjustment(matter, period, changed[period.id]) for period in periods]
    return [line for line in lines if line.minor]


def expected(matter: Matter, items: Sequence[Item]) -> list[PricedLine]:
    """What rated periods will be adjusted by on the next regular document; nothing is noted of it."""
    by_period: dict[str, tuple[Item, ...]] = {}
    for item in items:
        id_ = _id(matter, item)
        by_period[id_] = (*by_period.get(id_, ()), item)
    periods = matter.books.periods
    return [_difference(matter, periods[id_], some)[0] for id_, some in by_period.items() if id_ in periods]


def _adjustment(matter: Matter, period: RatedPeriod, stretches: tuple[Item, ...]) -> PricedLine:
    line, total_minor = _difference(matter, period, stretches)
    period.items = stretches
    period.billed_minor = total_minor
    matter.books.touched.add(("periods", period.id))
    return line


def _difference(matter: Matter, period: RatedPeriod, stretches: tuple[Item, ...]) -> tuple[PricedLine, int]:
    currency, discounts = matter.terms.currency, matter.terms.discounts
    taken = dict(period.discounted)
    rated = [priced(item, matter.usage.usage(item), currency, exact=True) for item in stretches]
    for line in rated:
        again(line, discounts, taken, currency)
    total_minor = sum(line.minor for line in rated)
    before = Step("billed before", None, None, to_major(-period.billed_minor, currency))
    adjustment = PricedLine(
        item=replace(stretches[0], start=period.starts_on, end=period.ends_on, to_at=stretches[-1].to_at),
        line_id=period.line_id,
        kind="adjustment",
        starts_on=period.starts_on,
        ends_on=period.ends_on,
        minor=total_minor - period.billed_minor,
        usage=Usage(reduce(UNROUNDED.add, (line.usage.total for line in rated), ZERO)),
        steps=(*(step for line in rated for step in line.steps), before),
        rates=matter.rates(period.line_id),
        period_id=period.id,
        stretches=tuple(rated),
    )
    return adjustment, total_minor


def _period(matter: Matter, item: Item) -> RatedPeriod:
    id_, books = _id(matter, item), matter.books
    books.touched.add(("periods", id_))
    period = books.periods.get(id_)
    if period is None:
        ends_on = item.end if item.period_end_at is None else local_date(item.period_end_at, books.zone)
        period = RatedPeriod(id_, item.line, item.period_start or item.start, ends_on, (), 0)
        books.periods[id_] = period
    return period


def _id(matter: Matter, item: Item) -> str:
    return derived("rp", matter.books.contract_id, item.line, item.period_start or item.start)
