"""Discounts, in the order of the terms, each on what the former left."""

from collections.abc import Callable, Sequence
from fractions import Fraction

from domain.allocation import allocate
from domain.money import exact_minor, round_half_away, to_major
from domain.offers import Discount
from domain.pricing import PricedLine, settle
from domain.rating import Step
from domain.state import Item

DISCOUNTED = frozenset({"charge", "credit", "usage"})

# What a discount of a fixed amount took off the line that billed an item's days, in proportion to the item.
ShareOf = Callable[[Item, Discount], Fraction | None]


def discount(
    lines: Sequence[PricedLine], discounts: Sequence[Discount], currency: str, *, regular: bool, share_of: ShareOf
) -> None:
    """Take the discounts off the lines, which carry their exact amounts, and round each line once.

    A percentage is exact. A fixed amount counts once for a document and is split over its lines by largest remainder
    of what is left of them. On a part of a period that a change bills or credits it counts as that part of what was
    taken off the whole period, or where that is not known as that part of the amount. Nothing goes below zero.
    """
    mended = {(line.line_id, line.item.period) for line in lines if line.kind == "credit"}
    for one in discounts:
        eligible = [line for line in lines if _applies(one, line)]
        before = [line.minor if line.exact is None else round_half_away(line.exact) for line in eligible]
        if one.percent is not None:
            for line in eligible:
                line.exact = _exact(line) * (1 - Fraction(one.percent) / 100)
        else:
            parts = [
                line
                for line in eligible
                if not regular or line.item.carried or (line.line_id, line.item.period) in mended
            ]
            _take_amount(one, [line for line in eligible if line not in parts], currency)
            _take_parts(one, parts, currency, share_of)
        for line, was in zip(eligible, before, strict=True):
            _explain(one, line, was, currency)
    for line in lines:
        settle(line)


def again(line: PricedLine, discounts: Sequence[Discount], taken: dict[str, int], currency: str) -> None:
    """Take off the line what its period's discounts take, of a fixed amount no more than it was before.

    What of `taken` is used is subtracted there, so that several lines can share it.
    """
    for one in discounts:
        if not _applies(one, line):
            continue
        was = round_half_away(_exact(line))
        if one.percent is not None:
            line.exact = _exact(line) * (1 - Fraction(one.percent) / 100)
        else:
            part = min(taken.get(one.id, 0), max(0, was))
            taken[one.id] = taken.get(one.id, 0) - part
            _lower(one, line, Fraction(part))
        _explain(one, line, was, currency)
    settle(line)


def _applies(one: Discount, line: PricedLine) -> bool:
    if line.kind not in DISCOUNTED or (one.lines and line.line_id not in one.lines):
        return False
    return one.periods is None or line.item.period < one.periods


def _take_amount(one: Discount, lines: Sequence[PricedLine], currency: str) -> None:
    assert one.amount is not None
    amount_minor = exact_minor(one.amount, currency)
    charged = [line for line in lines if _exact(line) > 0]
    left = [_exact(line) for line in charged]
    if not charged:
        return
    # More than there is takes all of it, and nothing carries over.
    parts = [Fraction(part) for part in allocate(amount_minor, left)] if amount_minor < sum(left) else left
    for line, part in zip(charged, parts, strict=True):
        _lower(one, line, part)


def _take_parts(one: Discount, lines: Sequence[PricedLine], currency: str, share_of: ShareOf) -> None:
    assert one.amount is not None
    unknown: list[PricedLine] = []
    for line in lines:
        share = share_of(line.item, one)
        if share is None:
            unknown.append(line)
        else:
            _lower(one, line, share)
    credits = [line for line in unknown if line.kind == "credit"]
    for mirrored in (credits, [line for line in unknown if line.kind != "credit"]):
        sizes = [abs(_exact(line)) for line in mirrored]
        if not sum(sizes):
            continue
        part = max(Fraction(line.item.part_days, line.item.whole_days) for line in mirrored)
        amount_minor = round_half_away(exact_minor(one.amount, currency) * part)
        for line, share_minor in zip(mirrored, allocate(amount_minor, sizes), strict=True):
            _lower(one, line, Fraction(share_minor))


def _lower(one: Discount, line: PricedLine, by: Fraction) -> None:
    """Bring the line's amount closer to zero, and not beyond it."""
    exact = _exact(line)
    by = min(by, abs(exact))
    line.exact = exact - by if exact > 0 else exact + by
    if by:
        line.taken = (*line.taken, (one.id, round_half_away(by)))


def _explain(one: Discount, line: PricedLine, was_minor: int, currency: str) -> None:
    taken_minor = round_half_away(_exact(line)) - was_minor
    if taken_minor:
        label = f"discount {one.id}" if one.percent is None else f"discount {one.id}, {one.percent:f} %"
        line.steps = (*line.steps, Step(label, None, None, to_major(taken_minor, currency)))


def _exact(line: PricedLine) -> Fraction:
    assert line.exact is not None
    return line.exact
