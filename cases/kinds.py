"""Runs the cases of one rule each: a price, periods, an allocation, a schedule, a modification."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from cases.compare import Shown
from cases.format import AllocateCase, ModifyCase, PeriodsCase, PriceCase, PricedEvent, ScheduleCase
from domain.line import Frozen
from domain.modification import ModificationRefused, modify
from domain.money import exact_minor, to_major, to_minor
from domain.period import boundary, first_instant
from domain.prices import ZERO
from domain.rating import Group, Usage, group_by, rate
from domain.schedule import by_month
from domain.ssp import AllocationRefused, allocate_price

Found = Mapping[str, Any]
SingleCase = PriceCase | PeriodsCase | AllocateCase | ScheduleCase | ModifyCase


def answer(case: SingleCase) -> Found:
    """What the product answers, by the names that stand under `expect`."""
    match case:
        case PriceCase():
            return _price(case)
        case PeriodsCase():
            return _periods(case)
        case AllocateCase():
            return _allocation(case)
        case ScheduleCase():
            return _schedule(case)
        case ModifyCase():
            return _modification(case)


def differences(case: SingleCase) -> list[str]:
    """What differs from what the case expects."""
    found, show = answer(case), Shown(case.currency)
    differing: list[str] = []
    for name in sorted(_stated(case.expect)):
        wanted, got = getattr(case.expect, name), found.get(name)
        if isinstance(case, ScheduleCase):
            differing += show.months(name, wanted, got or {})
        elif wanted != got:
            differing.append(f"{name}: expected {_shown(wanted, show)}, got {_shown(got, show)}")
    return differing


def _stated(expect: Frozen) -> set[str]:
    return expect.model_fields_set


def _shown(value: object, show: Shown) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {show.value(part)}' for name, part in value.items())}}}"
    return show.value(value)


def _price(case: PriceCase) -> Found:
    amount = rate(case.price, _usage(case)).amount
    return {"amount": to_major(to_minor(amount, case.currency), case.currency)}


def _usage(case: PriceCase) -> Usage:
    if case.events is None:
        return Usage(case.quantity or ZERO)
    values = tuple(event.value if isinstance(event, PricedEvent) else event for event in case.events)
    names = group_by(case.price)
    groups: dict[tuple[tuple[str, str], ...], Decimal] = defaultdict(Decimal)
    for event, value in zip(case.events, values, strict=True):
        properties = event.properties if isinstance(event, PricedEvent) else {}
        groups[tuple((name, str(properties[name])) for name in names if name in properties)] += value
    return Usage(
        sum(values, ZERO),
        tuple(Group(dict(key), quantity) for key, quantity in groups.items()) if names else (),
        values,
    )


def _periods(case: PeriodsCase) -> Found:
    days = tuple(boundary(case.start, case.every, k, case.anchor_day, case.anchor_month) for k in range(case.count))
    return {"boundaries": days, "instants": tuple(first_instant(day, case.timezone) for day in days)}


def _allocation(case: AllocateCase) -> Found:
    currency = case.currency
    try:
        shares = allocate_price(
            exact_minor(case.price, currency),
            case.obligations,
            discounts=case.discounts,
            variable=case.variable,
            currency=currency,
        )
    except AllocationRefused as refused:
        return {"error": refused.code}
    return {"allocation": {name: to_major(minor, currency) for name, minor in shares.items()}}


def _schedule(case: ScheduleCase) -> Found:
    minor = exact_minor(case.amount, case.currency)
    months = by_month(minor, case.from_, case.to, case.method)
    return {"months": {f"{month:%Y-%m}": to_major(part, case.currency) for month, part in months.items()}}


def _modification(case: ModifyCase) -> Found:
    try:
        made = modify(case.before, case.change, case.treatment, currency=case.currency)
    except ModificationRefused as refused:
        return {"error": refused.code}
    return {
        "treatment": made.treatment,
        "revenue_now": to_major(made.revenue_now_minor, case.currency),
        "remaining": {name: to_major(minor, case.currency) for name, minor in made.remaining.items()},
    }
