from datetime import date, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.interval import Length, Unit
from domain.period import (
    Every,
    Interval,
    Period,
    boundary,
    days_30_360,
    first_instant,
    period,
    period_index,
    regular_period,
)
from tests.domain.public_cases import case_name, public_cases

EVERY: st.SearchStrategy[Every | Interval] = st.one_of(
    st.sampled_from(get_args(Unit)),
    st.integers(1, 24).map(Interval),
    st.integers(1, 100).map(lambda count: Length(days=count)),
    st.integers(1, 60).map(lambda count: Length(weeks=count)),
    st.integers(1, 30).map(lambda count: Length(months=count)),
    st.integers(1, 12).map(lambda count: Length(quarters=count)),
    st.integers(1, 5).map(lambda count: Length(years=count)),
)
ORIGINS = st.dates(date(1999, 1, 1), date(2040, 12, 31))


def days(*texts: str) -> list[date]:
    return [date.fromisoformat(text) for text in texts]


@pytest.mark.parametrize(
    ("every", "anchor_day", "expected"),
    [
        ("month", None, days("2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30")),
        ("month", None, days("2024-01-30", "2024-02-29", "2024-03-30", "2024-04-30")),
        ("month", None, days("2025-03-31", "2025-04-30", "2025-05-31", "2025-06-30")),
        ("quarter", None, days("2025-11-30", "2026-02-28", "2026-05-30", "2026-08-30")),
        ("year", None, days("2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29")),
        ("year", None, days("2023-02-28", "2024-02-28", "2025-02-28")),
        ("month", 10, days("2021-01-01", "2021-01-10", "2021-02-10", "2021-03-10")),
        ("month", 31, days("2022-02-19", "2022-02-28", "2022-03-31", "2022-04-30")),
        ("month", 1, days("2024-03-05", "2024-04-01", "2024-05-01")),
        ("quarter", 1, days("2026-01-15", "2026-02-01", "2026-05-01", "2026-08-01")),
        ("day", None, days("2026-03-28", "2026-03-29", "2026-03-30")),
        ("week", None, days("2022-02-02", "2022-02-09", "2022-02-16", "2022-02-23")),
        (Length(months=6), None, days("2025-08-31", "2026-02-28", "2026-08-31", "2027-02-28")),
        (Length(months=6), 1, days("2026-01-15", "2026-02-01", "2026-08-01", "2027-02-01")),
        (Length(weeks=2), None, days("2026-02-20", "2026-03-06", "2026-03-20")),
        (Length(days=10), None, days("2026-02-15", "2026-02-25", "2026-03-07", "2026-03-17")),
        (Length(quarters=2), None, days("2026-01-31", "2026-07-31", "2027-01-31")),
        (Length(years=2), None, days("2024-02-29", "2026-02-28", "2028-02-29")),
        (Interval(months=2), None, days("2023-12-31", "2024-02-29", "2024-04-30", "2024-06-30")),
        (Interval(days=7), None, days("2022-02-02", "2022-02-09", "2022-02-16")),
        (Interval(days=10), None, days("2026-02-15", "2026-02-25", "2026-03-07")),
    ],
)
def test_boundaries_are_counted_from_the_anchor(
    every: Every | Interval, anchor_day: int | None, expected: list[date]
) -> None:
    origin = expected[0]
    assert [boundary(origin, every, k, anchor_day) for k in range(len(expected))] == expected


@pytest.mark.parametrize("case", public_cases("periods"), ids=case_name)
def test_the_public_cases_of_periods(case: dict[str, Any]) -> None:
    every = TypeAdapter[Every](Every).validate_python(case["every"])
    anchor = case.get("anchor_day"), case.get("anchor_month")
    boundaries = [boundary(case["start"], every, k, *anchor) for k in range(case["count"])]
    answers = {
        "boundaries": boundaries,
        "instants": [first_instant(day, case.get("timezone", "UTC")) for day in boundaries],
    }
    assert {key: answers[key] for key in case["expect"]} == case["expect"]


def test_an_anchor_day_that_the_month_clamps_makes_no_stub() -> None:
    """28 February is the 31st of its month as far as billing goes."""
    origin = date(2026, 2, 28)
    assert [boundary(origin, "month", k, 31) for k in range(3)] == days("2026-02-28", "2026-03-31", "2026-04-30")


@pytest.mark.parametrize(
    ("every", "anchor_day", "anchor_month", "expected"),
    [
        ("year", 1, 1, days("2026-03-15", "2027-01-01", "2028-01-01")),
        ("year", 15, 3, days("2026-03-15", "2027-03-15")),
        ("quarter", 1, 1, days("2026-03-15", "2026-04-01", "2026-07-01")),
        ("quarter", 31, 2, days("2026-03-31", "2026-05-31", "2026-08-31", "2026-11-30", "2027-02-28")),
    ],
)
def test_an_anchor_month_fixes_the_months_in_which_periods_start(
    every: Every, anchor_day: int, anchor_month: int, expected: list[date]
) -> None:
    origin = expected[0]
    assert [boundary(origin, every, k, anchor_day, anchor_month) for k in range(len(expected))] == expected


