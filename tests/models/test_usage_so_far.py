from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session

from domain.filters import Compares
from domain.line import CARRIED
from models.database import Database
from models.usage import UsageEvent, ingest
from models.usage_so_far import Stretch, days_used, so_far
from models.usage_totals import Aggregate, Measure, UsageTotals, aggregate
from models.usage_voiding import EventKey, void
from models.usage_waiting import match_waiting, release_after_end
from tests.models.usage_samples import FEBRUARY, JANUARY, MARCH, departure, seats, sign

HOUR = timedelta(hours=1)
CONTRACT = "con_UA_1"
SUM = Measure("departure", "sum", "seats", ("origin",))
MONTH = Stretch(JANUARY, FEBRUARY)
MEASURES: list[Measure] = [
    *(
        Measure("departure", kind, "seats", group_by, filters)
        for kind in get_args(Aggregate)
        for group_by, filters in (
            ((), ()),
            (("origin",), ()),
            (("origin", "carrier"), (Compares(property="seats", op="lt", value=Decimal(100)),)),
        )
    ),
    *(replace(SUM, aggregate=kind, carry=True) for kind in sorted(CARRIED)),
    replace(SUM, reads="value", expression="seats / 3"),
    replace(SUM, aggregate="unique", reads="value", expression="seats / 3"),
]


def ask(database: Database, measure: Measure, stretch: Stretch = MONTH) -> UsageTotals:
    return database.run(lambda session: so_far(session, CONTRACT, measure, stretch, keep=True))


def counted(session: Session, measure: Measure, stretch: Stretch) -> UsageTotals:
    return aggregate(
        session,
        CONTRACT,
        measure,
        from_at=stretch.from_at,
        to_at=stretch.to_at,
        period_from_at=stretch.period_from_at,
        period_to_at=stretch.period_to_at,
    )


def take(database: Database, *events: UsageEvent, **how: bool) -> None:
    database.run(lambda session: ingest(session, events, **how))


def rolled(database: Database, column: str = "sum(event_count)") -> Any:
    with database.transaction() as session:
        return session.execute(text(f"SELECT {column} FROM usage_rollup")).scalar_one()


@pytest.fixture
def signed(database: Database) -> Database:
    database.run(lambda session: sign(session, "UA"))
    return database


def test_usage_that_comes_after_the_first_question_is_in_the_next_answer(signed: Database) -> None:
    take(signed, seats("1", 178), seats("2", 20, "JFK"))
    assert ask(signed, SUM).total == 198
    take(signed, seats("3", 2), seats("4", 1, "JFK", JANUARY + HOUR))
    found = ask(signed, SUM)
    assert (found.event_count, found.ignored_count) == (4, 0)
    assert found.groups == (((("origin", "EWR"),), Decimal(180)), ((("origin", "JFK"),), Decimal(21)))
    assert rolled(signed, "count(*)") == 3


def test_a_question_without_keeping_writes_nothing(signed: Database) -> None:
    take(signed, seats("1", 178))
    assert signed.run(lambda session: so_far(session, CONTRACT, SUM, MONTH)).total == 178
    assert rolled(signed, "count(*)") == 0


def test_a_stretch_may_begin_and_end_within_an_hour(signed: Database) -> None:
    """Half past midnight to a quarter past two, as in a zone of half hours."""
    half, quarter, moment = HOUR / 2, HOUR / 4, timedelta(microseconds=1)
    instants = [half - moment, half, HOUR, 2 * HOUR + quarter - moment, 2 * HOUR + quarter]
    take(signed, *(seats(str(number), 10**number, at=JANUARY + at) for number, at in enumerate(instants)))
    found = ask(signed, SUM, Stretch(JANUARY + half, JANUARY + 2 * HOUR + quarter))
    assert (found.total, found.event_count) == (Decimal(1110), 3)
    assert ask(signed, SUM, Stretch(JANUARY + half, JANUARY + half + moment)).total == 10


def test_what_is_sent_twice_is_in_the_totals_once(signed: Database) -> None:
    ask(signed, SUM)
    take(signed, seats("1", 178), seats("1", 178))
    take(signed, seats("1", 178), seats("2", 20))
    assert rolled(signed) == 2
    assert ask(signed, SUM).total == 198


