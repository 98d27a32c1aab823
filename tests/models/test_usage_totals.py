from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, get_args

import pytest
from sqlmodel import Session

from models.database import Database
from models.usage import ingest
from models.usage_lock import watermark
from models.usage_totals import Aggregate, Group, Measure, UsageTotals, aggregate
from tests.models.usage_samples import FEBRUARY, JANUARY, departure, seats, sign

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)

# In the order of time 178, 20, 178, 2.5; then one without seats and one whose seats are no number.
DAY = [
    seats("4", Decimal("2.5"), "JFK", JANUARY + 3 * HOUR),
    seats("1", 178, "EWR", JANUARY),
    seats("3", 178, "EWR", JANUARY + 2 * HOUR),
    seats("2", 20, "JFK", JANUARY + HOUR),
    departure("5", JANUARY + 4 * HOUR, properties={"origin": "LGA"}),
    seats("6", "unknown", "LGA", JANUARY + 5 * HOUR),
]

# 178 x 744 and 742 hours, 20 x 743 and 2.5 x 741 hours, of 744; written out to sixty decimals.
WEIGHTED = "377.984543010752688172043010752688172043010752688172043010752688"
WEIGHTED_EWR = "355.521505376344086021505376344086021505376344086021505376344086"
WEIGHTED_JFK = "22.463037634408602150537634408602150537634408602150537634408602"


def total(session: Session, measure: Measure, **more: Any) -> UsageTotals:
    stretch = {"from_at": JANUARY, "to_at": FEBRUARY}
    return aggregate(session, "con_UA_1", measure, **(stretch | more))


def decimals(*numbers: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, numbers))


def group(origin: str, quantity: str) -> Group:
    return ((("origin", origin),), Decimal(quantity))


@pytest.mark.parametrize(
    ("kind", "expected", "ignored", "ewr", "jfk", "lga"),
    [
        ("sum", "378.5", 2, "356", "22.5", "0"),
        ("count", "6", 0, "2", "2", "2"),
        ("max", "178", 2, "178", "20", "0"),
        ("min", "2.5", 2, "178", "2.5", "0"),
        ("latest", "2.5", 2, "178", "2.5", "0"),
        ("average", "94.625", 2, "178", "11.25", "0"),
        ("unique", "4", 1, "1", "2", "1"),
        ("weighted_sum", WEIGHTED, 2, WEIGHTED_EWR, WEIGHTED_JFK, "0"),
    ],
)
def test_usage_is_aggregated_in_total_and_by_group(
    database: Database, kind: Aggregate, expected: str, ignored: int, ewr: str, jfk: str, lga: str
) -> None:
    """unique: 178, 20, 2.5 and the text "unknown"; average: 378.5 / 4; weighted_sum: by hours left of 744."""
    with database.transaction() as session:
        sign(session, "UA")
        ingest(session, DAY)
        found = total(session, Measure("departure", kind, "seats", ("origin",)))
    groups = (group("EWR", ewr), group("JFK", jfk), group("LGA", lga))
    assert found == UsageTotals(Decimal(expected), groups, event_count=6, ignored_count=ignored)


@pytest.mark.parametrize("kind", get_args(Aggregate))
def test_no_usage_is_a_quantity_of_zero(database: Database, kind: Aggregate) -> None:
    with database.transaction() as session:
        assert total(session, Measure("departure", kind, "seats", ("origin",))) == UsageTotals(Decimal(0), (), 0, 0)


def test_the_value_of_an_event_is_read_under_its_own_name(database: Database) -> None:
    """A property that is called "value" does not stand in for it."""
    events = [departure("1", value=Decimal("0.1")), departure("2", value=Decimal("0.2")), departure("3")]
    with database.transaction() as session:
        sign(session, "UA")
        ingest(session, [*events, departure("4", properties={"value": 9})])
        found = total(session, Measure("departure", "sum"))
    assert (found.total, found.ignored_count) == (Decimal("0.3"), 2)


def test_of_two_events_at_one_instant_the_one_stored_last_is_the_latest(database: Database) -> None:
    with database.transaction() as session:
        sign(session, "UA")
        ingest(session, [seats("b", 1)])
        ingest(session, [seats("a", 2)])
        assert total(session, Measure("departure", "latest", "seats")).total == 2


def test_a_group_leaves_out_the_properties_that_its_events_lack(database: Database) -> None:
    events = [
        departure("1", properties={"origin": "EWR", "class": 1}),
        departure("2", properties={"origin": "EWR"}),
        departure("3", properties={}),
    ]
    with database.transaction() as session:
        sign(session, "UA")
        ingest(session, events)
        found = total(session, Measure("departure", "count", group_by=("class", "origin")))
    assert found.groups == (
        ((), Decimal(1)),
        ((("class", "1"), ("origin", "EWR")), Decimal(1)),
        ((("origin", "EWR"),), Decimal(1)),
    )


