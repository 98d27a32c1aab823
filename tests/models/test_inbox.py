from datetime import UTC, datetime, timedelta

from models.database import Database
from models.inbox import WebhookEvent, bump_try, insert_event, mark_handled, pending

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def event(event_id: str) -> WebhookEvent:
    return WebhookEvent(id=event_id, type="payment_intent.succeeded", object_id="pi_1", payload={}, received_at=NOON)


def insert(database: Database, *event_ids: str) -> None:
    for event_id in event_ids:
        with database.transaction() as session:
            assert insert_event(session, event(event_id))


def pending_ids(database: Database, *, limit: int = 10, not_before: datetime = NOON) -> list[str]:
    with database.transaction() as session:
        return [found.id for found in pending(session, limit=limit, not_before=not_before)]


def test_events_wait_in_the_order_they_came(database: Database) -> None:
    insert(database, "evt_b", "evt_a", "evt_c")
    assert pending_ids(database) == ["evt_b", "evt_a", "evt_c"]
    assert pending_ids(database, limit=2) == ["evt_b", "evt_a"]


def test_a_handled_event_waits_no_more_and_its_first_outcome_stays(database: Database) -> None:
    insert(database, "evt_a", "evt_b")
    with database.transaction() as session:
        mark_handled(session, "evt_a", "signalled", NOON)
        mark_handled(session, "evt_a", "ignored", NOON + timedelta(hours=1))

    assert pending_ids(database) == ["evt_b"]
    with database.transaction() as session:
        settled = session.get_one(WebhookEvent, "evt_a")
    assert (settled.outcome, settled.handled_at) == ("signalled", NOON)


def test_a_tried_event_is_left_alone_until_the_sweep_reaches_back_to_its_try(database: Database) -> None:
    insert(database, "evt_a")
    with database.transaction() as session:
        bump_try(session, "evt_a", NOON)

    assert pending_ids(database, not_before=NOON - timedelta(seconds=1)) == []
    assert pending_ids(database, not_before=NOON) == ["evt_a"]
    with database.transaction() as session:
        assert session.get_one(WebhookEvent, "evt_a").tries == 1


def test_two_dispatchers_share_the_events(database: Database) -> None:
    insert(database, "evt_a", "evt_b", "evt_c")
    with database.transaction() as one:
        assert [found.id for found in pending(one, limit=2, not_before=NOON)] == ["evt_a", "evt_b"]
        assert pending_ids(database) == ["evt_c"]


def test_an_event_is_inserted_once(database: Database) -> None:
    insert(database, "evt_a")
    assert not database.run(lambda session: insert_event(session, event("evt_a")))
    assert pending_ids(database) == ["evt_a"]
