from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from psycopg import errors
from sqlalchemy import func, text
from sqlmodel import Session, select

from models.database import Database
from models.usage import EventResult, UsageEvent, ingest
from models.usage_tables import StoredUsageEvent
from tests.models.ledger_samples import raw_connection, wait_for_a_lock
from tests.models.usage_samples import FEBRUARY, JANUARY, MARCH, add_contract, departure, sign

MICROSECOND = timedelta(microseconds=1)


def take(database: Database, *events: UsageEvent) -> list[EventResult]:
    return database.run(lambda session: ingest(session, events))


def outcomes(results: list[EventResult]) -> list[str]:
    return [result.outcome for result in results]


def stored_count(database: Database) -> int:
    with database.transaction() as session:
        return session.exec(select(func.count()).select_from(StoredUsageEvent)).one()


def test_an_event_is_stored_as_it_came(database: Database) -> None:
    database.run(lambda session: sign(session, "UA"))
    properties = {"origin": "EWR", "seats": 178, "load": Decimal("0.125"), "note": 'a "quoted" \\ tab\t'}
    take(database, departure("1", at=JANUARY + MICROSECOND, value=Decimal("12.340"), properties=properties))
    with database.transaction() as session:
        event = session.exec(select(StoredUsageEvent)).one()
        load = session.execute(text("SELECT (properties -> 'load')::numeric FROM usage_event")).scalar_one()
    assert (event.source, event.event_id, event.event) == ("airport", "1", "departure")
    assert (event.at, event.value, event.contract_id) == (JANUARY + MICROSECOND, Decimal("12.340"), "con_UA_1")
    assert {name: event.properties[name] for name in ("origin", "seats", "note")} == {
        "origin": "EWR",
        "seats": 178,
        "note": 'a "quoted" \\ tab\t',
    }
    assert load == Decimal("0.125")


def test_an_event_that_comes_again_is_a_duplicate_and_with_another_body_a_conflict(database: Database) -> None:
    take(database, departure("1"), departure("2"))
    again = take(database, departure("2"), departure("3"), departure("1", properties={"seats": 179}))
    assert outcomes(again) == ["duplicate", "accepted", "conflict"]
    assert stored_count(database) == 3


def test_the_first_of_two_events_in_one_batch_stays(database: Database) -> None:
    other = departure("1", value=5)
    assert outcomes(take(database, departure("1"), other, departure("1"))) == ["accepted", "conflict", "duplicate"]
    with database.transaction() as session:
        assert session.exec(select(StoredUsageEvent)).one().value is None


def test_repeats_in_a_batch_are_compared_with_what_was_stored_before(database: Database) -> None:
    take(database, departure("1"))
    assert outcomes(take(database, departure("1", value=5), departure("1"))) == ["conflict", "duplicate"]


def test_events_of_two_sources_may_have_the_same_id(database: Database) -> None:
    assert outcomes(take(database, departure("1"), departure("1", source="airline"))) == ["accepted", "accepted"]


@pytest.mark.parametrize(
    "same",
    [
        departure("1", at=JANUARY.astimezone(timezone(timedelta(hours=-5))), value=Decimal("1")),
        departure("1", value=Decimal("1.00")),
        departure("1", value=1, properties={"seats": 178, "origin": "EWR"}),
    ],
    ids=["another offset", "trailing zeros", "another order"],
)
def test_the_same_body_written_differently_is_a_duplicate(database: Database, same: UsageEvent) -> None:
    assert outcomes(take(database, departure("1", value=Decimal(1)), same)) == ["accepted", "duplicate"]


