from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.revenue import Earning, Schedule, by_day, conclude, earn, earn_on, earned_by, month_starts

JANUARY, FEBRUARY, MARCH = date(2013, 1, 1), date(2013, 2, 1), date(2013, 3, 1)


def schedule(amount_minor: int, start: date, end: date, **more: object) -> Schedule:
    values: dict[str, object] = {
        "id": "sch_1",
        "line_id": "plan",
        "basis": "position",
        "method": "daily",
        "starts_on": start,
        "ends_on": end,
        "amount_minor": amount_minor,
        "recognized_minor": 0,
        "recognized_through": start,
        **more,
    }
    return Schedule(**values)  # type: ignore[arg-type]


def test_a_stretch_across_months_counts_on_the_last_day_of_each_part() -> None:
    """31,000 over 31 days from 15 January: 17 days, then 14."""
    done, earnings = earn(schedule(31_000, date(2013, 1, 15), date(2013, 2, 15)), date(2013, 2, 15))
    assert earnings == [
        Earning("plan", "position", date(2013, 1, 31), 17_000),
        Earning("plan", "position", date(2013, 2, 14), 14_000),
    ]
    assert done.recognized_minor == 31_000


def test_nothing_is_earned_twice() -> None:
    half, first = earn(schedule(31_000, JANUARY, FEBRUARY), date(2013, 1, 16))
    assert [earning.amount_minor for earning in first] == [15_000]
    again, none = earn(half, date(2013, 1, 16))
    assert (again, none) == (half, [])
    assert earn(half, date(2013, 1, 10)) == (half, [])


def test_an_amount_that_has_grown_posts_the_difference_on_the_new_days() -> None:
    before, _ = earn(schedule(10_000, JANUARY, FEBRUARY, basis="unbilled"), FEBRUARY)
    grown = schedule(
        19_000, JANUARY, MARCH, basis="unbilled", recognized_minor=before.recognized_minor, recognized_through=FEBRUARY
    )
    assert earn(grown, MARCH)[1] == [Earning("plan", "unbilled", date(2013, 2, 28), 9_000)]


def test_usage_counts_whole_at_its_end_and_by_its_parts_before() -> None:
    used = schedule(900, date(2013, 1, 15), date(2013, 3, 15), method="as_used", parts=((FEBRUARY, 200), (MARCH, 500)))
    assert [earned_by(used, day) for day in (date(2013, 1, 31), FEBRUARY, date(2013, 2, 28), MARCH)] == [
        0,
        200,
        200,
        500,
    ]
    assert [(earning.on, earning.amount_minor) for earning in earn(used, date(2013, 3, 15))[1]] == [
        (date(2013, 1, 31), 200),
        (date(2013, 2, 28), 300),
        (date(2013, 3, 14), 400),
    ]


def test_what_is_left_is_earned_on_the_day_it_ends() -> None:
    half, _ = earn(schedule(31_000, JANUARY, FEBRUARY), date(2013, 1, 16))
    done, earnings = conclude(half, date(2013, 1, 16))
    assert earnings == [Earning("plan", "position", date(2013, 1, 16), 16_000)]
    assert conclude(done, date(2013, 1, 16))[1] == []


def test_a_charge_and_its_credit_leave_no_line_on_a_day() -> None:
    charge, credit = schedule(500, JANUARY, FEBRUARY), schedule(-500, JANUARY, FEBRUARY)
    assert by_day([*earn(charge, FEBRUARY)[1], *earn(credit, FEBRUARY)[1]]) == {}


def test_months_begin_strictly_between_two_days() -> None:
    assert list(month_starts(JANUARY, date(2013, 4, 1))) == [FEBRUARY, MARCH]
    assert list(month_starts(date(2013, 1, 31), FEBRUARY)) == []
    assert list(month_starts(date(2012, 12, 31), date(2013, 1, 2))) == [JANUARY]