def test_a_stretch_of_time_is_half_open_to_the_microsecond(database: Database) -> None:
    instants = (JANUARY - MICROSECOND, JANUARY, FEBRUARY - MICROSECOND, FEBRUARY)
    with database.transaction() as session:
        sign(session, "UA", starts_at=JANUARY - HOUR)
        ingest(session, [departure(str(number), at) for number, at in enumerate(instants)])
        assert total(session, Measure("departure", "count")).total == 2


def test_other_events_and_other_contracts_are_left_out(database: Database) -> None:
    with database.transaction() as session:
        sign(session, "UA")
        sign(session, "B6")
        ingest(session, [departure("1"), departure("2", event="arrival"), departure("3", key="B6")])
        assert total(session, Measure("departure", "count")).total == 1


def test_a_total_can_be_held_to_a_range_of_arrival(database: Database) -> None:
    with database.transaction() as session:
        contract_id = sign(session, "UA")
        marks = [watermark(session, contract_id)]
        for number in range(3):
            ingest(session, [departure(f"{number}/{event}") for event in range(number + 1)])
            marks.append(watermark(session, contract_id))
        counted = [
            total(session, Measure("departure", "count"), after_seq=after, up_to_seq=up_to)
            for after, up_to in pairwise(marks)
        ]
    assert [found.event_count for found in counted] == [1, 2, 3]


def test_single_values_stand_by_time_then_by_id_then_by_source(database: Database) -> None:
    """Capital letters come before small ones, as their code points do; an event without a number is left out."""
    events = [
        departure("b", value=4),
        departure("b", source="Airport", value=3),
        departure("a", value=2),
        departure("B", value=1),
        departure("A", JANUARY + HOUR, value=5),
        departure("none"),
    ]
    with database.transaction() as session:
        sign(session, "UA")
        ingest(session, events)
        sums = Measure("departure", "sum")
        found = total(session, sums, each_event=True)
        unasked = total(session, sums)
    assert found.events == decimals("1", "2", "3", "4", "5")
    assert found.total == 15
    assert unasked.events == ()


def test_single_values_are_numbers_also_where_texts_are_told_apart(database: Database) -> None:
    with database.transaction() as session:
        sign(session, "UA")
        ingest(session, DAY)
        distinct = Measure("departure", "unique", "seats", ("origin",))
        found = total(session, distinct, each_event=True)
    assert found.total == 4
    assert found.events == decimals("178", "20", "178", "2.5")


def test_single_values_can_be_held_to_what_a_claim_counted(database: Database) -> None:
    with database.transaction() as session:
        contract_id = sign(session, "UA")
        ingest(session, [departure("1", JANUARY + HOUR, value=1)])
        claimed = watermark(session, contract_id)
        ingest(session, [departure("2", value=2)])
        sums = Measure("departure", "sum")
        held = total(session, sums, up_to_seq=claimed, each_event=True)
        late = total(session, sums, after_seq=claimed, each_event=True)
        both = total(session, sums, each_event=True)
    assert (held.events, late.events, both.events) == (decimals("1"), decimals("2"), decimals("2", "1"))


def test_a_weighted_sum_weighs_a_stretch_by_its_period_and_up_to_a_cut(database: Database) -> None:
    """31 days: 31 from the start, and 62 for the 15 days from 17 January: 30. By 18 January 31 x 17/31 + 62 x 1/31."""
    events = [departure("1", value=31), departure("2", JANUARY + 16 * 24 * HOUR, value=62)]
    period = {"period_from_at": JANUARY, "period_to_at": FEBRUARY}
    changes = Measure("departure", "weighted_sum")
    change_at, cut = JANUARY + 16 * 24 * HOUR, JANUARY + 17 * 24 * HOUR
    with database.transaction() as session:
        sign(session, "UA")
        ingest(session, events)
        whole = total(session, changes)
        stretch = total(session, changes, from_at=change_at, **period)
        so_far = total(session, changes, until=cut)
        before = total(session, changes, until=change_at)
    assert (whole.total, stretch.total, so_far.total, before.total) == decimals("61", "30", "19", "16")
    assert before.event_count == 1


def test_a_weighted_sum_without_a_period_is_refused(database: Database) -> None:
    changes = Measure("departure", "weighted_sum")
    with database.transaction() as session, pytest.raises(ValueError, match="a weighted sum needs a period"):
        total(session, changes, period_to_at=JANUARY)
