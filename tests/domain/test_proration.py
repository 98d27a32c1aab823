from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import round_ratio
from domain.period import Period, first_instant
from domain.proration import Proration, part

MARCH = Period(date(2026, 3, 1), date(2026, 4, 1))
ZONES = st.sampled_from(["UTC", "Europe/Paris", "America/Havana", "Australia/Lord_Howe", "Pacific/Apia"])
PRORATIONS = st.sampled_from(get_args(Proration))


@pytest.mark.parametrize(
    ("proration", "start", "whole", "expected"),
    [
        ("day", "2026-03-16", MARCH, (16, 31)),
        ("none", "2026-03-16", MARCH, (16, 31)),
        ("30_360", "2026-03-16", MARCH, (15, 30)),
        ("30_360", "2026-03-31", MARCH, (1, 30)),
        ("30_360", "2026-05-15", Period(date(2026, 4, 23), date(2026, 5, 23)), (8, 30)),
        ("30_360", "2026-02-16", Period(date(2026, 2, 1), date(2026, 3, 1)), (15, 30)),
        ("30_360", "2026-01-31", Period(date(2026, 1, 30), date(2026, 1, 31)), (0, 1)),
        ("day", "2024-02-04", Period(date(2024, 2, 1), date(2024, 3, 1)), (26, 29)),
    ],
)
def test_the_rest_of_a_period_is_so_many_of_its_days(
    proration: Proration, start: str, whole: Period, expected: tuple[int, int]
) -> None:
    assert part(proration, date.fromisoformat(start), whole.end, whole, "Europe/Paris") == expected


def test_eight_days_of_thirty_of_a_price() -> None:
    """19.95 x 8 / 30 = 5.32."""
    share, whole = part(
        "30_360", date(2026, 5, 15), date(2026, 5, 23), Period(date(2026, 4, 23), date(2026, 5, 23)), "UTC"
    )
    assert round_ratio(1995 * share, whole) == 532


def test_by_second_the_lost_hour_of_spring_is_not_paid() -> None:
    """March has 743 hours in Paris: from the 16th they are 383 of them, which cost 383.00 of 743.00."""
    share = part("second", date(2026, 3, 16), date(2026, 4, 1), MARCH, "Europe/Paris")
    assert share == (383 * 3600, 743 * 3600)
    assert part("second", date(2026, 3, 16), date(2026, 4, 1), MARCH, "UTC") == (384 * 3600, 744 * 3600)
    assert part("day", date(2026, 3, 16), date(2026, 4, 1), MARCH, "Europe/Paris") == (16, 31)


def test_by_second_a_change_within_a_day_cuts_at_its_instant() -> None:
    """From 1 March, 00:00, to 06:00 are 21,600 seconds of 31 days; by day that is none of them yet."""
    morning = datetime(2026, 3, 1, 6, 0, 0, 999_999, tzinfo=UTC)
    assert part("second", MARCH.start, MARCH.start, MARCH, "UTC", end_at=morning) == (21_600, 2_678_400)
    assert part("second", MARCH.start, MARCH.end, MARCH, "UTC", start_at=morning) == (2_656_800, 2_678_400)
    assert part("day", MARCH.start, MARCH.start, MARCH, "UTC", end_at=morning) == (0, 31)


@pytest.mark.parametrize("proration", get_args(Proration))
def test_a_period_without_units_of_its_own_still_costs_its_price(proration: Proration) -> None:
    """Samoa left out 30 December 2011, and 31 January is no day where months have 30."""
    for day in (date(2011, 12, 30), date(2011, 12, 29), date(2026, 1, 30)):
        share, whole = part(
            proration, day, day + timedelta(days=1), Period(day, day + timedelta(days=1)), "Pacific/Apia"
        )
        assert share == whole > 0


@pytest.mark.parametrize("proration", get_args(Proration))
def test_a_part_lies_in_its_period(proration: Proration) -> None:
    for start, end in (("2026-02-28", "2026-03-05"), ("2026-03-05", "2026-04-02"), ("2026-03-05", "2026-03-04")):
        with pytest.raises(ValueError, match="no part of the period"):
            part(proration, date.fromisoformat(start), date.fromisoformat(end), MARCH, "UTC")
    late = datetime(2026, 4, 1, 0, 0, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="no part of the period"):
        part("second", MARCH.start, MARCH.end, MARCH, "UTC", end_at=late)


@given(PRORATIONS, ZONES, st.dates(date(2009, 1, 1), date(2029, 1, 1)), st.lists(st.integers(1, 200), min_size=1))
def test_the_parts_of_a_period_sum_to_its_whole_wherever_it_is_cut(
    proration: Proration, zone: str, start: date, lengths: list[int]
) -> None:
    cuts = [start]
    for length in lengths:
        cuts.append(cuts[-1] + timedelta(days=length))
    period = Period(start, cuts[-1])
    shares = [part(proration, *pair, period, zone) for pair in pairwise(cuts)]
    [whole] = {whole for _, whole in shares}
    assert sum(share for share, _ in shares) == whole > 0
    assert min(share for share, _ in shares) >= 0


@given(ZONES, st.lists(st.integers(0, 31 * 24 * 3600 * 10**6 - 2 * 3600 * 10**6), min_size=1))
def test_cuts_within_a_second_lose_none(zone: str, offsets: list[int]) -> None:
    first, last = first_instant(MARCH.start, zone), first_instant(MARCH.end, zone)
    cuts = [first, *(first + timedelta(microseconds=offset) for offset in sorted(offsets)), last]
    shares = [part("second", MARCH.start, MARCH.end, MARCH, zone, *pair) for pair in pairwise(cuts)]
    [whole] = {whole for _, whole in shares}
    assert sum(share for share, _ in shares) == whole
