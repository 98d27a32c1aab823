"""Local times become instants only where the zone leaves no doubt."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from usage_files.asked import Unmappable
from usage_files.instants import Ambiguous, Instants

NEW_YORK = ZoneInfo("America/New_York")


def read(cell: object, ambiguous: Ambiguous = "refuse") -> str:
    return Instants(NEW_YORK, ambiguous).instant(cell).astimezone(UTC).isoformat()


@pytest.mark.parametrize(
    ("cell", "instant"),
    [
        ("2013-01-15T12:00:00Z", "2013-01-15T12:00:00+00:00"),
        ("2013-01-15 12:00:00.25+01:00", "2013-01-15T11:00:00.250000+00:00"),
        (" 2013-01-15T12:00 ", "2013-01-15T17:00:00+00:00"),
        ("2013-07-15T12:00:00", "2013-07-15T16:00:00+00:00"),
        (datetime(2013, 7, 15, 12), "2013-07-15T16:00:00+00:00"),
        (datetime(2013, 7, 15, 12, tzinfo=UTC), "2013-07-15T12:00:00+00:00"),
        ("2013-03-10T01:59:59.999999", "2013-03-10T06:59:59.999999+00:00"),
        ("2013-03-10T03:00:00", "2013-03-10T07:00:00+00:00"),
        ("2013-11-03T00:59:59", "2013-11-03T04:59:59+00:00"),
        ("2013-11-03T02:00:00", "2013-11-03T07:00:00+00:00"),
    ],
)
def test_an_instant_is_read_by_its_offset_or_by_the_zone(cell: object, instant: str) -> None:
    assert read(cell) == instant


@pytest.mark.parametrize("cell", ["2013-03-10T02:00:00", "2013-03-10T02:59:59.999999", datetime(2013, 3, 10, 2, 30)])
@pytest.mark.parametrize("ambiguous", ["refuse", "first", "second"])
def test_a_time_that_clocks_skipped_is_refused_whatever_was_asked(cell: object, ambiguous: Ambiguous) -> None:
    with pytest.raises(Unmappable, match="never showed this"):
        read(cell, ambiguous)


@pytest.mark.parametrize("cell", ["2013-11-03T01:00:00", "2013-11-03T01:59:59.999999", datetime(2013, 11, 3, 1, 30)])
def test_a_time_that_clocks_showed_twice_is_refused_unless_one_was_chosen(cell: object) -> None:
    with pytest.raises(Unmappable, match="showed this twice"):
        read(cell)


def test_the_first_of_two_is_the_one_in_summer_time() -> None:
    assert read("2013-11-03T01:30:00", "first") == "2013-11-03T05:30:00+00:00"
    assert read("2013-11-03T01:30:00", "second") == "2013-11-03T06:30:00+00:00"


def test_a_local_time_needs_a_zone() -> None:
    with pytest.raises(Unmappable, match="no offset"):
        Instants().instant("2013-01-15T12:00:00")


@pytest.mark.parametrize("cell", ["2013-01-15", "20130115", "2013-W03-2", date(2013, 1, 15)])
def test_a_day_is_no_instant(cell: object) -> None:
    with pytest.raises(Unmappable, match="This is a day"):
        read(cell)


@pytest.mark.parametrize("cell", ["", "noon", "1358251200", 1358251200, True, {"a": 1}, "2013-02-29T12:00:00Z"])
def test_what_is_no_instant_is_refused(cell: object) -> None:
    with pytest.raises(Unmappable, match="must be an instant"):
        read(cell)