def test_what_is_measured_anew_posts_the_difference_to_the_month_it_concerns() -> None:
    """50 by 1 February; then 62 by 1 February and 92 by 1 March."""
    used = schedule(5_000, JANUARY, FEBRUARY, method="as_used", basis="unbilled", billed=False)
    before, first = earn(used, FEBRUARY)
    assert first == [Earning("plan", "unbilled", date(2013, 1, 31), 5_000)]
    grown = replace(before, ends_on=MARCH, amount_minor=9_200, parts=((FEBRUARY, 6_200),))
    after, second = earn(grown, MARCH)
    assert second == [
        Earning("plan", "unbilled", date(2013, 1, 31), 1_200),
        Earning("plan", "unbilled", date(2013, 2, 28), 3_000),
    ]
    assert (after.recognized_minor, after.posted) == (9_200, ((FEBRUARY, 6_200), (MARCH, 9_200)))


def test_a_stretch_that_is_cut_shorter_takes_back_what_was_beyond_its_end() -> None:
    """31.00 and 28.00, of which the first 10 days are left."""
    whole, _ = earn(schedule(5_900, JANUARY, MARCH, basis="unbilled"), MARCH)
    short = replace(whole, ends_on=date(2013, 1, 11), amount_minor=1_000)
    assert earn(short, MARCH)[1] == [
        Earning("plan", "unbilled", date(2013, 1, 10), -2_100),
        Earning("plan", "unbilled", date(2013, 2, 28), -2_800),
    ]


def test_even_months_are_given_day_by_day_within_each_month() -> None:
    """100.00 in three even months from 1 January: 33.33 by February, of which 16 of 31 days are 17.20."""
    even = schedule(10_000, JANUARY, date(2013, 4, 1), method="monthly_even")
    days = [JANUARY, date(2013, 1, 17), FEBRUARY, MARCH, date(2013, 4, 1)]
    assert [earned_by(even, day) for day in days] == [0, 1_720, 3_333, 6_667, 10_000]


def test_part_months_are_weighed_by_their_days() -> None:
    """150.00 from 16 January to 1 April: 16/31 + 2 months; January gets 150.00 x 0.516 / 2.516 = 30.77."""
    part = schedule(15_000, date(2013, 1, 16), date(2013, 4, 1), method="monthly_prorated")
    assert [earned_by(part, day) for day in (FEBRUARY, MARCH, date(2013, 4, 1))] == [3_077, 9_038, 15_000]


def test_what_is_delivered_counts_from_its_day_on_and_never_before() -> None:
    work = schedule(
        10_000,
        JANUARY,
        FEBRUARY,
        method="percent_complete",
        progress=((date(2013, 1, 20), "30"), (date(2013, 2, 10), "75.5")),
    )
    days = [date(2013, 1, 20), date(2013, 1, 21), date(2013, 2, 10), date(2013, 2, 11)]
    assert [earned_by(work, day) for day in days] == [0, 3_000, 3_000, 7_550]
    whole = replace(work, method="at_delivery")
    assert earned_by(whole, MARCH) == 0
    assert earned_by(replace(whole, progress=((JANUARY, "100"),)), date(2013, 1, 2)) == 10_000


def test_what_is_immediate_is_earned_on_its_first_day() -> None:
    at_once = schedule(500, JANUARY, date(2013, 1, 2), method="immediately")
    assert (earned_by(at_once, date(2012, 12, 31)), earned_by(at_once, JANUARY)) == (0, 500)


def test_all_that_is_new_may_count_on_one_day() -> None:
    _, earnings = earn_on(schedule(5_900, JANUARY, MARCH), date(2013, 2, 11), date(2013, 2, 11))
    assert earnings == [Earning("plan", "position", date(2013, 2, 11), 4_100)]


@given(
    amount=st.integers(-(10**9), 10**9),
    start=st.dates(date(2012, 1, 1), date(2014, 12, 31)),
    days=st.integers(1, 800),
    steps=st.lists(st.integers(0, 900), max_size=8),
)
def test_however_often_it_is_recognised_the_parts_sum_to_the_whole(
    amount: int, start: date, days: int, steps: list[int]
) -> None:
    running, total = schedule(amount, start, start + timedelta(days=days)), 0
    for step in [*sorted(steps), 900]:
        running, earnings = earn(running, start + timedelta(days=step))
        total += sum(earning.amount_minor for earning in earnings)
        assert total == running.recognized_minor
        months = [earning.on.isoformat()[:7] for earning in earnings]
        assert len(months) == len(set(months))
    assert total == amount
