"""Migrations of contracts to another version of their plan."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INSTANT = postgresql.TIMESTAMP(timezone=True)
COUNTS = "moved + unchanged + refused + cancelled"
OUTCOMES = "'pending', 'moved', 'unchanged', 'refused', 'cancelled'"


def upgrade() -> None:
    op.create_table(
        "plan_migration",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("effective", sa.String(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("total", "moved", "unchanged", "refused", "cancelled")
        ),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("cancelled_at", INSTANT, nullable=True),
        sa.CheckConstraint("effective IN ('next_period', 'renewal')", name=op.f("ck_plan_migration_effective_known")),
        sa.CheckConstraint(f"{COUNTS} <= total", name=op.f("ck_plan_migration_counts_each_once")),
        sa.CheckConstraint(
            f"(finished_at IS NOT NULL) = ({COUNTS} = total)", name=op.f("ck_plan_migration_finished_with_the_last")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id", "version"],
            ["plan_version.plan_id", "plan_version.version"],
            name=op.f("fk_plan_migration_plan_id_version_plan_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_migration")),
        sa.UniqueConstraint("sequence", name=op.f("uq_plan_migration_sequence")),
    )
    op.create_index(
        "ix_plan_migration_unstarted", "plan_migration", ["sequence"], postgresql_where=sa.text("started_at IS NULL")
    )
    create_contracts()


def create_contracts() -> None:
    table = "plan_migration_contract"
    op.create_table(
        table,
        sa.Column("migration_id", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("change", postgresql.JSONB(), nullable=True),
        sa.Column("asked_version", sa.Integer(), nullable=True),
        sa.Column("contract_version", sa.Integer(), nullable=True),
        sa.CheckConstraint(f"outcome IN ({OUTCOMES})", name=op.f(f"ck_{table}_outcome_known")),
        sa.CheckConstraint(
            "(outcome = 'refused') = (reason IS NOT NULL)", name=op.f(f"ck_{table}_refused_for_a_reason")
        ),
        sa.CheckConstraint(
            "(outcome = 'moved') = (contract_version IS NOT NULL)", name=op.f(f"ck_{table}_moved_to_a_version")
        ),
        sa.CheckConstraint("(change IS NULL) = (asked_version IS NULL)", name=op.f(f"ck_{table}_asked_at_a_version")),
        sa.ForeignKeyConstraint(
            ["migration_id"], ["plan_migration.id"], name=op.f(f"fk_{table}_migration_id_plan_migration")
        ),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f(f"fk_{table}_contract_id_contract")),
        sa.PrimaryKeyConstraint("migration_id", "position", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"uq_{table}_contract_id", table, ["contract_id", "migration_id"], unique=True)
    op.create_index(
        f"ix_{table}_pending", table, ["migration_id", "position"], postgresql_where=sa.text("outcome = 'pending'")
    )
