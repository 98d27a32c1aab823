from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.line import Aggregate, Meter
from domain.metering import Event, Property, aggregate
from domain.money import to_minor
from domain.prices import Price
from domain.rating import Group, Usage, rate

PRICE: TypeAdapter[Price] = TypeAdapter(Price)
APRIL, MAY = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
THIRD = Decimal("0." + "3" * 60)


def april(day: int) -> datetime:
    return datetime(2026, 4, day, tzinfo=UTC)


def event(
    event_id: str, value: str | None, at: datetime = APRIL, properties: Mapping[str, Property] | None = None
) -> Event:
    return Event(event_id, at, None if value is None else Decimal(value), properties or {})


def total(kind: Aggregate, *events: Event) -> Decimal:
    return aggregate(kind, events, from_at=APRIL, to_at=MAY).total


# 178 twice, 20 and 2.5 in the order of time 178, 20, 178, 2.5; one event has no value.
USED = (
    event("4", "2.5", april(4)),
    event("1", "178", april(1)),
    event("3", "178.0", april(3)),
    event("2", "20", april(2)),
    event("5", None, april(5)),
)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("sum", "378.5"),
        ("count", "5"),
        ("max", "178"),
        ("min", "2.5"),
        ("latest", "2.5"),
        ("average", "94.625"),
        ("unique", "3"),
        # 178 x 30 + 20 x 29 + 178 x 28 + 2.5 x 27 of 30 days: 10971.5 / 30.
        ("weighted_sum", "365.71" + "6" * 57 + "7"),
    ],
)
def test_events_make_one_quantity(kind: Aggregate, expected: str) -> None:
    assert total(kind, *USED) == Decimal(expected)


@pytest.mark.parametrize("kind", ["sum", "count", "max", "min", "latest", "average", "unique", "weighted_sum"])
def test_no_event_is_a_quantity_of_zero(kind: Aggregate) -> None:
    assert aggregate(kind, [], from_at=APRIL, to_at=MAY, group_by=["region"]) == Usage(Decimal(0))


def test_a_stretch_is_half_open_to_the_microsecond() -> None:
    instants = (APRIL - MICROSECOND, APRIL, MAY - MICROSECOND, MAY)
    assert total("count", *(event(str(number), "1", at) for number, at in enumerate(instants))) == 2


def test_of_two_events_at_one_instant_the_one_that_came_last_is_the_latest() -> None:
    assert total("latest", event("b", "1"), event("a", "2")) == 2


def test_each_event_stands_by_time_and_then_by_id() -> None:
    events = [event("c", "1", april(2)), event("b", "2"), event("a", "3"), event("d", None)]
    found = aggregate("sum", events, from_at=APRIL, to_at=MAY, each_event=True)
    assert found == Usage(Decimal(6), (), (Decimal(3), Decimal(2), Decimal(1)))
    assert aggregate("sum", events, from_at=APRIL, to_at=MAY).events == ()


def test_changes_weigh_the_share_of_the_period_that_is_left() -> None:
    """10 seats all month, 5 more for 15 of 30 days, 3 fewer for 6: 10 + 2.5 - 0.6."""
    assert total("weighted_sum", event("1", "10"), event("2", "5", april(16)), event("3", "-3", april(25))) == Decimal(
        "11.9"
    )


def test_a_stretch_weighs_its_events_by_the_whole_period() -> None:
    """From 16 April on: 5 x 15/30 - 3 x 6/30. The 10 of the first day belong to the stretch before."""
    events = [event("1", "10"), event("2", "5", april(16)), event("3", "-3", april(25))]
    found = aggregate("weighted_sum", events, from_at=april(16), to_at=MAY, period_from_at=APRIL, period_to_at=MAY)
    assert found.total == Decimal("1.9")


def test_what_accrued_so_far_weighs_up_to_the_cut() -> None:
    """By 22 April: 10 x 21/30 + 5 x 6/30; what comes at the cut or later does not count yet."""
    events = [event("1", "10"), event("2", "5", april(16)), event("3", "-3", april(22)), event("4", "9", april(25))]
    found = aggregate("weighted_sum", events, from_at=APRIL, to_at=MAY, until=april(22), each_event=True)
    assert found == Usage(Decimal(8), (), (Decimal(10), Decimal(5)))
    assert aggregate("count", events, from_at=APRIL, to_at=MAY, until=april(22)).total == 2
    assert aggregate("weighted_sum", events, from_at=APRIL, to_at=MAY, until=MAY).total == Decimal("13.4")


def test_a_weighted_sum_without_a_period_is_refused() -> None:
    with pytest.raises(ValueError, match="a weighted sum needs a period"):
        aggregate("weighted_sum", [], from_at=APRIL, to_at=MAY, period_to_at=APRIL)


def test_a_mean_is_not_rounded_before_it_is_priced() -> None:
    """A third of 0.015 is half a cent, and a third of 30.00 is ten; so is a third of a month."""
    mean = aggregate("average", [event("1", "1"), event("2", "0"), event("3", "0")], from_at=APRIL, to_at=MAY)
    weighted = aggregate("weighted_sum", [event("1", "1", april(21))], from_at=APRIL, to_at=MAY)
    for usage in (mean, weighted):
        assert usage.total == THIRD
        assert to_minor(rate(PRICE.validate_python({"model": "per_unit", "amount": "0.015"}), usage).amount, "USD") == 1
        assert rate(PRICE.validate_python({"model": "per_unit", "amount": "30.00"}), usage).amount == 10