@pytest.mark.parametrize(
    "changes",
    [
        {"at": JANUARY + MICROSECOND},
        {"event": "arrival"},
        {"key": "B6"},
        {"contract_id": "con_UA_1"},
        {"value": 1},
        {"properties": {}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_change_anywhere_in_the_body_is_a_conflict(database: Database, changes: dict[str, object]) -> None:
    changed = departure("1", **changes)  # type: ignore[arg-type]
    assert outcomes(take(database, departure("1"), changed)) == ["accepted", "conflict"]


def test_no_events_have_no_results(database: Database) -> None:
    assert take(database) == []


def test_an_event_belongs_to_the_contract_whose_term_holds_it(database: Database) -> None:
    """The term is half open: its first instant is in, its end is the next contract's."""

    def two_terms(session: Session) -> None:
        sign(session, "UA", starts_at=JANUARY, ends_at=FEBRUARY)
        add_contract(session, "UA", number=2, starts_at=FEBRUARY)

    database.run(two_terms)
    instants = (JANUARY - MICROSECOND, JANUARY, FEBRUARY - MICROSECOND, FEBRUARY, MARCH)
    results = take(database, *(departure(str(number), at) for number, at in enumerate(instants)))
    assert [result.contract_id for result in results] == [None, "con_UA_1", "con_UA_1", "con_UA_2", "con_UA_2"]
    assert set(outcomes(results)) == {"accepted"}


def test_an_event_may_name_its_contract(database: Database) -> None:
    database.run(lambda session: sign(session, "UA", ends_at=FEBRUARY))
    named = departure("1", key=None, contract_id="con_UA_1")
    results = take(database, named, named._replace(event_id="2", at=FEBRUARY))
    assert [result.contract_id for result in results] == ["con_UA_1", None]


def test_an_event_that_two_contracts_could_take_goes_to_neither(database: Database) -> None:
    def overlapping(session: Session) -> None:
        sign(session, "UA")
        add_contract(session, "UA", number=2, starts_at=FEBRUARY)

    database.run(overlapping)
    results = take(database, departure("1", JANUARY), departure("2", FEBRUARY))
    assert [result.contract_id for result in results] == ["con_UA_1", None]


def test_an_event_that_another_batch_is_just_storing_is_a_duplicate(database: Database) -> None:
    take(database, departure("0"))  # makes the month's part, for which batches wait too
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            ingest(session, [departure("1"), departure("2")])
            storing = pool.submit(take, database, departure("3"), departure("2"), departure("1", value=5))
            wait_for_a_lock(database)
        assert outcomes(storing.result()) == ["accepted", "duplicate", "conflict"]
    assert stored_count(database) == 4


def test_a_batch_whose_connection_is_lost_while_it_is_copied_is_stored_again(database: Database) -> None:
    """The server ends the connection of the batch that waits for another."""
    take(database, departure("0"))
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            ingest(session, [departure("1")])
            storing = pool.submit(take, database, departure("1"), departure("2"))
            wait_for_a_lock(database)
            with raw_connection(database, autocommit=True) as raw:
                raw.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted")
        assert outcomes(storing.result()) == ["duplicate", "accepted"]


def test_batches_that_meet_store_every_event_once(database: Database) -> None:
    """Eight batches of 300 in opposite orders, of which 100 ids are new in each: 200 + 8 x 100 events, and one before.

    That one makes the month's part, for which all but one batch would wait until the shared ones are there.
    """
    database.run(lambda session: sign(session, "UA"))
    take(database, departure("before"))
    shared = [departure(f"shared/{number}") for number in range(200)]
    batches = [
        [*shared, *(departure(f"{batch}/{number}") for number in range(100))][:: -1 if batch % 2 else 1]
        for batch in range(8)
    ]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda batch: take(database, *batch), batches))
    accepted = [result.outcome for batch in results for result in batch].count("accepted")
    assert accepted == stored_count(database) - 1 == 1_000
    assert {result.outcome for batch in results for result in batch} == {"accepted", "duplicate"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE usage_event SET value = 7",
        "UPDATE usage_event SET at = at + interval '1 day'",
        "DELETE FROM usage_event",
        "TRUNCATE usage_event",
    ],
)
def test_an_accepted_event_stays_as_it_came(database: Database, statement: str) -> None:
    take(database, departure("1"))
    with raw_connection(database) as raw, pytest.raises((errors.CheckViolation, errors.InsufficientPrivilege)):
        raw.execute(statement.encode())


def test_instants_keep_their_microseconds_across_a_batch(database: Database) -> None:
    instants = [datetime(2013, 3, 10, 6, 59, 59, 999_999 - number, tzinfo=JANUARY.tzinfo) for number in range(3)]
    take(database, *(departure(str(number), at) for number, at in enumerate(instants)))
    with database.transaction() as session:
        query = select(StoredUsageEvent.at).order_by(StoredUsageEvent.event_id)
        assert session.exec(query).all() == instants


def test_a_number_written_otherwise_is_the_same_number(database: Database) -> None:
    """As the database writes them: 100 and 0.0. A digit more in the fraction of a property is another text."""
    first = departure("1", value=Decimal("1E+2"), properties={"seats": Decimal("1E+2"), "delay": Decimal("-0.0")})
    again = departure("1", value=100, properties={"seats": Decimal(100), "delay": Decimal("0.0")})
    other = departure("1", value=100, properties={"seats": Decimal("100.0"), "delay": Decimal("0.0")})
    assert outcomes(take(database, first, again, other)) == ["accepted", "duplicate", "conflict"]


def test_values_that_differ_in_the_thirtieth_digit_are_two(database: Database) -> None:
    number = "1.00000000000000000000000000000"
    first, other = departure("1", value=Decimal(number)), departure("1", value=Decimal(number[:-1] + "1"))
    assert outcomes(take(database, first, other)) == ["accepted", "conflict"]


def test_keys_of_any_printable_text_are_known_again(database: Database) -> None:
    events = [
        departure(event_id, source=source) for event_id, source in (('a"b', "{x}"), ("a\\b", ","), ("ñ NULL", "'"))
    ]
    assert set(outcomes(take(database, *events))) == {"accepted"}
    assert set(outcomes(take(database, *events))) == {"duplicate"}
