from datetime import date, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.schedule import Method, StatedMethod, by_month, recognized
from tests.domain.public_cases import case_name, minor, public_cases

AMOUNTS = st.integers(-(10**15), 10**15)
STARTS = st.dates(date(2019, 1, 1), date(2029, 12, 31))
LENGTHS = st.integers(1, 1500).map(lambda days: timedelta(days=days))
METHODS = st.sampled_from(get_args(Method))
STATED: TypeAdapter[Method] = TypeAdapter(StatedMethod)


def by_name(months: dict[date, int]) -> dict[str, int]:
    return {f"{month:%Y-%m}": minor for month, minor in months.items()}


@pytest.mark.parametrize(
    ("until", "minor"),
    [("2026-01-01", 0), ("2026-01-15", 0), ("2026-01-16", 100), ("2026-02-01", 1700), ("2026-02-15", 3100)],
)
def test_a_day_is_earned_when_it_is_over(until: str, minor: int) -> None:
    """31.00 from 15 January to 15 February are 1.00 a day."""
    start, end = date(2026, 1, 15), date(2026, 2, 15)
    assert recognized(3100, start, end, date.fromisoformat(until)) == minor


def test_all_is_earned_from_the_end_on() -> None:
    assert recognized(1001, date(2026, 1, 1), date(2026, 1, 4), date(2027, 1, 1)) == 1001


def test_a_schedule_without_days_is_refused() -> None:
    with pytest.raises(ValueError, match="must end after it starts"):
        recognized(100, date(2026, 1, 1), date(2026, 1, 1), date(2026, 1, 2))
    with pytest.raises(ValueError, match="must end after it starts"):
        by_month(100, date(2026, 1, 2), date(2026, 1, 1))


def test_a_year_from_mid_month_by_day() -> None:
    """1200.00 over 365 days: 17 days of January are 55.890.., by the end of February 45 are 147.945.., and so on."""
    months = by_name(by_month(120000, date(2026, 1, 15), date(2027, 1, 15), "daily"))
    assert months == {
        "2026-01": 5589,
        "2026-02": 9206,
        "2026-03": 10191,
        "2026-04": 9863,
        "2026-05": 10192,
        "2026-06": 9863,
        "2026-07": 10192,
        "2026-08": 10192,
        "2026-09": 9863,
        "2026-10": 10191,
        "2026-11": 9863,
        "2026-12": 10192,
        "2027-01": 4603,
    }


def test_a_leap_year_has_366_days() -> None:
    """29 of 366 days of 1200.00 are 95.08."""
    months = by_name(by_month(120000, date(2023, 7, 1), date(2024, 7, 1), "daily"))
    assert months["2024-02"] == 9508
    assert months["2024-01"] == 10164


@pytest.mark.parametrize(
    ("amount", "end", "shares"),
    [
        (1000, "2026-04-01", [333, 334, 333]),
        (-10000, "2026-04-01", [-3333, -3334, -3333]),
        (1, "2026-03-01", [1, 0]),
    ],
)
def test_over_time_the_odd_unit_falls_where_the_running_total_rounds(amount: int, end: str, shares: list[int]) -> None:
    months = by_month(amount, date(2026, 1, 1), date.fromisoformat(end), "monthly_even")
    assert list(months.values()) == shares


def test_even_months_are_those_begun_before_the_end() -> None:
    """Shares begin on 15 June, July, August and September; October's would begin after the end."""
    months = by_name(by_month(12000, date(2026, 6, 15), date(2026, 10, 13), "monthly_even"))
    assert months == {"2026-06": 3000, "2026-07": 3000, "2026-08": 3000, "2026-09": 3000}


def test_even_months_from_the_31st_fall_one_in_each_month() -> None:
    months = by_name(by_month(300, date(2026, 1, 31), date(2026, 4, 1), "monthly_even"))
    assert months == {"2026-01": 100, "2026-02": 100, "2026-03": 100}


@pytest.mark.parametrize(
    ("amount", "start", "end", "shares"),
    [
        # 15 of 30 days weigh 0.5 beside a whole month; 7 of 28 weigh 0.25.
        (17500, "2025-11-16", "2026-01-01", [5833, 11667]),
        (12500, "2026-01-01", "2026-02-08", [10000, 2500]),
        # Whole months weigh the same, whatever their days.
        (100000, "2026-01-01", "2026-08-01", [14286, 14285, 14286, 14286, 14286, 14285, 14286]),
    ],
)
def test_a_part_month_weighs_its_days_over_that_months(amount: int, start: str, end: str, shares: list[int]) -> None:
    months = by_month(amount, date.fromisoformat(start), date.fromisoformat(end), "monthly_prorated")
    assert list(months.values()) == shares


