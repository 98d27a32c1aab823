"""Quotes, their versions, their history and their acceptances; the limits beyond which one needs an approval."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTANT = postgresql.TIMESTAMP(timezone=True)
RULES = Path(__file__).parents[1] / "sql" / "0006_quote_rules.sql"
STATUSES = "'draft', 'pending_approval', 'approved', 'sent', 'accepted', 'declined', 'expired', 'withdrawn'"


def upgrade() -> None:
    create_quotes()
    create_acceptances()
    create_limits()
    op.get_bind().exec_driver_sql(RULES.read_text())


def create_quotes() -> None:
    op.create_table(
        "quote",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("clock_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("decided", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("link_digest", sa.String(), nullable=True),
        sa.Column("contract_id", sa.String(), nullable=True),
        sa.Column("state", postgresql.JSONB(), nullable=False),
        sa.Column("workflow_started_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_quote_currency_is_iso_4217")),
        sa.CheckConstraint(f"status IN ({STATUSES})", name=op.f("ck_quote_status_known")),
        sa.CheckConstraint(
            "(status = 'accepted') = (contract_id IS NOT NULL)", name=op.f("ck_quote_accepted_is_a_contract")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_quote_customer_id_customer")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_quote_contract_id_contract")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quote")),
        sa.UniqueConstraint("sequence", name=op.f("uq_quote_sequence")),
        sa.UniqueConstraint("link_digest", name=op.f("uq_quote_link_digest")),
        sa.UniqueConstraint("contract_id", name=op.f("uq_quote_contract_id")),
    )
    op.create_index(op.f("ix_quote_customer_id"), "quote", ["customer_id"])
    op.create_index("ix_quote_clock_id", "quote", ["clock_id"], postgresql_where=sa.text("clock_id IS NOT NULL"))
    op.create_table(
        "quote_version",
        sa.Column("quote_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column("terms_hash", sa.String(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("drafted_by", sa.String(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["quote_id"], ["quote.id"], name=op.f("fk_quote_version_quote_id_quote")),
        sa.PrimaryKeyConstraint("quote_id", "version", name=op.f("pk_quote_version")),
    )
    op.create_table(
        "quote_event",
        sa.Column("quote_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("happened", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=True),
        sa.Column("remark", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["quote_id"], ["quote.id"], name=op.f("fk_quote_event_quote_id_quote")),
        sa.PrimaryKeyConstraint("quote_id", "sequence", name=op.f("pk_quote_event")),
    )


def create_acceptances() -> None:
    op.create_table(
        "quote_acceptance",
        sa.Column("quote_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("terms_hash", sa.String(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("remote_address", sa.String(), nullable=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["quote_id", "version"],
            ["quote_version.quote_id", "quote_version.version"],
            name=op.f("fk_quote_acceptance_quote_id_version_quote_version"),
        ),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_quote_acceptance_contract_id_contract")
        ),
        sa.PrimaryKeyConstraint("quote_id", name=op.f("pk_quote_acceptance")),
        sa.UniqueConstraint("contract_id", name=op.f("uq_quote_acceptance_contract_id")),
    )


def create_limits() -> None:
    op.create_table(
        "quote_limits",
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("limits", postgresql.JSONB(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_quote_limits")),
    )
