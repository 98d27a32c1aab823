"""What metered lines have used in their running periods, what that comes to, and how far limits are used by it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import reduce

from domain import charges, grid
from domain.discounts import discount
from domain.due import service_end
from domain.line import Line
from domain.money import UNROUNDED, to_major
from domain.offers import Discount, UsageLimit
from domain.prices import ZERO
from domain.pricing import priced
from domain.rating import Usage
from domain.state import ContractState, Item
from domain.terms import Terms


@dataclass(frozen=True, slots=True)
class Running:
    """The running period [starts_on, ends_on) of a metered line, and its stretches; a `free` one is not billed."""

    line: Line
    starts_on: date
    ends_on: date
    items: tuple[Item, ...]
    free: bool = False


@dataclass(frozen=True, slots=True)
class RunningLine:
    """What a line has `used` in its running period, and what that comes to before taxes, commitments and credits."""

    line: Line
    starts_on: date
    ends_on: date
    used: Decimal
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a limit is used in the period that began on `starts_on`: an amount in major units, or a quantity."""

    limit: UsageLimit
    starts_on: date
    used: Decimal

    @property
    def passed(self) -> bool:
        return self.used >= self.limit.bound

    @property
    def percent(self) -> Decimal:
        """How much of the limit is used, rounded down to two decimals."""
        used, bound = Fraction(self.used), Fraction(self.limit.bound)
        return Decimal(int(10_000 * used / bound)).scaleb(-2)

    @property
    def remaining(self) -> Decimal:
        return max(ZERO, UNROUNDED.subtract(self.limit.bound, self.used))


def running(state: ContractState) -> list[Running]:
    """The running periods of the metered lines that are served; none before billing starts and after the end."""
    return list(_running(state)) if state.started and not state.over else []


def _running(state: ContractState) -> Iterator[Running]:
    end = service_end(state)
    for progress in state.lines:
        line = state.terms.line(progress.id)
        if line.meter is None or progress.removed or (end is not None and progress.billed_through >= end):
            continue
        starts_on, close = (grid.period_start(state, line, progress, progress.index + n) for n in (0, 1))
        ends_on = close if end is None else min(close, end)
        items = charges.arrears(state, line, progress, ends_on)
        yield Running(line, starts_on, ends_on, items, bool(progress.skip))


def valued(terms: Terms, periods: Sequence[Running], usage_of: Callable[[Item], Usage]) -> list[RunningLine]:
    """The periods with what was used in them, priced as the bill will price it.

    A discount of a fixed amount is known beforehand only where nothing but usage bears it.

    Raises:
        UnpricedUsage: if usage has no price.
    """
    discounts = [one for one in terms.discounts if one.percent is not None or _metered_only(terms, one)]
    found, priced_lines = [], []
    for period in periods:
        lines = [priced(item, usage_of(item), terms.currency, exact=bool(discounts)) for item in period.items]
        found.append((period, lines))
        priced_lines += lines
    if discounts:
        discount(priced_lines, discounts, terms.currency, regular=True, share_of=lambda item, one: None)
    return [
        RunningLine(
            period.line,
            period.starts_on,
            period.ends_on,
            reduce(UNROUNDED.add, (line.usage.total for line in lines), ZERO),
            0 if period.free else sum(line.minor for line in lines),
        )
        for period, lines in found
    ]


def limits_reached(terms: Terms, lines: Sequence[RunningLine]) -> list[Reached]:
    """How far each limit of the terms is used; those of a line that does not run are left out.

    The contract's own period begins with the longest of its metered lines. An amount that is billed without any usage,
    such as a minimum, counts only once there is some.
    """
    return [one for limit in terms.usage_limits if (one := _reached(terms, limit, lines)) is not None]


def contract_period(lines: Sequence[Running | RunningLine]) -> date | None:
    """The day on which the period began that limits of the whole contract count in."""
    return min((line.starts_on for line in lines), default=None)


def _reached(terms: Terms, limit: UsageLimit, lines: Sequence[RunningLine]) -> Reached | None:
    concerned = [line for line in lines if limit.line in (None, line.line.id)]
    starts_on = contract_period(concerned)
    if starts_on is None:
        return None
    if limit.quantity is not None:
        return Reached(limit, starts_on, concerned[0].used)
    amount_minor = sum(line.amount_minor for line in concerned if line.used)
    return Reached(limit, starts_on, to_major(amount_minor, terms.currency))


def _metered_only(terms: Terms, one: Discount) -> bool:
    return bool(one.lines) and all(terms.line(name).meter is not None for name in one.lines)
