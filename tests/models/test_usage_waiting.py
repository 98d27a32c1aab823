from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

from sqlmodel import Session, select

from models.database import Database
from models.rated_line import Claim, claim
from models.usage import ingest
from models.usage_tables import StoredUsageEvent
from models.usage_totals import Measure
from models.usage_waiting import match_waiting, release_after_end, unmatched
from tests.models.ledger_samples import wait_for_a_lock
from tests.models.usage_samples import FEBRUARY, JANUARY, MARCH, add_contract, add_customer, departure, sign

DAY = timedelta(days=1)


def contracts_by_event(session: Session) -> dict[str, str | None]:
    return {event.event_id: event.contract_id for event in session.exec(select(StoredUsageEvent))}


def reasons(session: Session) -> dict[str, str]:
    return {event.event_id: event.reason for event in unmatched(session)}


def test_every_event_without_a_contract_is_listed_with_the_reason(database: Database) -> None:
    with database.transaction() as session:
        sign(session, "UA", ends_at=FEBRUARY)
        sign(session, "B6")
        add_contract(session, "B6", number=2)
        add_customer(session, "YV")
        ingest(
            session,
            [
                departure("matched"),
                departure("late", at=FEBRUARY),
                departure("nobody", key="XX"),
                departure("no contract yet", key="YV"),
                departure("two contracts", key="B6"),
                departure("a name unknown", key=None, contract_id="con_none"),
                departure("named and late", at=MARCH, key=None, contract_id="con_UA_1"),
            ],
        )
        assert reasons(session) == {
            "late": "outside_term",
            "nobody": "unknown_customer",
            "no contract yet": "outside_term",
            "two contracts": "several_contracts",
            "a name unknown": "unknown_contract",
            "named and late": "outside_term",
        }


def test_waiting_events_are_listed_in_pages(database: Database) -> None:
    with database.transaction() as session:
        for number in range(5):
            ingest(session, [departure(str(number))])
        first = unmatched(session, limit=3)
        rest = unmatched(session, after=first[-1].seq, limit=3)
    assert [event.event_id for event in first + rest] == ["0", "1", "2", "3", "4"]


def test_a_contract_that_appears_takes_the_events_of_its_term_that_wait(database: Database) -> None:
    events = [departure("before", JANUARY - DAY), departure("in"), departure("end", FEBRUARY), departure("x", key="B6")]
    named = departure("named", key=None, contract_id="con_UA_1")
    database.run(lambda session: ingest(session, [*events, named]))
    with database.transaction() as session:
        contract_id = sign(session, "UA", ends_at=FEBRUARY)
        assert match_waiting(session, contract_id) == 2
        assert contracts_by_event(session) == {
            "before": None,
            "in": "con_UA_1",
            "end": None,
            "x": None,
            "named": "con_UA_1",
        }
        assert match_waiting(session, contract_id) == 0


def test_a_contract_takes_no_event_that_another_contract_could_take(database: Database) -> None:
    with database.transaction() as session:
        sign(session, "UA", starts_at=FEBRUARY)
        add_contract(session, "UA", number=2, starts_at=FEBRUARY)
        ingest(session, [departure("1", MARCH)])
        third = add_contract(session, "UA", number=3)
        assert match_waiting(session, third) == 0


def test_a_contract_that_ends_lets_go_of_the_events_from_its_end_on(database: Database) -> None:
    with database.transaction() as session:
        contract_id = sign(session, "UA")
        ingest(session, [departure("last", FEBRUARY - DAY / 86_400), departure("end", FEBRUARY), departure("z", MARCH)])
        assert release_after_end(session, contract_id, FEBRUARY) == 2
        assert contracts_by_event(session) == {"last": "con_UA_1", "end": None, "z": None}


def test_what_was_billed_stays_with_a_contract_that_ends_in_the_past(database: Database) -> None:
    with database.transaction() as session:
        contract_id = sign(session, "UA")
        ingest(session, [departure("billed", FEBRUARY)])
        claim(
            session,
            Claim(
                contract_id=contract_id,
                line_id="departures",
                measure=Measure("departure", "count"),
                period_start=date(2013, 2, 1),
                period_end=date(2013, 3, 1),
                from_at=FEBRUARY,
                to_at=MARCH,
            ),
        )
        ingest(session, [departure("late", FEBRUARY), departure("next", MARCH)])
        assert release_after_end(session, contract_id, FEBRUARY) == 2
        assert contracts_by_event(session) == {"billed": contract_id, "late": None, "next": None}


def test_events_that_are_being_stored_while_their_contract_appears_are_not_left_waiting(database: Database) -> None:
    """The contract waits for the batch that did not see it, and then takes what the batch stored."""

    def appear(session: Session) -> int:
        return match_waiting(session, sign(session, "UA"))

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            ingest(session, [departure("1")])
            appearing = pool.submit(database.run, appear)
            wait_for_a_lock(database)
        assert appearing.result() == 1
    with database.transaction() as session:
        assert contracts_by_event(session) == {"1": "con_UA_1"}


def test_a_batch_that_waited_for_a_contract_to_appear_sees_it(database: Database) -> None:
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            match_waiting(session, sign(session, "UA"))
            storing = pool.submit(database.run, lambda other: ingest(other, [departure("1")]))
            wait_for_a_lock(database)
        assert storing.result()[0].contract_id == "con_UA_1"
