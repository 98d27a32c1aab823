from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from psycopg import errors
from sqlalchemy import text

from models.database import Database
from models.rated_line import Claim, RatedLine, claim, claim_late, claimed_events, rated_lines
from models.usage import Outcome, UsageEvent, ingest
from models.usage_totals import Measure, aggregate
from models.usage_voiding import EventKey, VoidOutcome, void
from models.usage_waiting import match_waiting, release_after_end, unmatched
from tests.models.ledger_samples import raw_connection, wait_for_a_lock
from tests.models.usage_samples import FEBRUARY, JANUARY, MARCH, departure, seats, sign

SEATS = Measure("departure", "sum", "seats")
WHOLE = Claim(
    contract_id="con_UA_1",
    line_id="seats",
    measure=SEATS,
    period_start=date(2013, 1, 1),
    period_end=date(2013, 2, 1),
    from_at=JANUARY,
    to_at=FEBRUARY,
)


def take(database: Database, *events: UsageEvent, replacing: bool = False) -> list[Outcome]:
    return [found.outcome for found in database.run(lambda session: ingest(session, events, replace=replacing))]


def take_back(database: Database, *event_ids: str) -> list[VoidOutcome]:
    keys = [EventKey("airport", event_id) for event_id in event_ids]
    return database.run(lambda session: void(session, keys))


def total(database: Database) -> Decimal:
    return database.run(lambda session: aggregate(session, "con_UA_1", SEATS, from_at=JANUARY, to_at=FEBRUARY)).total


def bill(database: Database) -> None:
    database.run(lambda session: claim(session, WHOLE))


def late(database: Database) -> RatedLine:
    """The claim on what has changed since."""
    assert database.run(lambda session: claim_late(session, "con_UA_1"))
    with database.transaction() as session:
        return rated_lines(session, "con_UA_1")[-1]


@pytest.fixture
def signed(database: Database) -> Database:
    database.run(lambda session: sign(session, "UA"))
    take(database, seats("1", 178), seats("2", 20))
    return database


def test_what_is_voided_no_longer_counts(signed: Database) -> None:
    assert take_back(signed, "1", "1", "none") == ["voided", "voided", "unknown"]
    assert total(signed) == 20
    assert take_back(signed, "1") == ["already_voided"]


def test_what_is_voided_is_taken_back_from_all_periods_that_carried_it_on(signed: Database) -> None:
    """198 in January and, with 7 more, 205 in February, of which 27 are left without the 178."""
    january = replace(WHOLE, measure=replace(SEATS, carry=True))
    february = replace(
        january, period_start=date(2013, 2, 1), period_end=date(2013, 3, 1), from_at=FEBRUARY, to_at=MARCH
    )
    take(signed, seats("3", 7, at=FEBRUARY))
    signed.run(lambda session: [claim(session, january), claim(session, february)])
    take_back(signed, "1")
    assert signed.run(lambda session: claim_late(session, "con_UA_1")) == 2
    with signed.transaction() as session:
        lines = rated_lines(session, "con_UA_1")
        now = aggregate(session, "con_UA_1", february.measure, from_at=FEBRUARY, to_at=MARCH)
    assert [(line.period_start.month, line.generation, line.voided_count) for line in lines] == [
        (1, 0, 0),
        (1, 1, 1),
        (2, 0, 0),
        (2, 1, 1),
    ]
    assert [int(line.quantity) for line in lines if not line.generation] == [198, 205]
    assert now.total == 27


def test_what_was_voided_and_comes_again_stays_voided(signed: Database) -> None:
    take_back(signed, "1")
    assert take(signed, seats("1", 178), seats("1", 9)) == ["duplicate", "conflict"]
    assert total(signed) == 20


def test_a_bill_counts_what_was_voided_after_it_and_the_next_one_takes_it_back(signed: Database) -> None:
    bill(signed)
    take_back(signed, "2")
    with signed.transaction() as session:
        (billed,) = rated_lines(session, "con_UA_1")
        counted = aggregate(session, "con_UA_1", SEATS, from_at=JANUARY, to_at=FEBRUARY, up_to_seq=billed.up_to_seq)
    assert [billed.quantity, counted.total] == [198, 198]
    corrected = late(signed)
    assert (corrected.generation, corrected.event_count, corrected.voided_count) == (1, 0, 1)
    assert total(signed) == 178
    assert signed.run(lambda session: claim_late(session, "con_UA_1")) == 0
    with signed.transaction() as session:
        events = {event.event_id: event for event in claimed_events(session)}
    assert (events["2"].rated_line_ids, events["2"].taken_back_by) == ((billed.id,), (corrected.id,))
    assert (events["1"].rated_line_ids, events["1"].taken_back_by) == ((billed.id,), ())


