import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import app as commands
from models.database import Database
from models.usage import ingest
from tests.activities.story import Story, terms
from tests.models.test_usage_archive import METERS, TRIPS, trip


@pytest.fixture
def archive(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """The command on a database with a contract of which January 2013 is billed; its status and output."""
    monkeypatch.setenv("PERENNIAL_DATABASE_URL", database.url)
    story = Story(database, terms(TRIPS, meters=METERS))
    story.wake()
    database.run(lambda session: ingest(session, [trip("1"), trip("2"), trip("3", month=2)]))
    story.wake()

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(commands, ["usage", "archive", str(tmp_path), *arguments])
        return result.exit_code, result.output

    return run


def test_the_command_tells_of_each_month_and_exits_with_2_where_one_stays(
    archive: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    status, output = archive("--before", "2013-03")
    assert status == 2
    assert f"2013-01             2 events  archived in {tmp_path}/usage-2013-01.parquet" in output
    assert "2013-02             1 events  stays\n    con_1: line trips is billed up to 2013-02-01 only" in output
    assert archive("--before", "2013-02") == (0, "No month before 2013-02 holds usage.\n")


def test_the_command_says_as_json_what_it_could_do(archive: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    status, output = archive("--before", "2013-02", "--dry-run", "--json")
    assert status == 0
    assert json.loads(output) == [
        {
            "month": "2013-01",
            "outcome": "could be",
            "event_count": 2,
            "file": None,
            "sha256": None,
            "obstacles": [],
        }
    ]
    assert list(tmp_path.iterdir()) == []
