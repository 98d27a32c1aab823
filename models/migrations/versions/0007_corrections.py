"""Corrections of invoices; collections that wait for a customer who pays on invoice."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSTANT = postgresql.TIMESTAMP(timezone=True)
STATUSES = "status IN ('signed', 'trialing', 'active', 'past_due', 'paused', 'cancelled', 'expired')"
STAGES = "stage IN ('scheduled', 'retrying', 'exhausted', 'overdue', 'settled')"


def upgrade() -> None:
    op.create_table(
        "correction",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("invoice_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("asked", postgresql.JSONB(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_correction_contract_id_contract")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_correction_invoice_id_invoice")),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["invoice.id"],
            name=op.f("fk_correction_document_id_invoice"),
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
        sa.UniqueConstraint("sequence", name=op.f("uq_correction_sequence")),
    )
    op.create_index("ix_correction_invoice_id", "correction", ["invoice_id", "sequence"])
    op.drop_constraint(op.f("ck_collection_stage_known"), "collection")
    op.create_check_constraint(op.f("ck_collection_stage_known"), "collection", STAGES)
    op.drop_constraint(op.f("ck_contract_status_known"), "contract")
    op.create_check_constraint(op.f("ck_contract_status_known"), "contract", STATUSES)
