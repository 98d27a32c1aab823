"""Limits of usage: how far it was looked at, which contracts were measured, and what they have passed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INSTANT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "usage_limit_passed",
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("limit_id", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("bound", sa.Numeric(), nullable=False),
        sa.Column("used", sa.Numeric(), nullable=False),
        sa.Column("passed_at", INSTANT, nullable=False),
        sa.Column("told_at", INSTANT, nullable=True),
        sa.CheckConstraint("action IN ('alert', 'cap', 'invoice')", name=op.f("ck_usage_limit_passed_action_known")),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_usage_limit_passed_contract_id_contract")
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_usage_limit_passed")),
        sa.UniqueConstraint(
            "contract_id", "limit_id", "starts_on", name=op.f("uq_usage_limit_passed_contract_id_limit_id_starts_on")
        ),
    )
    op.create_index(
        "ix_usage_limit_passed_untold",
        "usage_limit_passed",
        ["sequence"],
        postgresql_where=sa.text("told_at IS NULL"),
    )
    op.create_table(
        "usage_limit_watch",
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("decided", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_usage_limit_watch_contract_id_contract")
        ),
        sa.PrimaryKeyConstraint("contract_id", name=op.f("pk_usage_limit_watch")),
    )
    op.create_table(
        "usage_limit_look",
        sa.Column("id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("seq", "next_seq")),
        sa.Column("waits_for", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_usage_limit_look_there_is_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_limit_look")),
    )
    op.execute("INSERT INTO usage_limit_look (id, seq, next_seq, waits_for) VALUES (1, 0, 0, '[]')")
    op.create_index(
        "ix_contract_limited",
        "contract",
        ["sequence"],
        postgresql_where=sa.text("jsonb_array_length(terms -> 'usage_limits') > 0"),
    )