def test_quantities_are_grouped_by_properties() -> None:
    events = [
        event("1", "3", properties={"region": "eu", "tier": 2}),
        event("2", "4", properties={"region": "eu", "tier": Decimal("2.50")}),
        event("3", "5", properties={"region": "eu", "tier": 2}),
        event("4", None, properties={"free": True}),
    ]
    found = aggregate("sum", events, from_at=APRIL, to_at=MAY, group_by=["region", "tier"])
    assert found == Usage(
        Decimal(12),
        (
            Group({}, Decimal(0)),
            Group({"region": "eu", "tier": "2"}, Decimal(8)),
            Group({"region": "eu", "tier": "2.50"}, Decimal(4)),
        ),
    )
    flags = aggregate("count", events, from_at=APRIL, to_at=MAY, group_by=["free"])
    assert flags.groups == (Group({}, Decimal(3)), Group({"free": "true"}, Decimal(1)))


@pytest.mark.parametrize(
    ("kind", "expected"), [("sum", "12.5"), ("max", "10"), ("count", "6"), ("average", "6.25"), ("unique", "4")]
)
def test_a_property_is_read_as_a_number_or_told_apart_as_text(kind: Aggregate, expected: str) -> None:
    """Numbers are 10 and 2.5; the texts "10.0" and "true" are two more that are distinct, "10" is not."""
    seats: list[Mapping[str, Property]] = [
        {"seats": 10},
        {"seats": Decimal("2.5")},
        {"seats": "10"},
        {"seats": "10.0"},
        {"seats": True},
        {"gates": 4},
    ]
    events = [event(str(number), "99", properties=found) for number, found in enumerate(seats)]
    assert aggregate(kind, events, reads="seats", from_at=APRIL, to_at=MAY).total == Decimal(expected)


NUMBERS = st.decimals(-(10**6), 10**6, places=6)
INSTANTS = st.integers(0, 30 * 86400 * 10**6 - 1).map(lambda micros: APRIL + micros * MICROSECOND)
EVENTS = st.lists(st.tuples(INSTANTS, NUMBERS), max_size=20).map(
    lambda found: [Event(str(number), at, value) for number, (at, value) in enumerate(found)]
)


@given(EVENTS, INSTANTS)
def test_stretches_of_a_period_sum_to_the_period(events: list[Event], cut: datetime) -> None:
    whole = aggregate("weighted_sum", events, from_at=APRIL, to_at=MAY).total
    parts = [
        aggregate("weighted_sum", events, from_at=start, to_at=end, period_from_at=APRIL, period_to_at=MAY).total
        for start, end in ((APRIL, cut), (cut, MAY))
    ]
    # Each of the three is held to sixty decimals, so each may be off by half of the last.
    assert abs(sum(map(Fraction, parts), Fraction(0)) - Fraction(whole)) <= Fraction(3, 2 * 10**60)


@given(EVENTS)
def test_an_average_times_its_count_is_the_sum(events: list[Event]) -> None:
    mean, count, summed = (total(kind, *events) for kind in ("average", "count", "sum"))
    price = PRICE.validate_python({"model": "per_unit", "amount": count})
    assert rate(price, Usage(mean)).amount == summed


# 10 in March and 4 less on its last day; in April 3 more from the 16th, of a level of 6 before.
CARRIED = (
    event("1", "10", datetime(2026, 3, 2, tzinfo=UTC), {"kind": "full"}),
    event("2", "-4", datetime(2026, 3, 31, tzinfo=UTC), {"kind": "full"}),
    event("3", "3", april(16), {"kind": "viewer"}),
    event("4", "50", MAY, {"kind": "full"}),
)


@pytest.mark.parametrize(
    ("kind", "quantity", "full", "viewer"),
    [
        # The balance; the last value; the greatest of -4, which held when April began, and 3; 6 + 3 x 15/30.
        ("sum", "9", "6", "3"),
        ("latest", "3", "-4", "3"),
        ("max", "3", "-4", "3"),
        ("weighted_sum", "7.5", "6", "1.5"),
    ],
)
def test_what_is_carried_on_stands_at_the_beginning_of_the_period(
    kind: Aggregate, quantity: str, full: str, viewer: str
) -> None:
    found = aggregate(kind, CARRIED, carry=True, from_at=APRIL, to_at=MAY, group_by=["kind"])
    assert found.total == Decimal(quantity)
    assert found.groups == (
        Group({"kind": "full"}, Decimal(full)),
        Group({"kind": "viewer"}, Decimal(viewer)),
    )


@pytest.mark.parametrize(("kind", "expected"), [("sum", "6"), ("latest", "-4"), ("max", "-4"), ("weighted_sum", "3")])
def test_a_cut_counts_what_is_carried_on_up_to_it(kind: Aggregate, expected: str) -> None:
    """By the 16th a balance of 6 has weighed for 15 of 30 days."""
    found = aggregate(kind, CARRIED, carry=True, from_at=APRIL, to_at=MAY, until=april(16))
    assert found.total == Decimal(expected)


def test_of_values_that_came_before_only_the_last_is_carried_into_the_greatest() -> None:
    """Not the 10 of 2 March, also where it arrived last; a value on the very instant counts beside it."""
    levels = (event("2", "7", datetime(2026, 3, 31, tzinfo=UTC)), event("1", "10", datetime(2026, 3, 2, tzinfo=UTC)))
    assert aggregate("max", levels, carry=True, from_at=APRIL, to_at=MAY).total == 7
    assert aggregate("max", (*levels, event("3", "8", APRIL)), carry=True, from_at=APRIL, to_at=MAY).total == 8


@pytest.mark.parametrize("kind", ["count", "min", "average", "unique"])
def test_what_starts_anew_with_each_period_cannot_carry(kind: str) -> None:
    message = f"meter m: carry: {kind} starts anew with each period; latest, max, sum, weighted_sum can go on"
    with pytest.raises(ValidationError, match=message):
        Meter.model_validate({"id": "m", "aggregate": kind, "carry": True})
