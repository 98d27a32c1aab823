"""The steps of quotes on a real database."""

import inspect
from typing import cast

import pytest
from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from temporalio.client import Client

from activities.quoting import Quoting
from activities.signatures import QuoteDecided, QuotingSteps
from domain.quote import QuoteState, contract_id_of, decide, terms_hash
from domain.quote_commands import Accept, QuoteCommand, Reject, Revise
from models import quote as quotes
from models.contract import get_contract
from models.contract import state_of as contract_state_of
from models.customer import Customer
from models.database import Database, violated_constraint
from tests.domain.offered import AT, AUTHOR, BOSS, SEND, SUBMIT, draft, line, terms

ACCEPT = Accept(version=1, name="Ada Fly", email="ada@air.example", address="1 Hangar Rd", remote_address="10.0.0.7")
_DECIDED: TypeAdapter[QuoteDecided] = TypeAdapter(QuoteDecided)
TABLES = ("quote", "quote_version", "quote_event", "quote_acceptance", "contract")


class Drafted:
    """One stored quote; `decided` are all that its workflow would have ordered so far."""

    def __init__(self, database: Database) -> None:
        self.database = database
        # Recording asks nothing of Temporal.
        self.steps = Quoting(database, cast(Client, None))
        self.state: QuoteState = draft()
        self.decided: list[QuoteDecided] = []
        with database.transaction() as session:
            session.add(Customer(id="cus_1", key="b6", name="B6", labels={}, created_at=AT, updated_at=AT))
            session.flush()
            quotes.insert_quote(session, self.state, clock_id=None, at=AT)

    def apply(self, *commands: QuoteCommand) -> None:
        for command in commands:
            decision = decide(self.state, command, AT)
            self.state = decision.state
            asked = QuoteDecided(decision, len(self.decided) + 1, AT)
            # As a worker reads it from a history.
            self.decided.append(_DECIDED.validate_json(_DECIDED.dump_json(asked)))
            self.steps.record_quote(self.decided[-1])

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with self.database.transaction() as session:
            return [tuple(row) for row in session.execute(text(query))]

    def everything(self) -> dict[str, list[object]]:
        return {table: sorted(row[0] for row in self.rows(f"SELECT {table}::text FROM {table}")) for table in TABLES}  # type: ignore[type-var]


@pytest.fixture
def drafted(database: Database) -> Drafted:
    return Drafted(database)


def test_an_acceptance_stores_who_accepted_and_the_contract_at_once(drafted: Drafted) -> None:
    drafted.apply(SUBMIT, SEND, ACCEPT)
    contract_id = contract_id_of("quo_1")
    assert drafted.rows("SELECT status, version, decided, contract_id FROM quote") == [("accepted", 1, 3, contract_id)]
    assert drafted.rows(
        "SELECT version, terms_hash, contract_id, name, email, address, remote_address, at FROM quote_acceptance"
    ) == [(1, terms_hash(terms()), contract_id, "Ada Fly", "ada@air.example", "1 Hangar Rd", "10.0.0.7", AT)]
    with drafted.database.transaction() as session:
        contract = get_contract(session, contract_id)
        assert contract is not None
        assert (contract.customer_id, contract.workflow_started_at) == ("cus_1", None)
        assert contract_state_of(contract).terms == terms()


def test_a_step_done_again_adds_nothing(drafted: Drafted) -> None:
    drafted.apply(SUBMIT, SEND, ACCEPT)
    before = drafted.everything()
    for decided in drafted.decided:
        drafted.steps.record_quote(decided)
    assert drafted.everything() == before


def test_a_decision_that_comes_late_adds_to_the_history_only(drafted: Drafted) -> None:
    drafted.apply(SUBMIT, SEND)
    late, newest = drafted.decided
    with drafted.database.transaction() as session:
        session.execute(text("UPDATE quote SET decided = 0"))
    drafted.steps.record_quote(newest)
    drafted.steps.record_quote(late)
    assert drafted.rows("SELECT status, decided FROM quote") == [("sent", 2)]


def test_each_version_keeps_its_terms_and_each_event_who_and_why(drafted: Drafted) -> None:
    long = Revise(by=AUTHOR, terms=terms(term={"months": 36}), valid_until=drafted.state.valid_until)
    drafted.apply(long, SUBMIT, Reject(by=BOSS, reason="two years at most"))
    drafted.apply(Revise(by=BOSS, terms=terms(line("plan", "90.00")), valid_until=drafted.state.valid_until))
    assert drafted.rows("SELECT version, terms_hash, drafted_by FROM quote_version ORDER BY version") == [
        (1, terms_hash(terms()), AUTHOR),
        (2, terms_hash(terms(term={"months": 36})), AUTHOR),
        (3, terms_hash(terms(line("plan", "90.00"))), BOSS),
    ]
    assert drafted.rows("SELECT sequence, happened, by, remark, version, status FROM quote_event ORDER BY 1") == [
        (0, "version 1 drafted", AUTHOR, None, 1, "draft"),
        (1, "version 2 drafted", AUTHOR, None, 2, "draft"),
        (2, "submitted for approval", AUTHOR, None, 2, "pending_approval"),
        (3, "rejected", BOSS, "two years at most", 2, "draft"),
        (4, "version 3 drafted", BOSS, None, 3, "draft"),
    ]


def test_a_quote_comes_back_from_the_database_as_it_went_in(drafted: Drafted) -> None:
    drafted.apply(SUBMIT, SEND, ACCEPT)
    with drafted.database.transaction() as session:
        row = quotes.find_by_link(session, "digest-1")
        assert row is not None
        assert quotes.state_of(row) == drafted.state
        assert quotes.life_of(session, row).sequence == 3


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE quote_acceptance SET name = 'Eve'", "quote_acceptance_append_only"),
        ("DELETE FROM quote_acceptance", "quote_acceptance_append_only"),
        ("UPDATE quote_version SET terms = '{}'", "quote_version_append_only"),
        ("DELETE FROM quote_event", "quote_event_append_only"),
        ("UPDATE quote SET status = 'sent', contract_id = NULL", "quote_accepted_final"),
        ("UPDATE quote SET state = '{}'", "quote_accepted_final"),
    ],
)
def test_what_was_agreed_cannot_be_changed_afterwards(drafted: Drafted, statement: str, rule: str) -> None:
    drafted.apply(SUBMIT, SEND, ACCEPT)
    with pytest.raises(DBAPIError) as refused, drafted.database.transaction() as session:
        session.execute(text(statement))
    assert violated_constraint(refused.value) == rule


@pytest.mark.parametrize("name", sorted(QuotingSteps.__abstractmethods__))
def test_a_step_has_the_types_of_its_signature(name: str) -> None:
    declared, implemented = (
        inspect.signature(getattr(owner, name), eval_str=True) for owner in (QuotingSteps, Quoting)
    )
    assert declared == implemented