def test_in_months_of_30_days_a_part_ends_on_the_first_of_the_next() -> None:
    """15 January to 15 July are 180 days: 16 in January, 30 a month, 14 in July."""
    months = by_name(by_month(120000, date(2026, 1, 15), date(2026, 7, 15), "30_360"))
    assert months == {
        "2026-01": 10667,
        "2026-02": 20000,
        "2026-03": 20000,
        "2026-04": 20000,
        "2026-05": 20000,
        "2026-06": 20000,
        "2026-07": 9333,
    }


def test_a_span_without_days_by_its_count_is_earned_in_its_month() -> None:
    assert by_name(by_month(500, date(2026, 1, 30), date(2026, 1, 31), "30_360")) == {"2026-01": 500}


@pytest.mark.parametrize("case", public_cases("schedule"), ids=case_name)
def test_the_public_cases_of_schedules(case: dict[str, Any]) -> None:
    method = STATED.validate_python(case["method"])
    months = by_name(by_month(minor(case["amount"], case), case["from"], case["to"], method))
    expected = {month: minor(amount, case) for month, amount in case["expect"]["months"].items()}
    assert {month: months[month] for month in expected} == expected


def test_months_of_30_days_are_read_where_yaml_makes_a_number_of_their_name() -> None:
    assert STATED.validate_python(30360) == "30_360"
    assert STATED.validate_python("30_360") == "30_360"
    with pytest.raises(ValidationError, match="'daily', 'monthly_even', 'monthly_prorated' or '30_360'"):
        STATED.validate_python(360)


@pytest.mark.parametrize(
    ("start", "end", "shares"),
    [
        # 30 and 31 January are one day; February has 30.
        ("2026-01-30", "2026-03-01", [100, 3000]),
        # February ends on 1 March, 3 days after its 28th; from 1 to 31 March, which counts as the 30th, are 29.
        ("2026-02-28", "2026-03-31", [300, 2900]),
    ],
)
def test_in_months_of_30_days_the_end_of_february_is_not_moved(start: str, end: str, shares: list[int]) -> None:
    first, last = date.fromisoformat(start), date.fromisoformat(end)
    assert list(by_month(sum(shares), first, last, "30_360").values()) == shares


@given(AMOUNTS, STARTS, LENGTHS, METHODS)
def test_months_sum_to_the_amount(amount: int, start: date, length: timedelta, method: Method) -> None:
    assert sum(by_month(amount, start, start + length, method).values()) == amount


@given(AMOUNTS, STARTS, LENGTHS, METHODS)
def test_a_negative_amount_is_the_mirror_image(amount: int, start: date, length: timedelta, method: Method) -> None:
    months = by_month(amount, start, start + length, method)
    assert by_month(-amount, start, start + length, method) == {month: -minor for month, minor in months.items()}


@given(AMOUNTS.map(abs), STARTS, LENGTHS, METHODS)
def test_revenue_never_goes_back(amount: int, start: date, length: timedelta, method: Method) -> None:
    assert min(by_month(amount, start, start + length, method).values()) >= 0


@given(AMOUNTS, STARTS, LENGTHS)
def test_daily_months_are_what_is_earned_between_their_first_days(amount: int, start: date, length: timedelta) -> None:
    end = start + length
    earned = 0
    for month, share in by_month(amount, start, end, "daily").items():
        earned += share
        next_month = (month + timedelta(days=31)).replace(day=1)
        assert recognized(amount, start, end, next_month) == earned


@given(AMOUNTS, STARTS, LENGTHS, st.data())
def test_a_plan_made_anew_from_what_is_posted_keeps_within_a_unit_and_ends_exactly(
    amount: int, start: date, length: timedelta, data: st.DataObject
) -> None:
    end = start + length
    cut = data.draw(st.dates(start, end - timedelta(days=1)))
    day = data.draw(st.dates(cut, end))
    posted = recognized(amount, start, end, cut)
    planned = posted + recognized(amount - posted, cut, end, day)
    assert abs(planned - recognized(amount, start, end, day)) <= 1
    assert posted + recognized(amount - posted, cut, end, end) == amount
