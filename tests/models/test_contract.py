from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy.exc import DBAPIError

from domain.commands import Cancel, Wake
from domain.contract import decide, sign
from domain.state import ContractState
from models.contract import (
    contract_events,
    get_contract,
    insert_contract,
    list_contracts,
    mark_started,
    record,
    state_of,
    unstarted,
)
from models.database import Database, violated_constraint
from tests.activities.story import line, per_unit, terms
from tests.models.usage_samples import add_customer

AT = datetime(2012, 12, 1, tzinfo=UTC)
STARTED = datetime(2013, 1, 1, 5, tzinfo=UTC)
TERMS = terms(line("plan", per_unit("99.90")), timezone="America/New_York", term={"months": 12})
YEARLY = terms(line("plan", per_unit("1200.00"), every="year"))


def signed(database: Database, contract_id: str = "con_1") -> ContractState:
    state = sign(contract_id, "cus_b6", TERMS)
    with database.transaction() as session:
        insert_contract(session, state, clock_id=None, at=AT)
    return state


@pytest.fixture(autouse=True)
def customer(database: Database) -> None:
    with database.transaction() as session:
        add_customer(session, "b6")


def test_a_signed_contract_waits_for_its_start(database: Database) -> None:
    state = signed(database)
    with database.transaction() as session:
        contract = get_contract(session, "con_1")
        assert contract is not None
        assert (contract.status, contract.version, contract.decided) == ("signed", 1, 0)
        assert (contract.next_due_at, contract.next_due_reason) == (STARTED, "start")
        assert (contract.starts_at, contract.ends_at) == (STARTED, datetime(2014, 1, 1, 5, tzinfo=UTC))
        assert (contract.mrr_minor, contract.currency) == (9_990, "USD")
        assert state_of(contract) == state
        assert contract.terms["timezone"] == "America/New_York"


def test_a_contract_is_stored_once(database: Database) -> None:
    state = signed(database)
    with database.transaction() as session:
        assert not insert_contract(session, replace(state, version=9), clock_id=None, at=AT)
        contract = get_contract(session, "con_1")
        assert contract is not None and contract.version == 1


def test_a_yearly_line_counts_a_twelfth_a_month(database: Database) -> None:
    with database.transaction() as session:
        insert_contract(session, sign("con_1", "cus_b6", YEARLY), clock_id=None, at=AT)
        contract = get_contract(session, "con_1")
        assert contract is not None and (contract.mrr_minor, contract.ends_at) == (10_000, None)


def test_a_decision_is_recorded_once_and_older_ones_only_in_the_history(database: Database) -> None:
    state = signed(database)
    started = decide(state, Wake(), STARTED).state
    with database.transaction() as session:
        assert record(session, started, sequence=2, at=STARTED, happened="started")
    with database.transaction() as session:
        assert not record(session, state, sequence=2, at=STARTED, happened="again")
        assert record(session, state, sequence=1, at=AT, happened="late")
        contract = get_contract(session, "con_1")
        assert contract is not None and (contract.status, contract.decided) == ("active", 2)
        history = contract_events(session, "con_1")
        assert [(event.sequence, event.happened, event.status) for event in history] == [
            (1, "late", "signed"),
            (2, "started", "active"),
        ]


def test_a_decision_for_a_contract_nobody_stored_stores_it(database: Database) -> None:
    state = sign("con_new", "cus_b6", TERMS)
    with database.transaction() as session:
        assert record(session, state, sequence=1, at=AT, happened="signed", clock_id="clk_1")
        contract = get_contract(session, "con_new")
        assert contract is not None and contract.clock_id == "clk_1"


def test_a_cancelled_contract_is_due_no_more(database: Database) -> None:
    started = decide(signed(database), Wake(), STARTED).state
    at = datetime(2013, 1, 16, 12, tzinfo=UTC)
    cancelled = decide(started, Cancel(when="now"), at).state
    with database.transaction() as session:
        record(session, cancelled, sequence=2, at=at, happened="cancelled")
        contract = get_contract(session, "con_1")
        assert contract is not None
        assert (contract.ends_at, contract.next_due_at, contract.mrr_minor) == (at, None, 0)


def test_the_history_cannot_be_rewritten(database: Database) -> None:
    with database.transaction() as session:
        record(session, sign("con_1", "cus_b6", TERMS), sequence=1, at=AT, happened="signed")
    with pytest.raises(DBAPIError) as raised, database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE contract_event SET happened = 'nothing'")
    assert violated_constraint(raised.value) == "document_is_final"


def test_contracts_without_a_workflow_are_found_until_it_is_started(database: Database) -> None:
    signed(database)
    later = datetime(2012, 12, 2, tzinfo=UTC)
    with database.transaction() as session:
        assert unstarted(session, limit=10, created_before=AT) == []
        assert [contract.id for contract in unstarted(session, limit=10, created_before=later)] == ["con_1"]
        mark_started(session, "con_1", later)
        assert unstarted(session, limit=10, created_before=later) == []


def test_contracts_are_listed_newest_first(database: Database) -> None:
    for number in range(3):
        signed(database, f"con_{number}")
    with database.transaction() as session:
        first = list_contracts(session, after=None, limit=2)
        assert [contract.id for contract in first] == ["con_2", "con_1"]
        rest = list_contracts(session, after=first[-1].sequence, limit=2, customer_id="cus_b6", status="signed")
        assert [contract.id for contract in rest] == ["con_0"]
        assert list_contracts(session, after=None, limit=2, status="active") == []
    assert TERMS.start == date(2013, 1, 1)
