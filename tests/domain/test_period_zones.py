"""Where local dates begin, in every zone and above all where midnight is skipped or comes twice."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.period import UnknownZone, check_zone, first_instant, local_date

ZONES = sorted(available_timezones())
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("zone", "day", "instant"),
    [
        ("UTC", "2026-01-31", "2026-01-31T00:00:00Z"),
        ("Europe/Paris", "2026-01-31", "2026-01-30T23:00:00Z"),
        ("Europe/Paris", "2026-03-30", "2026-03-29T22:00:00Z"),
        ("America/Los_Angeles", "2026-03-15", "2026-03-15T07:00:00Z"),
        ("Australia/Lord_Howe", "2026-03-15", "2026-03-14T13:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-15", "2026-04-14T13:30:00Z"),
        # Clocks go from 00:00 to 01:00: the day begins at the change.
        ("Africa/Cairo", "2023-04-28", "2023-04-27T22:00:00Z"),
        ("Asia/Beirut", "2022-03-27", "2022-03-26T22:00:00Z"),
        # Clocks went from 23:30 to 00:30: the day began half an hour late by the old offset.
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30:00Z"),
        # Clocks go from 01:00 back to 00:00: the first of the two midnights counts.
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"),
        # The island moved over the date line: 30 December was left out.
        ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z"),
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"),
        # Clocks went from 00:01 back to 23:01 of the day before: the day had begun.
        ("America/St_Johns", "2010-11-07", "2010-11-07T02:30:00Z"),
    ],
)
def test_a_local_date_begins_at_its_first_instant(zone: str, day: str, instant: str) -> None:
    assert first_instant(date.fromisoformat(day), zone) == datetime.fromisoformat(instant)


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        ("2026-01-16T03:00:00Z", "America/Los_Angeles", "2026-01-15"),
        ("2026-01-31T23:30:00Z", "Europe/Paris", "2026-02-01"),
        ("2011-12-30T09:59:59Z", "Pacific/Apia", "2011-12-29"),
        ("2011-12-30T10:00:00Z", "Pacific/Apia", "2011-12-31"),
        # The clock shows 23:30 on the 6th for the second time; the 7th has begun.
        ("2010-11-07T03:00:00Z", "America/St_Johns", "2010-11-07"),
    ],
)
def test_an_instant_has_a_local_date(instant: str, zone: str, day: str) -> None:
    assert local_date(datetime.fromisoformat(instant), zone) == date.fromisoformat(day)


def test_the_local_date_does_not_depend_on_how_the_instant_is_written() -> None:
    in_tokyo = datetime(2026, 1, 1, 8, 30, tzinfo=timezone(timedelta(hours=9)))
    assert local_date(in_tokyo, "Europe/London") == date(2025, 12, 31)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        local_date(datetime(2026, 1, 1), "UTC")


@pytest.mark.parametrize("zone", ["", "Europe", "Europe/Pari", "europe/paris", "../etc/passwd", "right/UTC", "+02:00"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(UnknownZone, match="unknown time zone"):
        check_zone(zone)
    with pytest.raises(UnknownZone):
        first_instant(date(2026, 1, 1), zone)


def test_a_known_zone_is_itself() -> None:
    assert check_zone("America/New_York") == "America/New_York"


@given(st.sampled_from(ZONES), st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_an_instant_lies_between_the_first_instants_of_its_day_and_the_next(zone: str, at: datetime) -> None:
    day = local_date(at, zone)
    assert first_instant(day, zone) <= at < first_instant(day + timedelta(days=1), zone)


def changes(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """The instants at which the zone's offset changes, found from the offsets alone."""
    at = start
    while at < end:
        later = at + timedelta(days=7)
        if at.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            before, after = at, later
            while after - before > SECOND:
                middle = before + (after - before) // 2
                middle = middle.replace(microsecond=0)
                if middle.astimezone(zone).utcoffset() == at.astimezone(zone).utcoffset():
                    before = middle
                else:
                    after = middle
            yield after
        at = later


@pytest.mark.parametrize("decade", [1990, 2010])
def test_days_tile_around_every_change_of_every_zone(decade: int) -> None:
    """No clock shows the day before its first instant, and no instant lies in two days or in none."""
    start, end = datetime(decade, 1, 1, tzinfo=UTC), datetime(decade + 10, 1, 1, tzinfo=UTC)
    seen = 0
    for name in ZONES:
        zone = ZoneInfo(name)
        for change in changes(zone, start, end):
            seen += 1
            around = change.astimezone(zone).date()
            for day in (around - timedelta(days=1), around, around + timedelta(days=1)):
                first = first_instant(day, name)
                assert (first - SECOND).astimezone(zone).date() < day <= first.astimezone(zone).date()
            for at in (change - SECOND, change, change + timedelta(minutes=30), change + timedelta(minutes=61)):
                day = local_date(at, name)
                assert first_instant(day, name) <= at < first_instant(day + timedelta(days=1), name)
    assert seen > 1000
