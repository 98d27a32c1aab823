"""Usage that comes late, on real rows: within the grace time, on the closing invoice, and after everything."""

from datetime import UTC, date, datetime

from api.previews import next_document
from domain.commands import Cancel, Recognise
from domain.due import next_due
from models.database import Database
from models.usage_unbilled import unbilled
from models.usage_voiding import EventKey, void
from tests.activities.story import Story, line, run, terms
from tests.activities.test_metered import METERS, depart, seats

ENDED = {"months": 1}


def test_what_comes_within_the_grace_time_is_claimed_once_with_its_period(database: Database) -> None:
    """700 + 100 seats at 4.50; the 200 that came on 5 February are 900.00 on March's document."""
    story = Story(database, terms(seats(), meters=METERS, usage_grace_hours=72))
    depart(story, "e1", date(2013, 1, 3), seats=700)
    assert story.until(date(2013, 2, 1)) == []
    depart(story, "e2", date(2013, 1, 31), seats=100)
    [issued] = story.until(date(2013, 2, 4))
    assert issued.total_minor == 360_000
    depart(story, "e3", date(2013, 1, 31), seats=200)
    assert [one.total_minor for one in story.until(date(2013, 3, 4))] == [90_000]
    assert story.rows("SELECT issued_on FROM invoice ORDER BY document") == [(date(2013, 2, 4),), (date(2013, 3, 4),)]
    assert story.rows("SELECT kind, period_start FROM invoice_line ORDER BY kind") == [
        ("adjustment", date(2013, 1, 1)),
        ("usage", date(2013, 1, 1)),
    ]
    assert story.revenue() == {"2013-01": 450_000}


def test_a_document_that_waits_is_read_back_as_it_was(database: Database) -> None:
    """28.00 for February is revenue by day before its document is there: 2.00 by the 3rd."""
    fee = line("fee", {"model": "flat", "amount": "28.00"})
    story = Story(database, terms(fee, seats(), meters=METERS, usage_grace_hours=72))
    depart(story, "e1", date(2013, 1, 3), seats=10)
    story.until(date(2013, 2, 1))
    story.apply(Recognise(through=date(2013, 2, 3)), datetime(2013, 2, 3, tzinfo=UTC))
    assert story.balances() == {"receivable": 2_800, "unbilled_receivable": 4_700, "revenue": -7_500}
    [issued] = story.until(date(2013, 2, 4))
    assert issued.total_minor == 7_300
    assert run(story.steps, story.decisions[-1]) == issued
    assert story.balances()["receivable"] == 10_100
    story.apply(Recognise(through=date(2013, 3, 1)), datetime(2013, 3, 1, tzinfo=UTC))
    assert story.balances() == {"receivable": 10_100, "revenue": -10_100}


def test_the_preview_has_the_date_on_which_the_document_will_be_issued(database: Database) -> None:
    story = Story(database, terms(seats(), meters=METERS, usage_grace_hours=72))
    depart(story, "e1", date(2013, 1, 3), seats=10)
    story.wake()
    for _ in ("before the boundary", "while it waits"):
        with database.transaction() as session:
            shown = next_document(session, story.state)
        assert shown is not None
        assert (shown.issued_on, shown.total.amount_minor) == (date(2013, 2, 4), 4_500)
        story.until(date(2013, 2, 1))


def test_a_cancelled_contract_lets_later_usage_go_before_its_last_document(database: Database) -> None:
    story = Story(database, terms(seats(), meters=METERS, usage_grace_hours=24))
    depart(story, "e1", date(2013, 1, 16), seats=100, hour=11)
    depart(story, "after", date(2013, 1, 20), seats=100)
    story.wake()
    assert story.apply(Cancel(when="now"), datetime(2013, 1, 16, 12, tzinfo=UTC)) is None
    assert story.rows("SELECT contract_id FROM usage_event WHERE event_id = 'after'") == [(None,)]
    due = next_due(story.state)
    assert due is not None and due.at == datetime(2013, 1, 17, 12, tzinfo=UTC)
    issued = story.wake()
    assert issued is not None and issued.total_minor == 45_000
    assert story.state.ended


def test_late_usage_is_on_the_closing_invoice_and_in_the_list_after_it(database: Database) -> None:
    story = Story(database, terms(seats(), meters=METERS, term=ENDED, late_usage_days=30))
    depart(story, "e1", date(2013, 1, 3), seats=100)
    assert [one.total_minor for one in story.until(date(2013, 2, 1))] == [45_000]
    depart(story, "late", date(2013, 1, 4), seats=10)
    with database.transaction() as session:
        # It waits for the closing invoice.
        assert unbilled(session) == []
    assert [one.total_minor for one in story.until(date(2013, 3, 3))] == [4_500]
    depart(story, "too late", date(2013, 1, 5), seats=20)
    depart(story, "after the end", date(2013, 2, 5), seats=20)
    with database.transaction() as session:
        assert [(row.event_id, row.contract_id) for row in unbilled(session)] == [("too late", "con_1")]
        assert unbilled(session, contract_id="con_2") == []
    assert story.revenue() == {"2013-01": 49_500}
    assert story.balances() == {"receivable": 49_500, "revenue": -49_500}


def test_without_a_closing_invoice_what_came_late_is_in_the_list(database: Database) -> None:
    story = Story(database, terms(seats(), meters=METERS, term=ENDED))
    depart(story, "e1", date(2013, 1, 3), seats=100)
    story.until(date(2013, 2, 1))
    assert story.state.ended
    for number in range(3):
        depart(story, f"late {number}", date(2013, 1, 4), seats=10)
    with database.transaction() as session:
        first = unbilled(session, limit=2)
        assert [row.event_id for row in first] == ["late 0", "late 1"]
        assert [row.event_id for row in unbilled(session, after=first[-1].seq)] == ["late 2"]


def test_what_was_voided_after_the_last_invoice_is_in_the_list(database: Database) -> None:
    story = Story(database, terms(seats(), meters=METERS, term=ENDED))
    depart(story, "e1", date(2013, 1, 3), seats=100)
    depart(story, "e2", date(2013, 1, 4), seats=100)
    story.until(date(2013, 2, 1))
    with database.transaction() as session:
        assert unbilled(session) == []
        void(session, [EventKey("test", "e2")])
    depart(story, "late", date(2013, 1, 5), seats=100)
    with database.transaction() as session:
        void(session, [EventKey("test", "late")])
        assert [(row.event_id, row.voided) for row in unbilled(session)] == [("e2", True)]


def test_late_usage_of_a_running_contract_is_not_in_the_list(database: Database) -> None:
    story = Story(database, terms(seats(), meters=METERS))
    depart(story, "e1", date(2013, 1, 3), seats=100)
    story.until(date(2013, 2, 1))
    depart(story, "late", date(2013, 1, 4), seats=10)
    with database.transaction() as session:
        assert unbilled(session) == []
