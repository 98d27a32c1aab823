"""Commitments: what their lines came to in each window, what is short of them, and what goes beyond."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from domain import grid
from domain.books import Window
from domain.due import service_end
from domain.keys import derived
from domain.matter import Matter
from domain.money import exact_minor, round_half_away, round_ratio, to_major
from domain.offers import Commitment
from domain.prices import Flat
from domain.pricing import PricedLine
from domain.rating import Step, Usage
from domain.state import Item

COUNTED = frozenset({"charge", "credit", "usage", "adjustment"})
ONE_DAY = timedelta(days=1)


def true_ups(matter: Matter, items: Iterable[Item], lines: Sequence[PricedLine]) -> list[PricedLine]:
    """The lines that a document adds for the commitments, once its own `lines` are counted.

    A window that ends bills its shortfall. In one that has ended a difference bills, or credits, what the shortfall
    changed by. What goes beyond a commitment is multiplied as soon as it does.
    """
    ending = [item for item in items if item.kind == "true_up"]
    added: list[PricedLine] = []
    for commitment in matter.terms.commitments:
        changed: dict[str, date] = {}
        for line in lines:
            if line.line_id in commitment.lines and line.kind in COUNTED:
                window = _window(matter, commitment, line.starts_on)
                window.counted_minor += line.minor
                changed[window.id] = max(line.ends_on, changed.get(window.id, line.ends_on))
        for item in ending:
            if item.line == commitment.id:
                window = _window(matter, commitment, item.start)
                _close(matter, commitment, window, item)
                changed.setdefault(window.id, window.ends_on)
        for id_, covered_until in changed.items():
            added += _due(matter, commitment, matter.books.windows[id_], covered_until)
    return added


def _due(matter: Matter, commitment: Commitment, window: Window, covered_until: date) -> list[PricedLine]:
    matter.books.touched.add(("windows", window.id))
    added = []
    if commitment.overage != 1:
        beyond = max(0, window.counted_minor - window.amount_minor)
        overage = round_half_away(beyond * (Fraction(commitment.overage) - 1))
        if overage != window.overage_minor:
            difference = overage - window.overage_minor
            window.overage_minor = overage
            added.append(_line(matter, commitment, window, "overage", difference, covered_until - ONE_DAY))
    if window.closed:
        shortfall = max(0, window.amount_minor - window.counted_minor)
        if shortfall != window.shortfall_minor:
            difference = shortfall - window.shortfall_minor
            window.shortfall_minor = shortfall
            added.append(_line(matter, commitment, window, "true_up", difference, window.ends_on - ONE_DAY))
    return added


def _close(matter: Matter, commitment: Commitment, window: Window, item: Item) -> None:
    whole_minor = exact_minor(commitment.amount, matter.terms.currency)
    window.amount_minor = round_ratio(whole_minor * item.part_days, item.whole_days)
    window.ends_on = item.end
    window.closed = True


def _window(matter: Matter, commitment: Commitment, day: date) -> Window:
    """The window that holds the day, also where the contract ends before the window does."""
    state, every = matter.state, commitment.every
    index = state.windows[state.terms.commitments.index(commitment)]
    while index and grid.window_start(state, every, index) > day:
        index -= 1
    while (close := grid.window_start(state, every, index + 1)) <= day:
        index += 1
    start = grid.window_start(state, every, index)
    id_ = derived("win", state.contract_id, commitment.id, start)
    window = matter.books.windows.get(id_)
    if window is None:
        end = service_end(state)
        ends_on = close if end is None or end <= start else min(close, end)
        whole_minor = exact_minor(commitment.amount, state.terms.currency)
        regular = grid.whole_window(state, every, index)
        amount_minor = round_ratio(whole_minor * (ends_on - start).days, regular.days)
        window = Window(id_, commitment.id, start, ends_on, amount_minor)
        matter.books.windows[id_] = window
    return window


def _line(
    matter: Matter, commitment: Commitment, window: Window, kind: str, difference_minor: int, earned_on: date
) -> PricedLine:
    currency = matter.terms.currency
    days = (window.ends_on - window.starts_on).days
    item = Item(
        line=commitment.id,
        kind="true_up",
        bill="arrears",
        start=window.starts_on,
        end=window.ends_on,
        part_days=days,
        whole_days=days,
        price=Flat(model="flat", amount=to_major(difference_minor, currency)),
        recognize="daily",
        quantity=Decimal(1),
    )
    committed, counted = to_major(window.amount_minor, currency), to_major(window.counted_minor, currency)
    label = f"{counted:,f} of {committed:,f} committed"
    if kind == "overage":
        label += f", {commitment.overage:f} times beyond"
    return PricedLine(
        item=item,
        line_id=commitment.id,
        kind=kind,
        starts_on=window.starts_on,
        ends_on=window.ends_on,
        minor=difference_minor,
        usage=Usage(Decimal(1)),
        steps=(Step(label, None, None, to_major(difference_minor, currency)),),
        rates=matter.rates(commitment.id),
        earned_on=earned_on,
    )
