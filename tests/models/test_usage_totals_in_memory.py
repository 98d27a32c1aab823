"""The same events make the same quantity in the database and in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from domain import metering
from domain.filters import Compares, Equals, Exists, Filter, OneOf
from domain.line import CARRIED, Aggregate
from domain.metering import Event, Property
from domain.rating import Group, Usage
from models.database import Database
from models.usage import ingest
from models.usage_totals import Measure, UsageTotals, aggregate
from tests.models.usage_samples import FEBRUARY, JANUARY, departure, sign

MICROSECOND = timedelta(microseconds=1)
SEQUENCE = count()

# Few instants, so that events meet; some just outside of the stretch.
INSTANTS = st.one_of(
    st.sampled_from(
        [
            JANUARY - timedelta(days=9),
            JANUARY - MICROSECOND,
            JANUARY,
            JANUARY + timedelta(days=9),
            FEBRUARY - MICROSECOND,
            FEBRUARY,
        ]
    ),
    st.integers(0, 31 * 86400 * 10**6).map(lambda micros: JANUARY + micros * MICROSECOND),
)
NUMBERS = st.one_of(
    st.sampled_from([Decimal(0), Decimal(1), Decimal("1.0")]),
    st.integers(-(10**18), 10**18).map(Decimal),
    st.integers(-(10**9), 10**9).map(lambda number: Decimal(number).scaleb(-6)),
)
SEATS: st.SearchStrategy[Property] = st.one_of(
    st.sampled_from(["10", "ten", True, False, 10, Decimal("10.0"), Decimal("1E-7")]), NUMBERS.filter(bool)
)
PROPERTIES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {}, optional={"seats": SEATS, "other": NUMBERS, "origin": st.sampled_from(["EWR", "jfk", "Ä", 7])}
)


OPERANDS = st.sampled_from(
    ["value", "seats", "other", "none", '"seats"', "0", "1", "2", "3", "0.5", "100000000000000000", "0.000000000001"]
)


def _steps(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, st.sampled_from("+-*/"), inner)
    return st.one_of(
        pairs.map(lambda parts: f"({' '.join(parts)})"),
        pairs.map(" ".join),
        inner.map(lambda one: f"-{one}"),
        st.tuples(st.sampled_from(["ceil", "floor", "abs"]), inner).map(lambda parts: f"{parts[0]}({parts[1]})"),
        st.tuples(inner, st.integers(-18, 18)).map(lambda parts: f"round({parts[0]}, {parts[1]})"),
        st.tuples(st.sampled_from(["min", "max"]), st.lists(inner, min_size=1, max_size=3)).map(
            lambda parts: f"{parts[0]}({', '.join(parts[1])})"
        ),
    )


EXPRESSIONS = st.recursive(OPERANDS, _steps, max_leaves=12)
NAMES = st.sampled_from(["seats", "origin", "none"])
WORDS = st.sampled_from(["10", "10.0", "0.0000001", "true", "EWR", "Ä", "'; --", ""])
FILTERS: st.SearchStrategy[Filter] = st.one_of(
    st.builds(Equals, property=NAMES, op=st.sampled_from(["eq", "ne"]), value=WORDS),
    st.builds(
        OneOf, property=NAMES, op=st.sampled_from(["in", "not_in"]), value=st.lists(WORDS, min_size=1).map(tuple)
    ),
    st.builds(
        Compares,
        property=NAMES,
        op=st.sampled_from(["gt", "gte", "lt", "lte"]),
        value=st.sampled_from([Decimal(0), Decimal("10.00"), Decimal("0.0000001")]),
    ),
    st.builds(Exists, property=NAMES, op=st.just("exists"), value=st.booleans()),
)


@dataclass(frozen=True)
class Arrivals:
    """Events in two batches; each is stored, and stands here, in the order of its ids."""

    first: Sequence[Event]
    second: Sequence[Event]


@st.composite
def arrivals(draw: st.DrawFn) -> Arrivals:
    ids = draw(st.lists(st.text("aAäZ_19", min_size=1, max_size=3), unique=True, max_size=12))
    events = [Event(name, draw(INSTANTS), draw(st.none() | NUMBERS), draw(PROPERTIES)) for name in ids]
    split = draw(st.integers(0, len(events)))
    batches = (sorted(batch, key=lambda event: event.id) for batch in (events[:split], events[split:]))
    return Arrivals(*batches)


def as_usage(totals: UsageTotals) -> Usage:
    groups = tuple(Group(dict(properties), quantity) for properties, quantity in totals.groups)
    return Usage(totals.total, groups, totals.events)


# A value of 18 digits over a third of the period, and two that meet at one instant in different batches.
THIRDS = Arrivals(
    [Event("b", JANUARY, Decimal(10**18)), Event("c", JANUARY + timedelta(days=20, hours=16), Decimal(1))],
    [Event("a", JANUARY, Decimal(-1), {"seats": Decimal("0.000001")})],
)


@example(arrived=THIRDS, reads="value", until=None, grouped=True, filters=(), expression=None, carry=True)
@given(
    arrived=arrivals(),
    reads=st.sampled_from(["value", "seats"]),
    until=st.none() | INSTANTS,
    grouped=st.booleans(),
    filters=st.lists(FILTERS, max_size=2).map(tuple),
    expression=st.none() | EXPRESSIONS,
    carry=st.booleans(),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("period_to_at", [None, FEBRUARY + timedelta(days=28), JANUARY + timedelta(days=10)])
def test_memory_and_database_agree_on_every_aggregate(
    database: Database,
    period_to_at: datetime | None,
    arrived: Arrivals,
    reads: str,
    until: datetime | None,
    grouped: bool,
    filters: tuple[Filter, ...],
    expression: str | None,
    carry: bool,
) -> None:
    key = f"K{next(SEQUENCE)}"
    group_by = ("origin", "seats") if grouped else ()
    with database.transaction() as session:
        contract_id = sign(session, key, starts_at=JANUARY - timedelta(days=9))
        for batch in (arrived.first, arrived.second):
            stored = [
                departure(event.id, event.at, key, source=key, value=event.value, properties=event.properties)
                for event in batch
            ]
            ingest(session, stored)
        for kind in get_args(Aggregate):
            carried = carry and kind in CARRIED
            stretch: dict[str, Any] = {
                "from_at": JANUARY,
                "to_at": FEBRUARY,
                "period_to_at": period_to_at,
                "until": until,
            }
            in_memory = metering.aggregate(
                kind,
                [*arrived.first, *arrived.second],
                reads=reads,
                filters=filters,
                expression=expression,
                carry=carried,
                group_by=group_by,
                each_event=True,
                **stretch,
            )
            measure = Measure("departure", kind, reads, group_by, filters, expression, carried)
            found = aggregate(session, contract_id, measure, each_event=True, **stretch)
            assert as_usage(found) == in_memory, kind
