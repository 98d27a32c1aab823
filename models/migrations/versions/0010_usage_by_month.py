"""Usage events by the month in which they happened, their keys in a table of their own, and events that are voided."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INSTANT = postgresql.TIMESTAMP(timezone=True)
SQL = Path(__file__).parents[1] / "sql"
WAITING = "contract_id IS NULL AND voided_seq IS NULL"


def upgrade() -> None:
    _run("0010_usage_aside.sql")
    op.execute(sa.schema.CreateSequence(sa.Sequence("usage_seq")))
    create_key()
    create_event()
    create_archive()
    create_running()
    voided = sa.Column("voided_count", sa.BigInteger(), nullable=False, server_default=sa.text("0"))
    op.add_column("rated_line", voided)
    op.alter_column("rated_line", "voided_count", server_default=None)
    _run("0010_usage_rules.sql")
    _run("0010_usage_moved.sql")


def create_key() -> None:
    op.create_table(
        "usage_key",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default=sa.text("nextval('usage_seq'::regclass)"), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source", "event_id", name=op.f("pk_usage_key")),
    )


def create_event() -> None:
    table = "usage_event"
    op.create_table(
        table,
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("source", "event_id")),
        *(sa.Column(name, sa.String(), nullable=True) for name in ("customer_key", "requested_contract_id")),
        sa.Column("contract_id", sa.String(), nullable=True),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=True),
        sa.Column("properties", postgresql.JSONB(), nullable=False),
        sa.Column("received_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("voided_seq", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "requested_contract_id IS NOT NULL OR customer_key IS NOT NULL", name=op.f(f"ck_{table}_addressed")
        ),
        sa.CheckConstraint("voided_seq > seq", name=op.f(f"ck_{table}_voided_after_it_came")),
        sa.PrimaryKeyConstraint("seq", "at", name=op.f(f"pk_{table}")),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index(f"ix_{table}_contract_id_event_at", table, ["contract_id", "event", "at"])
    for name, columns in {
        "": ["seq"],
        "_customer": ["customer_key", "at"],
        "_contract": ["requested_contract_id", "at"],
    }.items():
        op.create_index(f"ix_{table}_waiting{name}", table, columns, postgresql_where=sa.text(WAITING))


def create_archive() -> None:
    op.create_table(
        "usage_archive",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.Column("archived_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_usage_archive")),
    )


def create_running() -> None:
    op.create_table(
        "usage_reading",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("contract_id", "id", "event")),
        sa.Column("spec", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("contract_id", "id", name=op.f("pk_usage_reading")),
    )
    op.create_table(
        "usage_rollup",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("contract_id", "reading_id")),
        sa.Column("hour", INSTANT, nullable=False),
        sa.Column("group", postgresql.JSONB(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("event_count", "read_count")),
        *(sa.Column(name, sa.Numeric(), nullable=False) for name in ("total", "moment")),
        *(sa.Column(name, sa.Numeric(), nullable=True) for name in ("least", "greatest", "latest")),
        sa.Column("latest_at", INSTANT, nullable=True),
        sa.Column("latest_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("contract_id", "reading_id", "hour", "group", name=op.f("pk_usage_rollup")),
    )


def _run(file: str) -> None:
    op.execute((SQL / file).read_text())
