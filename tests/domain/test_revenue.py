from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.revenue import Earning, Schedule, by_day, conclude, earn, earned_by, month_starts

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
