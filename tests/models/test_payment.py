from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from models.database import Database, violated_constraint
from models.inbox import WebhookEvent, insert_event
from models.payment import (
    Payment,
    PaymentAttempt,
    attempt_of,
    attempts_of,
    events_handled,
    last_event,
    list_payments,
    lock_payment,
)
from tests.activities.story import Story, line, per_unit, terms

AT = datetime(2013, 1, 1, tzinfo=UTC)


@pytest.fixture
def invoice_id(database: Database) -> str:
    issued = Story(database, terms(line("plan", per_unit("100.00")))).wake()
    assert issued is not None and issued.invoice_id is not None
    return issued.invoice_id


def payment(invoice_id: str, **more: Any) -> Payment:
    values: dict[str, Any] = {
        "id": "pay_1",
        "invoice_id": invoice_id,
        "contract_id": "con_1",
        "customer_id": "cus_1",
        "gateway": "stripe",
        "currency": "USD",
        "amount_minor": 10_000,
        "created_at": AT,
        **more,
    }
    return Payment(**values)


def add(database: Database, row: Payment | PaymentAttempt) -> None:
    with database.transaction() as session:
        session.add(row)


def test_an_invoice_has_one_payment(database: Database, invoice_id: str) -> None:
    add(database, payment(invoice_id))
    with pytest.raises(DBAPIError) as raised:
        add(database, payment(invoice_id, id="pay_2"))
    assert violated_constraint(raised.value) == "uq_payment_invoice_id"


def test_a_payment_is_for_an_invoice_that_exists_and_an_amount(database: Database, invoice_id: str) -> None:
    with pytest.raises(DBAPIError) as raised:
        add(database, payment("inv_unknown"))
    assert violated_constraint(raised.value) == "fk_payment_invoice_id_invoice"
    with pytest.raises(DBAPIError) as raised:
        add(database, payment(invoice_id, amount_minor=0))
    assert violated_constraint(raised.value) == "ck_payment_amount_positive"


def test_an_attempt_has_one_number(database: Database, invoice_id: str) -> None:
    add(database, payment(invoice_id, attempt=2))
    for number in (2, 1):
        add(database, PaymentAttempt(payment_id="pay_1", number=number, status="created", business_at=AT))
    with pytest.raises(DBAPIError) as raised:
        add(database, PaymentAttempt(payment_id="pay_1", number=1, status="sent", business_at=AT))
    assert violated_constraint(raised.value) == "pk_payment_attempt"
    with database.transaction() as session:
        assert [attempt.number for attempt in attempts_of(session, "pay_1")] == [1, 2]
        held = lock_payment(session, invoice_id)
        assert held is not None
        latest = attempt_of(session, held, held.attempt)
        assert latest is not None and latest.number == 2


def test_payments_are_listed_by_what_they_belong_to(database: Database, invoice_id: str) -> None:
    add(database, payment(invoice_id))
    with database.transaction() as session:
        assert [found.id for found in list_payments(session, after=None, limit=5, contract_id="con_1")] == ["pay_1"]
        assert list_payments(session, after=None, limit=5, status="succeeded") == []


def test_events_are_handled_up_to_the_newest_that_was_seen(database: Database) -> None:
    with database.transaction() as session:
        assert last_event(session) == 0
        for number, object_id in enumerate(("pi_1", "pi_2", "pi_1"), start=1):
            event = WebhookEvent(id=f"evt_{number}", type="t", object_id=object_id, payload={}, received_at=AT)
            insert_event(session, event)
        events_handled(session, {"pi_1"}, up_to=last_event(session) - 1, outcome="seen", at=AT)
    with database.transaction() as session:
        handled = [session.get_one(WebhookEvent, f"evt_{number}").outcome for number in (1, 2, 3)]
        assert handled == ["seen", None, None]