def test_what_is_voided_or_replaced_leaves_the_totals(signed: Database) -> None:
    greatest = Measure("departure", "max", "seats")
    ask(signed, greatest)
    take(signed, seats("1", 178), seats("2", 20), seats("3", 55))
    signed.run(lambda session: void(session, [EventKey("airport", "1")]))
    assert ask(signed, greatest).total == 55
    take(signed, seats("3", 9, at=FEBRUARY), replace=True)
    assert ask(signed, greatest).total == 20


def test_what_joins_or_leaves_the_contract_joins_or_leaves_the_totals(database: Database) -> None:
    take(database, seats("1", 178), seats("2", 20, at=FEBRUARY))
    database.run(lambda session: sign(session, "UA"))
    assert ask(database, SUM).total == 0
    database.run(lambda session: match_waiting(session, CONTRACT))
    assert ask(database, SUM, Stretch(JANUARY, MARCH)).total == 198
    database.run(lambda session: release_after_end(session, CONTRACT, FEBRUARY))
    assert ask(database, SUM, Stretch(JANUARY, MARCH)).total == 178


def test_a_question_does_not_wait_for_a_long_transaction_that_stores_usage(signed: Database) -> None:
    take(signed, seats("1", 178))
    with signed.transaction() as slow:
        ingest(slow, [seats("2", 20)])
        assert ask(signed, SUM).total == 178
        days = signed.run(lambda session: days_used(session, CONTRACT, SUM, MONTH, "UTC"))
        assert (rolled(signed, "count(*)"), days) == (0, [JANUARY.date()])
    assert ask(signed, SUM).total == 198
    assert rolled(signed) == 2


def test_totals_are_whole_while_many_send_ask_and_void(signed: Database) -> None:
    def send(number: int) -> None:
        take(signed, *(seats(f"{number}-{place}", 1, at=JANUARY + place * HOUR / 3) for place in range(20)))
        if number % 3 == 0:
            signed.run(lambda session: void(session, [EventKey("airport", f"{number}-7")]))
        ask(signed, SUM)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(send, range(24)))
    assert rolled(signed, "sum(total)") == 24 * 20 - 8
    assert ask(signed, SUM).total == 472


_ids = st.integers(0, 12)
_instants = st.integers(0, 5 * 24 * 60).map(lambda minutes: JANUARY + timedelta(minutes=minutes))
_properties = st.fixed_dictionaries(
    {},
    optional={
        "origin": st.sampled_from(["EWR", "JFK"]),
        "carrier": st.sampled_from(["UA", 7, True]),
        "seats": st.integers(-3, 300) | st.decimals(-5, 300, places=2) | st.just("unknown"),
    },
)
_events = st.builds(
    lambda number, at, properties: departure(str(number), at, properties=properties), _ids, _instants, _properties
)
_steps = st.lists(
    st.tuples(st.just("take"), st.lists(_events, max_size=6))
    | st.tuples(st.just("replace"), st.lists(_events, max_size=3))
    | st.tuples(st.just("void"), st.lists(_ids, max_size=3)),
    max_size=8,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=_steps, asked_after=st.integers(0, 8), from_at=_instants, length=st.integers(1, 4 * 24 * 60))
def test_running_totals_are_what_counting_the_events_gives(
    database: Database, steps: list[tuple[str, Any]], asked_after: int, from_at: datetime, length: int
) -> None:
    stretch = Stretch(from_at, from_at + timedelta(minutes=length), JANUARY, datetime(2013, 1, 31, 23, 59, tzinfo=UTC))
    with database.transaction() as session:
        sign(session, "UA")
        for number, (kind, given_) in enumerate(steps):
            if number == asked_after:
                _ask_all(session)
            if kind == "void":
                void(session, [EventKey("airport", str(event_id)) for event_id in given_])
            else:
                ingest(session, given_, replace=kind == "replace")
        _ask_all(session)
        for measure in MEASURES:
            for asked in (MONTH, stretch):
                assert so_far(session, CONTRACT, measure, asked) == counted(session, measure, asked)
        session.rollback()


def _ask_all(session: Session) -> None:
    for measure in MEASURES:
        so_far(session, CONTRACT, measure, MONTH, keep=True)
