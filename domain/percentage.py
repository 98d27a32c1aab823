"""What a percentage price makes of single events: which are free, which are held to a bound, which pay the rate."""

from dataclasses import dataclass
from decimal import Decimal
from functools import reduce

from domain.money import UNROUNDED
from domain.prices import ZERO, Percentage

_add, _subtract, _multiply = UNROUNDED.add, UNROUNDED.subtract, UNROUNDED.multiply


@dataclass(slots=True)
class Tally:
    """How many events fell in each class, and what they were worth, so that a person can check the arithmetic.

    `included` and `free` are the values that included units and the free amount took off; the events that they cover
    wholly are counted and in no other class. The other events are free, at the minimum, at the maximum, or pay the
    rate on `paying`; values are without what was taken off before.
    """

    included_events: int = 0
    included: Decimal = ZERO
    free_events: int = 0
    free_events_value: Decimal = ZERO
    covered_events: int = 0
    free: Decimal = ZERO
    paying_events: int = 0
    paying: Decimal = ZERO
    events_at_minimum: int = 0
    value_at_minimum: Decimal = ZERO
    events_at_maximum: int = 0
    value_at_maximum: Decimal = ZERO


def tally(price: Percentage, events: tuple[Decimal, ...]) -> Tally:
    """The events, given as their values in the order of time, sorted by what `price` asks for them.

    Included units come off the values first, as if they had not been used; then the free events, then the free
    amount. What an allowance covers wholly costs nothing; what it covers in part pays the rate on the rest and the
    whole fixed amount. A value below zero uses up no allowance, and costs nothing while there is one.
    """
    found = Tally()
    found.included, used = _beyond(price.included, events)
    found.included_events = len(events) - len(used)
    found.free_events = min(price.free_events, len(used))
    found.free_events_value = reduce(_add, used[: found.free_events], ZERO)
    found.free, paying = _beyond(price.free_amount, used[found.free_events :])
    found.covered_events = len(used) - found.free_events - len(paying)
    unit, least, most = price.unit, price.min_per_event, price.max_per_event
    for value in paying:
        cost = _add(_multiply(value, unit), price.fixed)
        if least is not None and cost < least:
            found.events_at_minimum += 1
            found.value_at_minimum = _add(found.value_at_minimum, value)
        elif most is not None and cost > most:
            found.events_at_maximum += 1
            found.value_at_maximum = _add(found.value_at_maximum, value)
        else:
            found.paying_events += 1
            found.paying = _add(found.paying, value)
    return found


def _beyond(allowance: Decimal, events: tuple[Decimal, ...]) -> tuple[Decimal, tuple[Decimal, ...]]:
    """How much of the allowance is used up, and the values that it does not cover."""
    left = allowance
    for index, value in enumerate(events):
        if not left:
            return allowance, events[index:]
        if value > left:
            return allowance, (_subtract(value, left), *events[index + 1 :])
        left = _subtract(left, max(ZERO, value))
    return _subtract(allowance, left), ()
