"""The command: every problem by row and nothing written, or contracts that go on where they were billed to."""

import json
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import text
from typer.testing import CliRunner

from activities.invoicing import Invoicing
from adoption.command import run
from cli import app
from domain.keys import derived
from models.contract import contract_events, get_contract, life_of, unstarted
from models.database import Database
from models.period import begin_closing
from tests.activities.story import Story
from tests.adoption.files import CALLS, SEATS, add_customer, written

JULY = date(2026, 7, 1)
A_1 = derived("con", "adopted", "A-1")
TABLES = ("contract", "contract_event", "revenue_schedule", "customer_credit", "journal_entry")


class Adopted(Story):
    """An adopted contract, as its workflow goes on with it."""

    def __init__(self, database: Database, contract_id: str = A_1) -> None:
        self.database, self.steps, self.decisions = database, Invoicing(database), []
        with database.transaction() as session:
            row = get_contract(session, contract_id)
            assert row is not None
            life = life_of(session, row)
        self.state, self.sequence = life.state, life.sequence


@pytest.fixture
def asked(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command on rows; its status and what it says."""
    add_customer(database)
    monkeypatch.setenv("PERENNIAL_DATABASE_URL", database.url)

    def adopt(*rows: dict[str, str], options: tuple[str, ...] = ("--on", "2026-07-01")) -> tuple[int, Any]:
        answer = CliRunner().invoke(app, ["adopt", str(written(tmp_path, *rows)), "--json", *options])
        return answer.exit_code, json.loads(answer.stdout)

    return adopt


def stored(database: Database) -> list[int]:
    counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
    with database.transaction() as session:
        return list(session.execute(text(f"SELECT {counts}")).one())


NOTHING = [0, 0, 0, 0, 0]


def test_with_any_problem_nothing_is_written_and_all_are_listed(asked: Any, database: Database) -> None:
    status, said = asked(
        SEATS,
        SEATS | {"external_id": "A-2", "billed_through": "2026-12-15"},
        SEATS | {"external_id": "A-3", "customer": "nobody"},
        SEATS | {"external_id": "A-4", "customer": "nobody too", "every": "x"},
        SEATS | {"external_id": "A-5", "deferred": "0.001"},
        CALLS | {"external_id": "A-6", "deferred": "1"},
        SEATS | {"external_id": "A-7", "term_months": "6"},
    )
    assert status == 2
    assert [(problem["row"], problem["external_id"], problem["column"]) for problem in said["problems"]] == [
        (3, "A-2", "billed_through"),
        (4, "A-3", "customer"),
        (5, "A-4", "customer"),
        (5, "A-4", "every"),
        (6, "A-5", "deferred"),
        (7, "A-6", "deferred"),
        (8, "A-7", "term_months"),
    ]
    assert "the nearest are 2026-01-01 and 2027-01-01" in said["problems"][0]["message"]
    assert said["contracts"] == [] and stored(database) == NOTHING


def test_a_dry_run_tells_what_would_be_adopted(asked: Any, database: Database) -> None:
    status, said = asked(SEATS, CALLS, options=("--on", "2026-07-01", "--dry-run"))
    assert (status, said["problems"]) == (0, [])
    assert said["contracts"] == [{"external_id": "A-1", "contract_id": A_1, "outcome": "adopted"}]
    assert stored(database) == NOTHING


def test_an_adopted_contract_waits_for_its_workflow(asked: Any, database: Database) -> None:
    assert asked(SEATS, CALLS)[0] == 0
    assert stored(database) == [1, 1, 1, 1, 1]
    with database.transaction() as session:
        row = get_contract(session, A_1)
        assert row is not None
        assert (row.status, row.decided, row.customer_id) == ("active", 1, "cus_acme")
        assert row.next_due_reason == "bill" and str(row.next_due_at) == "2026-08-01 00:00:00+00:00"
        later = row.created_at + timedelta(seconds=1)
        assert [waiting.id for waiting in unstarted(session, limit=9, created_before=later)] == [A_1]
        [event] = contract_events(session, A_1)
        assert (event.happened, event.data["external_id"]) == ("adopted on 2026-07-01", "A-1")


def test_an_adopted_contract_bills_its_next_period_once(asked: Any, database: Database) -> None:
    """600.00 are earned by New Year; then 1200.00 are billed, of which the credit of 200.00 pays a part."""
    assert asked(SEATS)[0] == 0
    story = Adopted(database)
    assert story.balances() == {"cash": 800_00, "contract_position": -600_00, "customer_credit": -200_00}
    [issued] = story.until(date(2027, 12, 31))
    assert (issued.total_minor, issued.open_minor, issued.due_on) == (1_200_00, 1_000_00, date(2027, 1, 1))
    months = story.revenue()
    assert sum(revenue for month, revenue in months.items() if month < "2027-01") == 600_00
    assert months["2026-07"] == 101_09 and months["2027-01"] == 101_92  # 1200.00 x 31 / 365
    assert story.balances(date(2026, 12, 31)) == {"cash": 800_00, "customer_credit": -200_00, "revenue": -600_00}


def test_a_second_run_changes_nothing(asked: Any, database: Database) -> None:
    """Also on a later day, when what the file says has gone by."""
    asked(SEATS, CALLS)
    before = stored(database)
    status, said = asked(SEATS, CALLS, SEATS | {"external_id": "A-2"}, options=("--on", "2026-08-15"))
    assert [contract["outcome"] for contract in said["contracts"]] == ["unchanged", "adopted"]
    assert status == 0
    status, said = asked(SEATS, CALLS, options=("--on", "2028-02-01"))
    assert (status, [contract["outcome"] for contract in said["contracts"]]) == (0, ["unchanged"])
    assert before == [1, 1, 1, 1, 1] and stored(database) == [2, 2, 2, 2, 2]


def test_what_was_adopted_cannot_be_changed_by_the_file(asked: Any, database: Database) -> None:
    asked(SEATS)
    status, said = asked(SEATS | {"deferred": "599.00"}, SEATS | {"external_id": "A-2"})
    assert status == 2
    [problem] = said["problems"]
    assert (problem["row"], problem["column"]) == (2, "external_id")
    assert stored(database) == [1, 1, 1, 1, 1]


def test_a_closed_month_takes_no_opening_balances(asked: Any, database: Database) -> None:
    with database.transaction() as session:
        begin_closing(session, "2026-07")
    status, said = asked(SEATS)
    [problem] = said["problems"]
    assert (status, problem["column"]) == (2, "on")
    assert "adopt on 2026-08-01 or later" in problem["message"]
    assert stored(database) == NOTHING


def test_problems_are_a_table_for_people(database: Database, tmp_path: Path) -> None:
    shown = Console(file=StringIO(), width=200)
    file = written(tmp_path, SEATS | {"external_id": "A[1]", "start": "x"})
    assert run(file, database, shown, on=JULY, dry_run=True, as_json=False) == 2
    assert isinstance(shown.file, StringIO)
    lines = [line.split() for line in shown.file.getvalue().splitlines()]
    assert ["2", "A[1]", "start", "expected", "a", "day", "such", "as", "2026-07-01"] in lines
    assert lines[-1] == ["2", "problems;", "nothing", "was", "written."]


def test_without_a_database_the_command_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PERENNIAL_DATABASE_URL", raising=False)
    answer = CliRunner().invoke(app, ["adopt", str(written(tmp_path, SEATS))])
    assert answer.exit_code == 1 and "PERENNIAL_DATABASE_URL is missing" in str(answer.exception)
