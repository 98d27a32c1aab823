from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from domain.commands import Cancel
from models.database import Database
from models.usage import UsageEvent, ingest
from models.usage_archive import MonthChanged, Obstacle, archivable_months, contents, drop_month, obstacles
from models.usage_parts import UsageArchived
from models.usage_totals import Measure, aggregate
from models.usage_voiding import EventKey, void
from tests.activities.story import Story, line, per_unit, terms
from tests.models.usage_samples import departure
from usage_files.archiving import archive

JANUARY, FEBRUARY, MARCH = date(2013, 1, 1), date(2013, 2, 1), date(2013, 3, 1)
METERS = [{"id": "trips", "event": "departure", "aggregate": "count"}]
TRIPS = line("trips", per_unit("1.00"), meter="trips", bill="arrears")


def trip(event_id: str, day: int = 5, month: int = 1, **more: object) -> UsageEvent:
    at = datetime(2013, month, day, tzinfo=UTC)
    return departure(event_id, at, key=None, contract_id="con_1", **more)


def take(database: Database, *events: UsageEvent) -> list[str]:
    return [found.outcome for found in database.run(lambda session: ingest(session, events))]


def run(database: Database, folder: Path, before: date = MARCH, *, dry_run: bool = False) -> list[str]:
    return [month.outcome for month in archive(database, folder, before, dry_run=dry_run, tell=lambda _: None)]


@pytest.fixture
def story(database: Database) -> Story:
    """A contract of which January and February are billed, with trips in both."""
    made = Story(database, terms(TRIPS, meters=METERS))
    made.wake()
    take(database, trip("1", properties={"fare": 7}), trip("2", value=3), trip("3", month=2))
    made.wake()
    made.wake()
    return made


def test_a_month_that_is_billed_goes_into_a_file_and_out_of_the_database(
    story: Story, database: Database, tmp_path: Path
) -> None:
    database.run(lambda session: void(session, [EventKey("airport", "none")]))
    (january,) = archive(database, tmp_path, FEBRUARY, dry_run=False, tell=lambda _: None)
    assert (january.month, january.outcome, january.event_count) == (JANUARY, "archived", 2)
    rows = pq.read_table(tmp_path / "usage-2013-01.parquet").to_pylist()
    assert [(row["event_id"], row["contract_id"], row["value"], row["properties"]) for row in rows] == [
        ("1", "con_1", None, '{"fare": 7}'),
        ("2", "con_1", "3", '{"seats": 178, "origin": "EWR"}'),
    ]
    assert story.rows("SELECT event_id FROM usage_event") == [("3",)]
    assert story.rows("SELECT month, event_count, sha256 FROM usage_archive") == [(JANUARY, 2, january.sha256)]
    assert run(database, tmp_path, FEBRUARY) == []


def test_what_happened_in_an_archived_month_is_refused_and_what_is_known_of_it_stays_known(
    story: Story, database: Database, tmp_path: Path
) -> None:
    run(database, tmp_path, FEBRUARY)
    assert take(database, trip("2", value=3), trip("2", value=4), trip("new"), trip("march", month=3)) == [
        "duplicate",
        "conflict",
        "archived",
        "accepted",
    ]
    assert database.run(lambda session: ingest(session, [trip("2", value=4)], replace=True))[0].outcome == "conflict"
    moved = database.run(lambda session: ingest(session, [trip("2", month=3)], replace=True))
    assert moved[0].outcome == "archived"
    assert database.run(lambda session: void(session, [EventKey("airport", "2")])) == ["archived"]


def test_an_archived_month_is_never_counted_as_if_it_were_empty(
    story: Story, database: Database, tmp_path: Path
) -> None:
    run(database, tmp_path, FEBRUARY)
    measure = Measure("departure", "count")
    january, february = datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 2, 1, tzinfo=UTC)
    with database.transaction() as session:
        later = aggregate(session, "con_1", measure, from_at=february, to_at=february + timedelta(days=28))
        with pytest.raises(UsageArchived, match="2013-01"):
            aggregate(session, "con_1", measure, from_at=january, to_at=february)
    assert later.event_count == 1


def test_a_month_stays_that_a_contract_is_still_to_bill(database: Database, tmp_path: Path) -> None:
    story = Story(database, terms(TRIPS, meters=METERS))
    story.wake()
    take(database, trip("1"))
    with database.transaction() as session:
        assert obstacles(session, JANUARY) == [Obstacle("line trips is billed up to 2013-01-01 only", "con_1")]
    assert run(database, tmp_path, FEBRUARY) == ["stays"]
    story.on(date(2013, 1, 17), Cancel(when="now"))
    assert run(database, tmp_path, FEBRUARY, dry_run=True) == ["could be"]
    assert list(tmp_path.iterdir()) == []


def test_a_month_stays_as_long_as_a_meter_carries_on_what_came_in_it(database: Database, tmp_path: Path) -> None:
    seats = line("seats", per_unit("1.00"), meter="seats", bill="arrears")
    meter = {"id": "seats", "event": "departure", "aggregate": "sum", "carry": True}
    story = Story(database, terms(seats, meters=[meter]))
    story.wake()
    take(database, trip("1", value=3))
    story.wake()
    story.wake()
    with database.transaction() as session:
        assert obstacles(session, JANUARY) == [Obstacle("meter seats carries on what came in it", "con_1")]
    story.on(date(2013, 3, 17), Cancel(when="now"))
    assert run(database, tmp_path, FEBRUARY) == ["archived"]


def test_a_month_stays_where_the_contract_s_day_ends_later_than_ours(database: Database, tmp_path: Path) -> None:
    """In Kolkata February begins at 18:30 UTC of January 31: that evening is billed with February."""
    story = Story(database, terms(TRIPS, meters=METERS, timezone="Asia/Kolkata"))
    story.wake()
    take(database, trip("1"))
    story.wake()
    assert run(database, tmp_path, FEBRUARY) == ["stays"]
    story.wake()
    assert run(database, tmp_path, FEBRUARY) == ["archived"]


def test_a_month_stays_while_something_waits_or_came_late(story: Story, database: Database, tmp_path: Path) -> None:
    take(database, trip("late"), departure("lost", datetime(2013, 2, 3, tzinfo=UTC), key="nobody"))
    with database.transaction() as session:
        late = Obstacle("usage that came late or was voided is not billed yet", "con_1")
        assert obstacles(session, JANUARY) == [late]
        assert obstacles(session, FEBRUARY) == [Obstacle("1 events wait for a contract", None), late]
    story.wake()
    assert run(database, tmp_path) == ["archived", "stays"]


def test_a_month_that_changes_while_it_is_read_stays(story: Story, database: Database, tmp_path: Path) -> None:
    with database.transaction() as session:
        read = contents(session, JANUARY)
    take(database, trip("late"))
    with database.transaction() as session, pytest.raises(MonthChanged):
        drop_month(session, JANUARY, read, file="f", sha256="s")
    with database.transaction() as session:
        assert archivable_months(session, MARCH) == [JANUARY, FEBRUARY]
        assert session.execute(text("SELECT count(*) FROM usage_event")).scalar_one() == 4
