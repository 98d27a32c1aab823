from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from threading import Barrier

import pytest
from psycopg import errors
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from domain.filters import Compares, Equals
from models.database import Database, violated_constraint
from models.rated_line import (
    Claim,
    ClaimMismatch,
    RatedLine,
    claim,
    claim_late,
    claimed_events,
    rated_lines,
    with_late_usage,
)
from models.usage import UsageEvent, ingest
from models.usage_totals import Measure
from tests.models.ledger_samples import raw_connection, wait_for_a_lock
from tests.models.usage_samples import FEBRUARY, JANUARY, MARCH, departure, seats, sign

MICROSECOND = timedelta(microseconds=1)
SEATS = Measure("departure", "sum", "seats", ("origin",))
FROM_EWR = replace(
    SEATS,
    filters=(
        Equals(property="origin", op="eq", value="EWR"),
        Compares(property="seats", op="gt", value=Decimal("7.50")),
    ),
)
SEATS_AT_HALF = replace(SEATS, reads="value", expression="seats / 2")

FIRST = Claim(
    contract_id="con_UA_1",
    line_id="seats",
    measure=SEATS,
    period_start=date(2013, 1, 1),
    period_end=date(2013, 2, 1),
    from_at=JANUARY,
    to_at=FEBRUARY,
)
SECOND = replace(FIRST, period_start=date(2013, 2, 1), period_end=date(2013, 3, 1), from_at=FEBRUARY, to_at=MARCH)


def start(session: Session) -> None:
    sign(session, "UA")
    ingest(session, [seats("1", 178), seats("2", 20, "JFK"), seats("3", 55, at=FEBRUARY)])


def make(database: Database, wanted: Claim) -> RatedLine:
    return database.run(lambda session: claim(session, wanted))


def test_a_claim_counts_the_usage_of_its_stretch(database: Database) -> None:
    database.run(start)
    rated = make(database, FIRST)
    assert (rated.quantity, rated.event_count, rated.ignored_count) == (Decimal(198), 2, 0)
    assert rated.totals.groups == (((("origin", "EWR"),), Decimal(178)), ((("origin", "JFK"),), Decimal(20)))


def test_a_claim_that_is_made_again_is_the_first_one_even_when_more_usage_came(database: Database) -> None:
    database.run(start)
    first = make(database, FIRST)
    database.run(lambda session: ingest(session, [seats("late", 1_000)]))
    again = make(database, FIRST)
    assert (again.id, again.quantity, again.totals) == (first.id, Decimal(198), first.totals)


def test_what_comes_later_is_claimed_by_the_next_generation(database: Database) -> None:
    database.run(start)
    make(database, FIRST)
    make(database, SECOND)
    database.run(lambda session: ingest(session, [seats("late", 7), seats("last", 8)]))
    with database.transaction() as session:
        late = with_late_usage(session, "con_UA_1")
        assert [(rated.from_at, rated.generation) for rated in late] == [(JANUARY, 0)]
        adjusted = claim(session, replace(FIRST, generation=1))
        assert (adjusted.quantity, adjusted.event_count) == (Decimal(15), 2)
        assert with_late_usage(session, "con_UA_1") == []
        generations = [(rated.from_at, rated.generation) for rated in rated_lines(session, "con_UA_1")]
    assert generations == [(JANUARY, 0), (JANUARY, 1), (FEBRUARY, 0)]


def test_a_claim_and_what_comes_late_for_it_count_only_what_passes_the_filters(database: Database) -> None:
    """178 from EWR, not 20 from JFK; late 8 from EWR, neither 7, which is too few, nor 90 from JFK."""
    wanted = replace(FIRST, measure=FROM_EWR)
    database.run(start)
    make(database, wanted)
    assert make(database, wanted).measure == FROM_EWR
    database.run(lambda session: ingest(session, [seats("a", 7), seats("b", 8), seats("c", 90, "JFK")]))
    assert database.run(lambda session: claim_late(session, "con_UA_1")) == 1
    with database.transaction() as session:
        counted = [(line.quantity, line.event_count, line.ignored_count) for line in rated_lines(session, "con_UA_1")]
        assert with_late_usage(session, "con_UA_1") == []
    assert counted == [(Decimal(178), 1, 0), (Decimal(8), 1, 0)]


def test_a_claim_and_what_comes_late_for_it_count_what_the_expression_makes_of_the_events(database: Database) -> None:
    """(178 + 20) / 2 are 99; late 7 / 2, and an event whose seats are no number."""
    wanted = replace(FIRST, measure=SEATS_AT_HALF)
    database.run(start)
    assert make(database, wanted).measure == SEATS_AT_HALF
    database.run(lambda session: ingest(session, [seats("a", 7), seats("b", "none")]))
    database.run(lambda session: claim_late(session, "con_UA_1"))
    with database.transaction() as session:
        counted = [(line.quantity, line.event_count, line.ignored_count) for line in rated_lines(session, "con_UA_1")]
    assert counted == [(Decimal(99), 2, 0), (Decimal("3.5"), 2, 1)]


def test_what_comes_late_for_a_period_is_late_for_those_that_carry_it_on(database: Database) -> None:
    """178 + 20 in January, 55 more in February; 7 more in January are 7 more in both, 9 in February in one."""
    carried = replace(SEATS, carry=True, group_by=())
    database.run(start)
    for stretch in (FIRST, SECOND):
        make(database, replace(stretch, measure=carried))
    database.run(lambda session: ingest(session, [seats("a", 7), seats("b", 9, at=FEBRUARY)]))
    database.run(lambda session: claim_late(session, "con_UA_1"))
    with database.transaction() as session:
        counted = [
            (line.from_at.month, line.generation, int(line.quantity), line.event_count)
            for line in rated_lines(session, "con_UA_1")
        ]
        assert with_late_usage(session, "con_UA_1") == []
        assert {event.event_id: len(event.rated_line_ids) for event in claimed_events(session)} == dict.fromkeys(
            ("1", "2", "3", "a", "b"), 1
        )
    assert counted == [(1, 0, 198, 2), (1, 1, 7, 1), (2, 0, 253, 3), (2, 1, 16, 2)]


