"""Rating: what a price makes of a quantity, step by step and unrounded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import reduce
from typing import cast

from domain.errors import UnpricedUsage
from domain.money import UNROUNDED
from domain.percentage import tally
from domain.prices import (
    ZERO,
    Band,
    Dynamic,
    Flat,
    Graduated,
    GraduatedPercentage,
    Matrix,
    Package,
    Percentage,
    PerUnit,
    Price,
    RateTier,
    Stairstep,
    Tier,
    Volume,
)

# A quotient such as an average may have no exact decimal. Held to 60 decimals it makes an amount that 45 decimals show
# without its error: a third of 0.015 is half a cent. Amounts of single events have 44 decimals at most.
QUOTIENT_DECIMALS = 60
_EXACT_DECIMALS_MAX = 52
_HELD = Decimal("1E-45")
_HALF_AWAY = Context(prec=200, rounding=ROUND_HALF_UP)

_add, _subtract, _multiply = UNROUNDED.add, UNROUNDED.subtract, UNROUNDED.multiply


@dataclass(frozen=True, slots=True)
class Group:
    """The quantity of the events that share these properties."""

    properties: Mapping[str, str]
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used: `total`, and as the price asks for it the same by `groups` (see `group_by`) or event by event.

    `events` are the values in the order of their time, for a price that `reads_events`. A quotient such as an average
    is held to `QUOTIENT_DECIMALS`.
    """

    total: Decimal
    groups: tuple[Group, ...] = ()
    events: tuple[Decimal, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a calculation, in major units: `quantity` x `unit_price`, or an `amount` alone."""

    label: str
    quantity: Decimal | None
    unit_price: Decimal | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Rated:
    """An unrounded amount of the major unit, and the steps that sum to it (to 45 decimals)."""

    amount: Decimal
    steps: tuple[Step, ...]


def rate(price: Price, usage: Usage) -> Rated:
    """What `usage` costs at `price`, exact and unrounded: round it once, with `money.to_minor`.

    Included units come off before pricing, minimum and maximum hold the amount at the end. Where values of events are
    priced, their units are units of the value. A total below zero counts as units of the first tier and starts no
    package.

    Raises:
        UnpricedUsage: if no cell of a matrix matches, or the quantity is beyond the last tier.
    """
    steps = tuple(_steps(price, usage))
    amount = _held(_sum(step.amount for step in steps))
    if price.minimum is not None and amount < price.minimum:
        steps += (_flat(f"up to the minimum of {price.minimum:,f}", _subtract(price.minimum, amount)),)
        amount = price.minimum
    if price.maximum is not None and amount > price.maximum:
        steps += (_flat(f"down to the maximum of {price.maximum:,f}", _subtract(price.maximum, amount)),)
        amount = price.maximum
    return Rated(amount, steps)


def _held(amount: Decimal) -> Decimal:
    decimals = -cast(int, amount.as_tuple().exponent)
    return amount.quantize(_HELD, context=_HALF_AWAY) if decimals > _EXACT_DECIMALS_MAX else amount


def group_by(price: Price) -> tuple[str, ...]:
    """The event properties by which `price` needs its usage grouped, in alphabetical order."""
    if not isinstance(price, Matrix):
        return ()
    return tuple(sorted({name for cell in price.cells for name in cell.when}))


def proportion(amount: Decimal, part_days: int, whole_days: int) -> Fraction:
    """`amount` x `part_days` / `whole_days`.

    A fraction, because a third of a day's price has no exact decimal: `money.to_minor` rounds it, once.

    Raises:
        ValueError: if `whole_days` is not positive.
    """
    if whole_days <= 0:
        raise ValueError(f"a proportion needs a whole of at least one day, not {whole_days}")
    numerator, denominator = amount.as_integer_ratio()
    return Fraction(numerator * part_days, denominator * whole_days)


def _steps(price: Price, usage: Usage) -> Iterator[Step]:
    if isinstance(price, Flat):
        yield _flat("flat", price.amount)
    elif isinstance(price, Matrix):
        yield from _matrix(price, usage)
    elif isinstance(price, Percentage):
        yield from _percentage(price, usage)
    else:
        taken = max(ZERO, min(price.included, usage.total))
        if taken:
            yield _units("included", taken, ZERO)
        yield from _priced(price, _subtract(usage.total, taken))


_BySum = PerUnit | Package | Graduated | Volume | Stairstep | GraduatedPercentage | Dynamic


def _priced(price: _BySum, units: Decimal) -> Iterator[Step]:
    match price:
        case PerUnit():
            yield _units("units", units, price.amount)
        case Package():
            yield _units(f"packages of {price.size:,f}", _started(units, price.size), price.amount)
        case Graduated() | GraduatedPercentage():
            yield from _graduated(price.tiers, units)
        case Volume():
            index = _reached(price.tiers, units)
            yield from _tier(price.tiers[index], _label(price.tiers, index), units)
        case Stairstep():
            index = _reached(price.tiers, units)
            yield _flat(_label(price.tiers, index), price.tiers[index].flat)
        case Dynamic():
            yield _flat("amounts of the events", units)


def _graduated(tiers: Sequence[Tier | RateTier], units: Decimal) -> Iterator[Step]:
    below = ZERO
    for index, tier in enumerate(tiers):
        label = _label(tiers, index)
        if tier.up_to is None or units <= tier.up_to:
            yield from _tier(tier, label, _subtract(units, below))
            return
        yield from _tier(tier, label, _subtract(tier.up_to, below))
        below = tier.up_to
    raise _beyond(below, units)


def _tier(tier: Tier | RateTier, label: str, units: Decimal) -> Iterator[Step]:
    priced = label if isinstance(tier, Tier) else f"{tier.rate:f} %, {label}"
    yield _units(priced, units, tier.unit)
    if tier.flat:
        yield _flat(f"{label}, flat", tier.flat)


def _reached(tiers: Sequence[Band], units: Decimal) -> int:
    for index, tier in enumerate(tiers):
        if tier.up_to is None or units <= tier.up_to:
            return index
    raise _beyond(tiers[-1].up_to or ZERO, units)


def _beyond(end: Decimal, units: Decimal) -> UnpricedUsage:
    return UnpricedUsage(f"the tiers end at {end:,f}, and {units:,f} units have no price")


def _label(tiers: Sequence[Band], index: int) -> str:
    above = f"above {tiers[index - 1].up_to:,f}" if index else ""
    up_to = "" if tiers[index].up_to is None else f"up to {tiers[index].up_to:,f}"
    return " ".join(bound for bound in (above, up_to) if bound) or "all units"


def _percentage(price: Percentage, usage: Usage) -> Iterator[Step]:
    """A step for each class of events, however many they are; free ones stand there with a price of zero."""
    if usage.total and not usage.events:
        raise ValueError("a percentage price needs its usage event by event")
    found = tally(price, usage.events)
    if found.included:
        yield _units(_covering("included", found.included_events), found.included, ZERO)
    if found.free_events:
        yield _units(f"free events, worth {found.free_events_value:,f}", Decimal(found.free_events), ZERO)
    if found.free:
        yield _units(_covering("free amount", found.covered_events), found.free, ZERO)
    if found.paying_events:
        label = f"{price.rate:f} % of {found.paying:,f} in {_events(found.paying_events)}"
        yield _units(label, found.paying, price.unit)
        if price.fixed:
            yield _units("fixed per event", Decimal(found.paying_events), price.fixed)
    if found.events_at_minimum:
        label = f"events at the minimum, worth {found.value_at_minimum:,f}"
        yield _units(label, Decimal(found.events_at_minimum), price.min_per_event or ZERO)
    if found.events_at_maximum:
        label = f"events at the maximum, worth {found.value_at_maximum:,f}"
        yield _units(label, Decimal(found.events_at_maximum), price.max_per_event or ZERO)


def _covering(allowance: str, events: int) -> str:
    return f"{allowance}, all of {_events(events)}" if events else allowance


def _events(count: int) -> str:
    return f"{count:,} event" if count == 1 else f"{count:,} events"


def _matrix(price: Matrix, usage: Usage) -> Iterator[Step]:
    """A step for each cell that was used; included units come off in the order of the cells, `otherwise` last."""
    if usage.total and not usage.groups:
        raise ValueError(f"a matrix price needs its usage grouped by {', '.join(group_by(price))}")
    quantities = [ZERO] * (len(price.cells) + 1)
    for group in usage.groups:
        cell = _cell(price, group.properties)
        quantities[cell] = _add(quantities[cell], group.quantity)
    units = [*(cell.unit for cell in price.cells), price.otherwise or ZERO]
    labels = [*(_described(cell.when) for cell in price.cells), "otherwise"]
    left = price.included
    for quantity, unit, label in zip(quantities, units, labels, strict=True):
        taken = max(ZERO, min(left, quantity))
        if taken:
            left = _subtract(left, taken)
            yield _units(f"{label}, included", taken, ZERO)
        if quantity != taken:
            yield _units(label, _subtract(quantity, taken), unit)


def _cell(price: Matrix, properties: Mapping[str, str]) -> int:
    """The first cell that matches, counted from 0; the number after the last stands for `otherwise`."""
    for index, cell in enumerate(price.cells):
        if all(properties.get(name) == value for name, value in cell.when.items()):
            return index
    if price.otherwise is None:
        seen = {name: properties[name] for name in group_by(price) if name in properties}
        raise UnpricedUsage(f"no cell of the matrix prices {_described(seen) or 'events without properties'}")
    return len(price.cells)


def _described(properties: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in properties.items())


def _started(units: Decimal, size: Decimal) -> Decimal:
    """How many packages of `size` the units fill or begin."""
    if units <= 0:
        return ZERO
    full = UNROUNDED.divide_int(units, size)
    return full if _multiply(full, size) == units else _add(full, 1)


def _units(label: str, quantity: Decimal, unit_price: Decimal) -> Step:
    return Step(label, quantity, unit_price, _multiply(quantity, unit_price))


def _flat(label: str, amount: Decimal) -> Step:
    return Step(label, None, None, amount)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return reduce(_add, amounts, ZERO)
