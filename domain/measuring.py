"""What a metered line had come to before a day."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from domain.matter import Matter
from domain.money import round_half_away
from domain.period import first_instant, local_date
from domain.pricing import PricedLine, priced
from domain.state import Item

ONE_DAY = timedelta(days=1)


def days_of(item: Item, zone: str) -> tuple[date, date]:
    """The local dates of an item, as a half-open pair; a stretch that ends within a day holds that day."""
    ends_on = max(item.end, item.start + ONE_DAY)
    if item.to_at is not None:
        ends_on = max(ends_on, local_date(item.to_at - timedelta(microseconds=1), zone) + ONE_DAY)
    return item.start, ends_on


def value_before(matter: Matter, line: PricedLine, until: date) -> int:
    """What the line's usage before the day `until` comes to after discounts, in minor units.

    A discount of a fixed amount counts in proportion. An adjusted period counts with all that it comes to now, not
    with the difference that is billed.
    """
    if line.stretches:
        return sum(value_before(matter, stretch, until) for stretch in line.stretches)
    item, zone = line.item, matter.books.zone
    start, end = days_of(item, zone)
    if until >= end:
        return line.minor
    if until <= start:
        return 0
    instant = first_instant(until, zone)
    part = replace(item, end=until, part_days=(until - start).days, to_at=instant)
    exact = line.exact is not None
    value = priced(part, matter.usage.usage(item, until=instant), matter.terms.currency, exact=exact)
    if line.exact is None or not line.gross:
        return value.minor
    assert value.exact is not None
    return round_half_away(value.exact * Fraction(line.exact, line.gross))