@pytest.mark.parametrize("every", ["day", "week", Length(weeks=2), Length(days=10), Interval(days=7)])
def test_periods_of_days_start_on_their_origin_whatever_the_anchor(every: Every | Interval) -> None:
    """A contract with an anchor may have a line by week: the anchor holds for the lines by months."""
    origin = date(2026, 1, 15)
    assert [boundary(origin, every, k, 1, 3) for k in range(9)] == [boundary(origin, every, k) for k in range(9)]
    assert regular_period(origin, every, 0, 1, 3) == period(origin, every, 0)
    assert period_index(origin, every, date(2026, 7, 1), 1, 3) == period_index(origin, every, date(2026, 7, 1))


def test_a_stub_is_measured_against_the_regular_period_that_ends_with_it() -> None:
    """5 to 31 March are 27 of the 31 days of 1 March to 1 April; the next period is regular itself."""
    origin = date(2024, 3, 5)
    assert period(origin, "month", 0, 1) == Period(date(2024, 3, 5), date(2024, 4, 1))
    assert period(origin, "month", 0, 1).days == 27
    assert regular_period(origin, "month", 0, 1) == Period(date(2024, 3, 1), date(2024, 4, 1))
    assert regular_period(origin, "month", 1, 1) == period(origin, "month", 1, 1)
    assert regular_period(date(2024, 2, 4), "month", 0, 1).days == 29


def test_a_day_lies_in_the_period_that_begins_on_it() -> None:
    origin = date(2026, 1, 31)
    assert period_index(origin, "month", date(2026, 2, 27)) == 0
    assert period_index(origin, "month", date(2026, 2, 28)) == 1
    with pytest.raises(ValueError, match="before the first period"):
        period_index(origin, "month", date(2026, 1, 30))


@pytest.mark.parametrize(
    ("every", "k", "anchor_day", "anchor_month"),
    [
        ("month", -1, None, None),
        ("month", 1, 0, None),
        ("month", 1, 32, None),
        ("year", 1, 1, 0),
        ("year", 1, 1, 13),
    ],
)
def test_a_boundary_that_means_nothing_is_refused(
    every: Every | Interval, k: int, anchor_day: int | None, anchor_month: int | None
) -> None:
    with pytest.raises(ValueError, match=r"periods|anchor"):
        boundary(date(2026, 1, 1), every, k, anchor_day, anchor_month)


@pytest.mark.parametrize(("months", "count"), [(0, 0), (1, 1), (-1, 0), (0, -7)])
def test_a_period_lasts_either_months_or_days(months: int, count: int) -> None:
    with pytest.raises(ValueError, match="months or of days"):
        Interval(months=months, days=count)


def test_a_period_holds_its_start_and_not_its_end() -> None:
    january = Period(date(2026, 1, 1), date(2026, 2, 1))
    assert date(2026, 1, 1) in january
    assert date(2026, 2, 1) not in january
    with pytest.raises(ValueError, match="must end after it starts"):
        Period(date(2026, 1, 1), date(2026, 1, 1))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-05-15", "2026-05-23", 8),
        ("2026-01-15", "2026-07-15", 180),
        ("2026-01-31", "2026-02-28", 28),
        ("2026-02-28", "2026-03-31", 32),
        ("2026-01-30", "2026-01-31", 0),
    ],
)
def test_months_of_30_days_count_a_31st_as_the_30th(start: str, end: str, expected: int) -> None:
    assert days_30_360(date.fromisoformat(start), date.fromisoformat(end)) == expected


@given(ORIGINS, EVERY, st.none() | st.integers(1, 31), st.none() | st.integers(1, 12), st.integers(0, 60))
def test_periods_tile(
    origin: date, every: Every | Interval, anchor_day: int | None, anchor_month: int | None, k: int
) -> None:
    this = period(origin, every, k, anchor_day, anchor_month)
    assert this.end == period(origin, every, k + 1, anchor_day, anchor_month).start
    for day in (this.start, this.start + (this.end - this.start) // 2, this.end - timedelta(days=1)):
        assert period_index(origin, every, day, anchor_day, anchor_month) == k


@given(ORIGINS, EVERY, st.integers(1, 31), st.none() | st.integers(1, 12))
def test_a_stub_is_part_of_its_regular_period_and_never_longer(
    origin: date, every: Every | Interval, anchor_day: int, anchor_month: int | None
) -> None:
    stub = period(origin, every, 0, anchor_day, anchor_month)
    regular = regular_period(origin, every, 0, anchor_day, anchor_month)
    assert regular.end == stub.end
    assert regular.start <= stub.start


@given(ORIGINS, st.integers(28, 31), st.integers(1, 48))
def test_monthly_boundaries_stay_on_the_anchor_day_or_the_last_of_the_month(
    origin: date, anchor_day: int, k: int
) -> None:
    day = boundary(origin, "month", k, anchor_day)
    assert day.day == anchor_day or (day.day < anchor_day and (day + timedelta(days=1)).day == 1)
