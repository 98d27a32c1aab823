"""What was stored before a contract had books is valid afterwards, and is found in them."""

from collections.abc import Iterator
from datetime import date
from uuid import uuid4

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from domain.books import CustomerCredit, Schedule
from models.books import load
from models.database import Database
from models.migrations import alembic_config, migrate
from tests.conftest import execute, with_database

EARLIER = """
    INSERT INTO customer (id, key, name, metadata, created_at, updated_at)
    VALUES ('cus_1', 'b6', 'B6', '{}', now(), now());
    INSERT INTO contract (
      id, customer_id, currency, status, version, decided, terms, state, starts_at, mrr_minor, created_at
    ) VALUES ('con_1', 'cus_1', 'USD', 'active', 1, 3, '{}', '{}', now(), 0, now());
    INSERT INTO invoice (
      id, legal_entity, kind, number, contract_id, customer_id, document, input_hash, currency, issued_on, issued_at,
      due_on, due_at, net_minor, tax_minor, total_minor, credited_minor, credit_applied_minor, paid_minor,
      written_off_minor, status, corrects_invoice_id, taxes
    )
    SELECT d.id, 'main', d.kind, d.id, 'con_1', 'cus_1', d.document, 'hash', 'USD', DATE '2013-01-01', now(),
      DATE '2013-01-01', now(), 1000, 0, 1000, 0, 0, d.paid, 0, d.status, d.corrects, '[]'
    FROM (VALUES
      ('inv_1', 'invoice', 1, 1000, 'paid', NULL), ('inv_2', 'credit_note', 2, 0, 'issued', 'inv_1')
    ) AS d (id, kind, document, paid, status, corrects);
    INSERT INTO invoice_line (
      id, invoice_id, position, line_id, kind, description, period_start, period_end, quantity, net_minor, tax_minor,
      steps
    )
    SELECT 'il_' || n, 'inv_1', n, 'calls', 'usage', 'Calls', DATE '2013-01-01', DATE '2013-02-01', 1, 500, 0, '[]'
    FROM generate_series(1, 2) AS n;
    INSERT INTO revenue_schedule (
      id, contract_id, line_id, invoice_line_id, basis, method, starts_on, ends_on, amount_minor, recognized_minor,
      recognized_through, billed
    ) VALUES (
      'sch_1', 'con_1', 'calls', 'il_1', 'unbilled', 'as_used', '2013-01-01', '2013-02-01', 500, 500, '2013-02-01', true
    );
    INSERT INTO payment (
      id, invoice_id, contract_id, customer_id, gateway, intent_number, currency, amount_minor, attempt, status,
      created_at
    ) VALUES ('pay_1', 'inv_1', 'con_1', 'cus_1', 'stripe', 1, 'USD', 1000, 1, 'succeeded', now());
    INSERT INTO customer_credit (
      id, contract_id, customer_id, credit_note_id, payment_id, currency, amount_minor, remaining_minor, created_at
    ) VALUES
      ('ccr_1', 'con_1', 'cus_1', 'inv_2', NULL, 'USD', 1000, 400, now()),
      ('ccr_2', 'con_1', 'cus_1', NULL, 'pay_1', 'USD', 70, 70, now());
"""


@pytest.fixture
def earlier(postgres_url: str) -> Iterator[str]:
    """The URL of a database as it was before, with an invoice, its credit note and credit in it."""
    name = f"earlier_{uuid4().hex}"
    execute(postgres_url, f"CREATE DATABASE {name}")
    url = with_database(postgres_url, name)
    engine = create_engine(url)
    with engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        connection.execute(text(EARLIER))
    engine.dispose()
    yield url
    execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


def test_documents_schedules_and_credit_from_before_are_in_the_books(earlier: str) -> None:
    migrate(earlier)
    database = Database(earlier)
    with database.transaction() as session:
        books = load(session, "con_1", zone="UTC", currency="USD", book="main", everything=True)
    database.dispose()
    january, february = date(2013, 1, 1), date(2013, 2, 1)
    invoice = books.documents["inv_1"]
    assert (invoice.paid_minor, invoice.refunded_minor, invoice.held) == (1_000, 0, False)
    assert [(line.recognize, line.schedule_id) for line in invoice.lines] == [("as_used", "sch_1"), ("daily", None)]
    earned = Schedule(
        "sch_1", "calls", "unbilled", "as_used", january, february, 500, 500, february, invoice_line_id="il_1"
    )
    assert books.schedules == {"sch_1": earned}
    assert list(books.credits.values()) == [
        CustomerCredit("ccr_1", "credit_note", "inv_2", "inv_1", 1_000, 400, 1),
        CustomerCredit("ccr_2", "payment", "pay_1", "inv_1", 70, 70, 2),
    ]
