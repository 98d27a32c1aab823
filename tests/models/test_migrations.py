from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import BigInteger, DateTime, inspect
from sqlmodel import select

import models.tables  # noqa: F401 - completes the metadata
from models.account import CHART, Account
from models.base import metadata
from models.database import Database
from models.migrations import MIGRATION_LOCK, migrate
from tests.models.ledger_samples import raw_connection, wait_for_a_lock

GUARDED = ("account", "accounting_period", "journal_entry", "journal_line", "rated_line", "usage_event", "usage_key")
GOLDEN = Path(__file__).parent / "guards.golden.txt"

_GUARDS = """
    SELECT t.tgrelid::regclass || ' trigger ' || t.tgname || CASE t.tgenabled WHEN 'A' THEN ' ALWAYS: ' ELSE ': ' END
      || regexp_replace(pg_get_triggerdef(t.oid), '^.*? TRIGGER ', '')
    FROM pg_trigger t WHERE NOT t.tgisinternal AND t.tgrelid::regclass::text = ANY(%(tables)s)
    UNION ALL
    SELECT c.conrelid::regclass || ' constraint ' || c.conname || ': ' || pg_get_constraintdef(c.oid)
    FROM pg_constraint c WHERE c.contype <> 'n' AND c.conrelid::regclass::text = ANY(%(tables)s)
"""


def test_models_and_migrations_declare_the_same_schema(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_the_guards_of_ledger_and_usage_are_all_in_place(database: Database) -> None:
    """What the metadata cannot express, autogenerate cannot miss: the golden file lists it."""
    with raw_connection(database) as raw:
        found = sorted(row[0] for row in raw.execute(_GUARDS, {"tables": list(GUARDED)}))
    assert found == GOLDEN.read_text().splitlines()


def test_money_has_64_bits(database: Database) -> None:
    money = {f"{t.name}.{c.name}": c.type for t in metadata.tables.values() for c in t.c if c.name.endswith("_minor")}
    assert len(money) >= 2
    assert {name for name, kind in money.items() if not isinstance(kind, BigInteger)} == set()


def test_every_instant_knows_its_time_zone(database: Database) -> None:
    inspector = inspect(database.engine)
    columns = [(table, column) for table in inspector.get_table_names() for column in inspector.get_columns(table)]
    instants = {f"{table}.{column['name']}": column["type"] for table, column in columns}
    naive = {name for name, kind in instants.items() if isinstance(kind, DateTime) and not kind.timezone}
    assert naive == set()


def test_no_column_of_any_table_is_a_float(database: Database) -> None:
    with raw_connection(database) as raw:
        floats = raw.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type IN ('real', 'double precision', 'money')"
        ).fetchall()
    assert floats == []


def test_the_chart_in_code_is_the_chart_in_the_database(database: Database) -> None:
    with database.transaction() as session:
        stored = session.exec(select(Account)).all()
    rows = {(account.code, account.name, account.account_class, account.normal_side) for account in stored}
    assert rows == {tuple(row) for row in CHART}


def test_a_process_that_migrates_waits_for_another_that_does(database: Database) -> None:
    with raw_connection(database) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        migrating = pool.submit(migrate, database.url)
        wait_for_a_lock(database)
        assert not migrating.done()
        other.commit()
        migrating.result()
