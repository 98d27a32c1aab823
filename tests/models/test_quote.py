"""Quotes in lists, and the limits that hold."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from domain.quote_approval import ApprovalLimits
from models.customer import Customer
from models.database import Database
from models.quote import find_by_link, insert_quote, limits_now, list_quotes, mark_started, set_limits
from tests.domain.offered import AT, LIMITS, draft


def stored(database: Database, quote_id: str, customer_id: str, status: str = "draft") -> None:
    state = replace(draft(), quote_id=quote_id, customer_id=customer_id, status=status)  # type: ignore[arg-type]
    with database.transaction() as session:
        if session.get(Customer, customer_id) is None:
            customer = Customer(
                id=customer_id, key=customer_id, name=customer_id, labels={}, created_at=AT, updated_at=AT
            )
            session.add(customer)
            session.flush()
        assert insert_quote(session, state, clock_id=None, at=AT)
        assert not insert_quote(session, state, clock_id=None, at=AT + timedelta(days=1))


def test_quotes_are_listed_newest_first_and_by_customer_and_status(database: Database) -> None:
    stored(database, "quo_1", "cus_1")
    stored(database, "quo_2", "cus_2", "sent")
    stored(database, "quo_3", "cus_1", "sent")
    with database.transaction() as session:
        found = list_quotes(session, after=None, limit=2)
        assert [row.id for row in found] == ["quo_3", "quo_2"]
        assert [row.id for row in list_quotes(session, after=found[-1].sequence, limit=2)] == ["quo_1"]
        assert [row.id for row in list_quotes(session, after=None, limit=9, customer_id="cus_1")] == ["quo_3", "quo_1"]
        assert [row.id for row in list_quotes(session, after=None, limit=9, status="sent")] == ["quo_3", "quo_2"]
        assert find_by_link(session, "no such link") is None


def test_the_first_start_of_a_workflow_stays_noted(database: Database) -> None:
    stored(database, "quo_1", "cus_1")
    with database.transaction() as session:
        mark_started(session, "quo_1", AT)
        mark_started(session, "quo_1", AT + timedelta(days=1))
        assert list_quotes(session, after=None, limit=1)[0].workflow_started_at == AT


def test_the_latest_limits_hold_and_before_the_first_there_are_none(database: Database) -> None:
    with database.transaction() as session:
        assert limits_now(session) == ApprovalLimits()
        set_limits(session, LIMITS, by="key_1", at=AT)
        set_limits(session, ApprovalLimits(discount_percent_max=Decimal("12.5")), by="key_1", at=AT)
    with database.transaction() as session:
        assert limits_now(session) == ApprovalLimits(discount_percent_max=Decimal("12.5"))
