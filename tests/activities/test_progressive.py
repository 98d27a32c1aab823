"""Progressive billing on real rows: usage is claimed once, and the regular document bills the difference."""

from datetime import UTC, date, datetime, timedelta

import pytest

from api.previews import next_document
from domain.commands import BillUsage, Cancel, Reactivate
from models.database import Database
from models.rated_line import claimed_events
from tests.activities.story import Story, everything, run, terms
from tests.activities.test_metered import METERS, depart, seats

LIMITS = [
    {"id": "first", "amount": "3000.00", "action": "invoice"},
    {"id": "second", "amount": "5000.00", "action": "invoice"},
]


def passed(story: Story, limit: str, day: date, starts_on: date = date(2013, 1, 1)) -> int:
    at = datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
    issued = story.apply(BillUsage(limit=limit, starts_on=starts_on), at)
    assert issued is not None
    return issued.total_minor


@pytest.fixture
def story(database: Database) -> Story:
    told = Story(database, terms(seats(), meters=METERS, usage_limits=LIMITS, reactivation_days=30))
    told.wake()
    return told


def assert_each_once(story: Story) -> None:
    with story.database.transaction() as session:
        counts = [len(event.rated_line_ids) for event in claimed_events(session)]
    assert set(counts) == {1}


def test_every_event_is_on_one_line_and_the_tiers_run_through(story: Story) -> None:
    """700 x 4.50; 1,000 x 4.50 + 200 x 4.10 less that; 300 x 4.10 more in the end."""
    depart(story, "e1", date(2013, 1, 3), seats=700)
    assert passed(story, "first", date(2013, 1, 4)) == 315_000
    depart(story, "e2", date(2013, 1, 5), seats=500)
    assert passed(story, "second", date(2013, 1, 6)) == 217_000
    depart(story, "e3", date(2013, 1, 20), seats=300)
    assert [one.total_minor for one in story.until(date(2013, 2, 1))] == [123_000]
    assert story.rows("SELECT kind, quantity FROM invoice_line ORDER BY quantity") == [
        ("usage", 700),
        ("adjustment", 1200),
        ("adjustment", 1500),
    ]
    assert_each_once(story)
    assert story.revenue() == {"2013-01": 655_000}
    assert story.balances() == {"receivable": 655_000, "revenue": -655_000}
    depart(story, "late", date(2013, 1, 21), seats=100)
    depart(story, "e4", date(2013, 2, 21), seats=10)
    assert [one.total_minor for one in story.until(date(2013, 3, 1))] == [45_500]
    assert_each_once(story)


def test_usage_dated_after_the_invoice_of_the_part_is_counted_with_it(story: Story) -> None:
    depart(story, "e1", date(2013, 1, 30), seats=700)
    assert passed(story, "first", date(2013, 1, 4)) == 315_000
    assert story.until(date(2013, 2, 1)) == []
    assert story.revenue() == {"2013-01": 315_000}


def test_the_step_done_again_is_the_same(story: Story) -> None:
    depart(story, "e1", date(2013, 1, 3), seats=700)
    passed(story, "first", date(2013, 1, 4))
    before = everything(story.database)
    depart(story, "e2", date(2013, 1, 5), seats=500)
    again = run(story.steps, story.decisions[-1])
    assert again is not None and again.total_minor == 315_000
    assert everything(story.database) == before


def test_a_contract_that_is_cancelled_and_taken_up_again_bills_no_call_twice(story: Story) -> None:
    depart(story, "e1", date(2013, 1, 3), seats=700)
    passed(story, "first", date(2013, 1, 4))
    depart(story, "e2", date(2013, 1, 5), seats=100)
    issued = story.apply(Cancel(when="now"), datetime(2013, 1, 10, tzinfo=UTC))
    assert issued is not None and issued.total_minor == 45_000
    story.apply(Reactivate(), datetime(2013, 1, 20, tzinfo=UTC))
    depart(story, "e3", date(2013, 1, 25), seats=100)
    assert [one.total_minor for one in story.until(date(2013, 2, 1))] == [45_000]
    assert_each_once(story)
    assert story.balances() == {"receivable": 405_000, "revenue": -405_000}


def test_a_long_period_goes_on_being_earned_month_by_month(database: Database) -> None:
    """A quarter: 700 billed in January, 300 in February at 4.50, 100 in March at 4.10; fees of each month between."""
    fee = {"id": "fee", "price": {"model": "flat", "amount": "10.00"}, "every": "month", "bill": "advance"}
    story = Story(database, terms(fee, seats(every="quarter"), meters=METERS, usage_limits=LIMITS))
    story.wake()
    depart(story, "e1", date(2013, 1, 3), seats=700)
    assert passed(story, "first", date(2013, 1, 4)) == 315_000
    depart(story, "e2", date(2013, 2, 3), seats=300)
    assert [one.total_minor for one in story.until(date(2013, 3, 1))] == [1_000, 1_000]
    assert story.balances(date(2013, 2, 28))["unbilled_receivable"] == 135_000
    depart(story, "e3", date(2013, 3, 3), seats=100)
    assert [one.total_minor for one in story.until(date(2013, 4, 1))] == [177_000]
    assert_each_once(story)
    assert story.revenue() == {"2013-01": 316_000, "2013-02": 136_000, "2013-03": 42_000}


def test_the_preview_of_the_period_is_the_difference(story: Story) -> None:
    depart(story, "e1", date(2013, 1, 3), seats=700)
    passed(story, "first", date(2013, 1, 4))
    depart(story, "e2", date(2013, 1, 5), seats=100)
    with story.database.transaction() as session:
        shown = next_document(session, story.state)
    assert shown is not None
    assert (shown.total.amount_minor, [line.kind for line in shown.lines]) == (45_000, ["adjustment"])
    assert story.until(date(2013, 2, 1))[0].total_minor == 45_000


def test_a_part_can_be_billed_at_any_instant_of_the_last_day(story: Story) -> None:
    depart(story, "e1", date(2013, 1, 31), seats=700, hour=1)
    at = datetime(2013, 2, 1, tzinfo=UTC) - timedelta(microseconds=1)
    issued = story.apply(BillUsage(limit="first", starts_on=date(2013, 1, 1)), at)
    assert issued is not None and issued.total_minor == 315_000
    assert story.until(date(2013, 2, 1)) == []
    assert story.revenue() == {"2013-01": 315_000}