def test_a_generation_cannot_be_left_out(database: Database) -> None:
    database.run(start)
    with pytest.raises(ClaimMismatch, match="generation 1"):
        make(database, replace(FIRST, generation=1))


@pytest.mark.parametrize(
    "changed",
    [
        replace(FIRST, to_at=MARCH),
        replace(FIRST, measure=replace(SEATS, aggregate="max")),
        replace(FIRST, measure=replace(SEATS, group_by=())),
        replace(FIRST, measure=FROM_EWR),
        replace(FIRST, measure=replace(SEATS, expression="seats / 2")),
        replace(FIRST, measure=replace(SEATS, carry=True)),
    ],
    ids=["another end", "another aggregate", "other groups", "other filters", "an expression", "carried on"],
)
def test_a_claim_cannot_be_made_again_as_another_one(database: Database, changed: Claim) -> None:
    database.run(start)
    make(database, FIRST)
    with pytest.raises(ClaimMismatch, match="seats"):
        make(database, changed)


def test_claims_of_one_line_cannot_overlap(database: Database) -> None:
    database.run(start)
    make(database, FIRST)
    with pytest.raises(IntegrityError) as error:
        make(database, replace(FIRST, from_at=FEBRUARY - MICROSECOND, to_at=MARCH))
    assert violated_constraint(error.value) == "ex_rated_line_claimed_once"


def test_another_line_claims_the_same_usage_for_itself(database: Database) -> None:
    database.run(start)
    lines = [make(database, FIRST), make(database, replace(FIRST, line_id="departures"))]
    with database.transaction() as session:
        claims = {event.event_id: set(event.rated_line_ids) for event in claimed_events(session)}
    assert claims == {"1": {line.id for line in lines}, "2": {line.id for line in lines}, "3": set()}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rated_line SET quantity = quantity + 1",
        "UPDATE rated_line SET up_to_seq = up_to_seq + 1",
        "UPDATE rated_line SET invoice_line_id = NULL",
        "UPDATE rated_line SET invoice_line_id = 'il_2'",
        "DELETE FROM rated_line",
        "TRUNCATE rated_line",
    ],
)
def test_a_rated_line_stays_as_it_was_counted_and_billed(database: Database, statement: str) -> None:
    database.run(start)
    rated = make(database, FIRST)
    with raw_connection(database) as raw:
        raw.execute("UPDATE rated_line SET invoice_line_id = 'il_1' WHERE id = %s", (rated.id,))
    with raw_connection(database) as raw, pytest.raises((errors.CheckViolation, errors.InsufficientPrivilege)):
        raw.execute(statement.encode())


def test_twenty_claims_of_one_stretch_at_once_are_one(database: Database) -> None:
    database.run(start)
    with ThreadPoolExecutor(20) as pool:
        rated = list(pool.map(lambda _: make(database, FIRST), range(20)))
    assert {(line.id, line.quantity) for line in rated} == {(rated[0].id, Decimal(198))}


@pytest.mark.parametrize("seed", range(3))
def test_every_event_is_claimed_once_while_usage_arrives_during_billing(database: Database, seed: int) -> None:
    """Four senders, 20 % of what they send twice, around the boundary that four rounds of claims bill meanwhile."""
    database.run(lambda session: sign(session, "UA"))
    barrier = Barrier(5)
    sent = [list(range(sender * 200, sender * 200 + 240)) for sender in range(4)]  # 40 of 240 are the neighbour's

    def send(numbers: list[int]) -> None:
        barrier.wait()
        for first in range(0, len(numbers), 20 + seed):
            batch = [_around_the_boundary(number) for number in numbers[first : first + 20 + seed]]
            database.run(partial(ingest, events=batch))

    def bill() -> None:
        barrier.wait()
        for generation in range(4):
            for stretch in (FIRST, SECOND):
                make(database, replace(stretch, generation=generation))

    with ThreadPoolExecutor(5) as pool:
        for work in [*(pool.submit(send, numbers) for numbers in sent), pool.submit(bill)]:
            work.result()
    for stretch in (FIRST, SECOND):
        make(database, replace(stretch, generation=4))
    with database.transaction() as session:
        events = claimed_events(session)
        counted = sum(rated.event_count for rated in rated_lines(session, "con_UA_1"))
    assert len(events) == counted == 840
    assert {len(event.rated_line_ids) for event in events} == {1}


def test_a_claim_waits_for_the_usage_that_is_being_stored(database: Database) -> None:
    """Without the wait, the event would get a sequence number below the watermark and never be claimed."""
    database.run(start)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            ingest(session, [seats("4", 1_000)])
            claiming = pool.submit(make, database, FIRST)
            wait_for_a_lock(database)
            assert not claiming.done()
        assert claiming.result().quantity == Decimal(1_198)


def test_usage_waits_for_the_claim_that_is_being_made(database: Database) -> None:
    database.run(start)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            rated = claim(session, FIRST)
            storing = pool.submit(database.run, lambda other: ingest(other, [departure("4")]))
            wait_for_a_lock(database)
            assert not storing.done()
        storing.result()
    assert make(database, replace(FIRST, generation=1)).after_seq == rated.up_to_seq


def _around_the_boundary(number: int) -> UsageEvent:
    """Every third event one microsecond before, on, or one microsecond after the boundary."""
    return seats(str(number), 1, at=FEBRUARY + MICROSECOND * (number % 3 - 1))