def test_what_comes_late_and_is_voided_before_it_is_claimed_changes_nothing(signed: Database) -> None:
    bill(signed)
    take(signed, seats("late", 7))
    take_back(signed, "late")
    assert signed.run(lambda session: claim_late(session, "con_UA_1")) == 0


def test_an_event_is_replaced_by_another_version_of_itself(signed: Database) -> None:
    """178 becomes 100; 20 stays as it is sent again; 5 is new."""
    again = take(signed, seats("1", 100), seats("2", 20), seats("3", 5), replacing=True)
    assert again == ["replaced", "duplicate", "accepted"]
    assert total(signed) == 125
    assert take(signed, seats("1", 178), seats("1", 100)) == ["conflict", "duplicate"]


def test_a_replacement_after_the_bill_is_claimed_as_a_change_of_its_own_period(signed: Database) -> None:
    """Billed 198; then 178 becomes 100 in March: January is 20, and nothing is left in it twice."""
    bill(signed)
    assert take(signed, seats("1", 100, at=MARCH), replacing=True) == ["replaced"]
    corrected = late(signed)
    assert (corrected.event_count, corrected.voided_count) == (0, 1)
    assert total(signed) == 20


def test_a_replacement_makes_a_voided_event_count_again(signed: Database) -> None:
    take_back(signed, "1")
    assert take(signed, seats("1", 178), replacing=True) == ["replaced"]
    assert total(signed) == 198


def test_of_two_versions_in_one_batch_the_first_stays(signed: Database) -> None:
    assert take(signed, seats("1", 1), seats("1", 2), seats("1", 1), replacing=True) == [
        "replaced",
        "conflict",
        "duplicate",
    ]
    assert total(signed) == 21


def test_a_replacement_may_move_an_event_to_another_contract(signed: Database) -> None:
    signed.run(lambda session: sign(session, "B6"))
    take(signed, seats("1", 178)._replace(customer_key="B6"), replacing=True)
    assert total(signed) == 20
    with signed.transaction() as session:
        other = aggregate(session, "con_B6_1", SEATS, from_at=JANUARY, to_at=FEBRUARY)
    assert [other.total, other.event_count] == [178, 1]


def test_what_waits_can_be_voided_and_then_joins_no_contract(database: Database) -> None:
    take(database, seats("1", 178), seats("2", 20))
    take_back(database, "1")
    with database.transaction() as session:
        assert [event.event_id for event in unmatched(session)] == ["2"]
        sign(session, "UA")
        assert match_waiting(session, "con_UA_1") == 1
    assert total(database) == 20


def test_an_event_that_joined_a_contract_can_be_voided(database: Database) -> None:
    take(database, seats("1", 178), seats("2", 20))
    with database.transaction() as session:
        sign(session, "UA")
        match_waiting(session, "con_UA_1")
        release_after_end(session, "con_UA_1", FEBRUARY)
    assert take_back(database, "2") == ["voided"]
    assert total(database) == 178


def test_a_void_waits_for_a_bill_that_counts_the_event(signed: Database) -> None:
    with signed.transaction() as session, ThreadPoolExecutor(1) as pool:
        billed = claim(session, WHOLE)
        voiding = pool.submit(take_back, signed, "1")
        wait_for_a_lock(signed)
        session.commit()
        assert voiding.result() == ["voided"]
    with signed.transaction() as session:
        voided_seq = session.execute(text("SELECT voided_seq FROM usage_event WHERE event_id = '1'")).scalar_one()
    assert voided_seq > billed.up_to_seq
    assert late(signed).voided_count == 1


def test_events_replaced_by_many_at_once_end_with_one_version(signed: Database) -> None:
    def correct(count: int) -> list[Outcome]:
        return take(signed, seats("2", count), seats("1", count), replacing=True)

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(correct, range(1, 21)))
    assert {outcome for batch in outcomes for outcome in batch} == {"replaced"}
    with signed.transaction() as session:
        left = session.execute(
            text("SELECT event_id, count(*) FROM usage_event WHERE voided_seq IS NULL GROUP BY 1 ORDER BY 1")
        ).all()
    assert [tuple(row) for row in left] == [("1", 1), ("2", 1)]


def test_a_voided_event_stays_as_it_is(signed: Database) -> None:
    take_back(signed, "1")
    with raw_connection(signed) as raw, pytest.raises(errors.CheckViolation, match="stays as it was"):
        raw.execute("UPDATE usage_event SET voided_seq = NULL WHERE event_id = '1'")


def test_an_event_can_be_voided_in_a_month_of_its_own(database: Database) -> None:
    database.run(lambda session: sign(session, "UA"))
    take(database, departure("old", JANUARY), departure("new", MARCH))
    assert take_back(database, "new", "old") == ["voided", "voided"]
