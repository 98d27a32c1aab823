"""Entries to post in tests, through the product and around it."""

import time
from datetime import date
from typing import Any

import psycopg
from sqlalchemy import make_url

from domain.journal import Entry, Posting
from models.database import Database

JUNE_1 = date(2013, 6, 1)


def invoice_entry(key: str = "invoice/1", amount_minor: int = 100_00, **changes: Any) -> Entry:
    """Accounts receivable against the contract's position."""
    values: dict[str, Any] = {
        "idempotency_key": key,
        "kind": "invoice",
        "source_type": "invoice",
        "source_id": "inv_1",
        "posting_on": JUNE_1,
        "currency": "USD",
        "contract_id": "con_1",
        "customer_id": "cus_1",
        "invoice_id": "inv_1",
        "postings": (Posting("receivable", amount_minor), Posting("contract_position", -amount_minor, "seats")),
    }
    return Entry(**(values | changes))


def raw_connection(database: Database, *, role: str | None = None, autocommit: bool = False) -> psycopg.Connection[Any]:
    """A connection that knows nothing of the product, as the database's owner or as `role`."""
    dsn = make_url(database.url).set(drivername="postgresql").render_as_string(hide_password=False)
    options = "" if role is None else f"-c role={role}"
    return psycopg.connect(dsn, autocommit=autocommit, options=options)


RawLine = tuple[str, str, int]
BALANCED: tuple[RawLine, ...] = (("receivable", "USD", 100_00), ("contract_position", "USD", -100_00))


def insert_entry(connection: psycopg.Connection[Any], entry_id: str, **changes: Any) -> None:
    """A header by plain SQL; it needs the lines it counts before the transaction commits."""
    values = {
        "id": entry_id,
        "book": "main",
        "period": "2013-06",
        "posting_on": JUNE_1,
        "economic_on": JUNE_1,
        "kind": "invoice",
        "source_type": "invoice",
        "source_id": "inv_1",
        "idempotency_key": f"raw/{entry_id}",
        "payload_hash": b"\0" * 32,
        "line_count": 2,
    } | changes
    columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    connection.execute(f"INSERT INTO journal_entry ({columns}) VALUES ({marks})".encode(), list(values.values()))


def insert_lines(
    connection: psycopg.Connection[Any], entry_id: str, lines: tuple[RawLine, ...] = BALANCED, first_no: int = 1
) -> None:
    for number, (account, currency, amount_minor) in enumerate(lines, start=first_no):
        connection.execute(
            "INSERT INTO journal_line (entry_id, line_no, account, currency, amount_minor, functional_minor)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (entry_id, number, account, currency, amount_minor, amount_minor),
        )


def wait_for_a_lock(database: Database) -> None:
    """Return once a session of the database waits for a lock; fail where none comes to wait."""
    deadline = time.monotonic() + 20
    with raw_connection(database, autocommit=True) as watcher:
        while watcher.execute(_WAITING).fetchone() is None:
            assert time.monotonic() < deadline, "nobody waits for a lock"
            time.sleep(0.002)


_WAITING = """
    SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE a.datname = current_database() AND NOT l.granted
"""
