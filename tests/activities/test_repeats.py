from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError
from temporalio.exceptions import ApplicationError

from activities.signatures import Decided
from domain.commands import Cancel, ChangeLine, InvoiceSettled, InvoiceUnpaid
from models.database import Database
from tests.activities.story import Story, everything, line, per_unit, run, terms
from tests.activities.test_metered import METERS, depart, seats

GATES = line("gates", per_unit("310.00"), quantity=10)


def gates(quantity: int) -> ChangeLine:
    return ChangeLine(line="gates", quantity=Decimal(quantity))


def full_life(database: Database) -> Story:
    """Every kind of decision: start, upgrade, downgrade, usage, unpaid, settled, cancellation."""
    story = Story(database, terms(GATES, seats(every="quarter"), meters=METERS, payment_terms_days=14))
    first = story.wake()
    assert first is not None and first.invoice_id is not None
    depart(story, "e1", date(2013, 1, 3), seats=700)
    story.on(date(2013, 1, 11), gates(14))
    story.apply(InvoiceUnpaid(invoice_id=first.invoice_id), datetime(2013, 1, 15, tzinfo=UTC))
    story.on(date(2013, 1, 21), gates(6))
    story.until(date(2013, 3, 1))
    story.apply(InvoiceSettled(invoice_id=first.invoice_id), datetime(2013, 3, 2, tzinfo=UTC))
    story.on(date(2013, 3, 11), Cancel(when="now"))
    return story


def test_every_decision_made_so_twice_changes_no_row(database: Database) -> None:
    story = full_life(database)
    before = everything(database)
    for decided in story.decisions:
        run(story.steps, decided)
    assert everything(database) == before
    assert {table for table, rows in before.items() if not rows} == {"payment", "payment_attempt"}


def test_a_life_ends_with_nothing_deferred_and_nothing_unbilled(database: Database) -> None:
    story = full_life(database)
    balances = story.balances()
    assert story.state.status == "cancelled"
    assert "contract_position" not in balances and "unbilled_receivable" not in balances
    assert story.rows("SELECT count(*) FROM revenue_schedule WHERE recognized_minor <> amount_minor OR NOT billed") == [
        (0,)
    ]
    assert (
        balances["revenue"]
        == -story.rows("SELECT sum(CASE kind WHEN 'invoice' THEN net_minor ELSE -net_minor END)::bigint FROM invoice")[
            0
        ][0]
    )


def test_a_repeat_returns_the_first_answer(database: Database) -> None:
    story = Story(database, terms(GATES))
    first = story.wake()
    assert run(story.steps, story.decisions[0]) == first


def test_a_late_duplicate_never_overwrites_a_newer_state(database: Database) -> None:
    story = full_life(database)
    contract = story.rows("SELECT * FROM contract")
    run(story.steps, story.decisions[2])
    assert story.rows("SELECT * FROM contract") == contract
    skipped = replace(story.decisions[1], sequence=0)
    story.steps.record_change(replace(skipped, decision=replace(skipped.decision, bill=None)))
    assert story.rows("SELECT * FROM contract") == contract


def test_another_bill_for_an_issued_document_is_an_error(database: Database) -> None:
    story = Story(database, terms(GATES))
    story.wake()
    [decided] = story.decisions
    assert decided.decision.bill is not None
    other = replace(decided.decision, bill=replace(decided.decision.bill, on=date(2013, 1, 2)))
    with pytest.raises(ApplicationError, match="INV-000001") as raised:
        story.steps.issue_invoice(replace(decided, decision=other, sequence=7))
    assert raised.value.type == "DocumentMismatch" and not raised.value.non_retryable
    assert story.rows("SELECT max(e.sequence), max(decided) FROM contract_event e, contract") == [(1, 1)]


def test_a_document_issued_under_another_sequence_is_found(database: Database) -> None:
    """After a Temporal server was restored from a backup, the same bill may come with another number."""
    story = Story(database, terms(GATES))
    first = story.wake()
    assert story.steps.issue_invoice(replace(story.decisions[0], sequence=2)) == first
    assert story.rows("SELECT count(*) FROM journal_entry") == [(1,)]


@pytest.fixture
def crashes(database: Database) -> Iterator[list[int]]:
    """Counts statements down; where a countdown ends, the connection is lost."""
    countdown: list[int] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def count(*_: object) -> None:
        if countdown:
            countdown[0] -= 1
            if countdown[0] == 0:
                countdown.clear()
                raise ConnectionResetError("crashed")

    yield countdown
    event.remove(database.engine, "before_cursor_execute", count)


def test_a_crash_at_any_statement_leaves_nothing_and_the_repeat_completes(
    database: Database, crashes: list[int]
) -> None:
    story = Story(database, terms(GATES, seats(), meters=METERS, payment_terms_days=14))
    story.wake()
    depart(story, "e1", date(2013, 1, 3), seats=700)
    before = everything(database)
    survived = 0
    for statement in range(1, 100):
        crashes[:] = [statement]
        try:
            story.until(date(2013, 2, 1))
        except ConnectionResetError:
            rated = everything(database).pop("rated_line")
            assert {**everything(database), "rated_line": []} == {**before, "rated_line": []}
            assert len(rated) <= 1
            story.state, story.sequence = story.decisions[0].decision.state, 1
            survived += 1
        else:
            break
    assert survived >= 8
    crashes.clear()
    assert story.rows("SELECT number, total_minor FROM invoice ORDER BY number") == [
        ("INV-000001", 310_000),
        ("INV-000002", 310_000 + 315_000),
    ]


@pytest.fixture
def lost_commits(database: Database) -> Iterator[list[bool]]:
    """Where it holds something, the next commit is made, but the connection is lost before its answer comes."""
    armed: list[bool] = []

    @event.listens_for(database.engine, "commit")
    def lose(connection: Connection) -> None:
        if armed:
            armed.clear()
            assert connection.connection.dbapi_connection is not None
            connection.connection.dbapi_connection.commit()
            raise OperationalError("COMMIT", None, psycopg.OperationalError("reset"), connection_invalidated=True)

    yield armed
    event.remove(database.engine, "commit", lose)


def test_a_commit_whose_answer_was_lost_is_found_again(database: Database, lost_commits: list[bool]) -> None:
    story = Story(database, terms(GATES))
    lost_commits.append(True)
    issued = story.wake()
    assert lost_commits == []
    assert issued is not None and issued.number == "INV-000001"
    assert story.rows("SELECT number FROM invoice") == [("INV-000001",)]
    assert story.balances() == {"receivable": 310_000, "contract_position": -310_000}


def test_the_same_decision_from_two_workers_at_once_issues_one_document(database: Database) -> None:
    story = Story(database, terms(GATES))
    story.wake()
    decided: Decided = replace(story.decisions[0])
    other = Story(database, terms(GATES), "con_2")
    other.steps = story.steps
    state = replace(decided.decision.state, contract_id="con_2")
    twin = replace(decided, decision=replace(decided.decision, state=state))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(story.steps.issue_invoice, [twin] * 8))
    assert len(set(answers)) == 1 and answers[0].number == "INV-000002"
    assert story.rows("SELECT count(*) FROM invoice") == [(2,)]
