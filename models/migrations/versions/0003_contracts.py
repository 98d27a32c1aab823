"""Contracts, documents and their numbers, revenue schedules, payments, customer credit, collections, test clocks."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INSTANT = postgresql.TIMESTAMP(timezone=True)
OPEN = "(total_minor - credited_minor - credit_applied_minor - paid_minor - written_off_minor)"
RULES = Path(__file__).parents[1] / "sql" / "0003_document_rules.sql"


def upgrade() -> None:
    create_tables()
    op.get_bind().exec_driver_sql(RULES.read_text())


def create_tables() -> None:
    op.create_table(
        "number_series",
        sa.Column("legal_entity", sa.String(), nullable=False),
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("last_number >= 0", name=op.f("ck_number_series_counts_up_from_zero")),
        sa.PrimaryKeyConstraint("legal_entity", "series", name=op.f("pk_number_series")),
    )
    op.create_table(
        "test_clock",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("now_at", INSTANT, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("target_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "(status = 'advancing') = (target_at IS NOT NULL)", name=op.f("ck_test_clock_advances_to_a_target")
        ),
        sa.CheckConstraint("status IN ('ready', 'advancing')", name=op.f("ck_test_clock_status_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_clock")),
        sa.UniqueConstraint("sequence", name=op.f("uq_test_clock_sequence")),
    )
    op.create_table(
        "contract",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("clock_id", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("decided", sa.BigInteger(), nullable=False),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column("state", postgresql.JSONB(), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=True),
        sa.Column("next_due_at", INSTANT, nullable=True),
        sa.Column("next_due_reason", sa.String(), nullable=True),
        sa.Column("mrr_minor", sa.BigInteger(), nullable=False),
        sa.Column("workflow_started_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_contract_currency_is_iso_4217")),
        sa.CheckConstraint(
            "status IN ('signed', 'active', 'past_due', 'cancelled', 'expired')", name=op.f("ck_contract_status_known")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_contract_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract")),
        sa.UniqueConstraint("sequence", name=op.f("uq_contract_sequence")),
    )
    op.create_index("ix_contract_clock_id", "contract", ["clock_id"], postgresql_where=sa.text("clock_id IS NOT NULL"))
    op.create_index(op.f("ix_contract_customer_id"), "contract", ["customer_id"])
    op.create_index(op.f("ix_contract_next_due_at"), "contract", ["next_due_at"])
    op.create_index(
        "ix_contract_unstarted", "contract", ["sequence"], postgresql_where=sa.text("workflow_started_at IS NULL")
    )
    op.create_table(
        "contract_event",
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("happened", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_contract_event_contract_id_contract")),
        sa.PrimaryKeyConstraint("contract_id", "sequence", name=op.f("pk_contract_event")),
    )
    op.create_table(
        "invoice",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("legal_entity", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("document", sa.Integer(), nullable=False),
        sa.Column("input_hash", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("credited_minor", sa.BigInteger(), nullable=False),
        sa.Column("credit_applied_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("written_off_minor", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("corrects_invoice_id", sa.String(), nullable=True),
        sa.Column("taxes", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'credit_note') = (status = 'issued')", name=op.f("ck_invoice_credit_note_is_issued")
        ),
        sa.CheckConstraint("kind IN ('invoice', 'credit_note')", name=op.f("ck_invoice_kind_known")),
        sa.CheckConstraint(
            f"status <> 'open' OR {OPEN} > 0",
            name=op.f("ck_invoice_open_owes"),
        ),
        sa.CheckConstraint(
            f"status <> 'paid' OR {OPEN} = 0",
            name=op.f("ck_invoice_paid_in_full"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'paid', 'void', 'uncollectible', 'issued')", name=op.f("ck_invoice_status_known")
        ),
        sa.CheckConstraint(
            f"{OPEN} >= 0",
            name=op.f("ck_invoice_never_overpaid"),
        ),
        sa.CheckConstraint(
            "least(credited_minor, credit_applied_minor, paid_minor, written_off_minor) >= 0",
            name=op.f("ck_invoice_signs"),
        ),
        sa.CheckConstraint(
            "total_minor = net_minor + tax_minor AND total_minor >= 0", name=op.f("ck_invoice_total_adds_up")
        ),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_invoice_contract_id_contract")),
        sa.ForeignKeyConstraint(
            ["corrects_invoice_id"], ["invoice.id"], name=op.f("fk_invoice_corrects_invoice_id_invoice")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("contract_id", "document", name=op.f("uq_invoice_contract_id_document")),
        sa.UniqueConstraint("legal_entity", "kind", "number", name=op.f("uq_invoice_legal_entity_kind_number")),
        sa.UniqueConstraint("sequence", name=op.f("uq_invoice_sequence")),
    )
    op.create_index(op.f("ix_invoice_corrects_invoice_id"), "invoice", ["corrects_invoice_id"])
    op.create_index(op.f("ix_invoice_customer_id"), "invoice", ["customer_id"])
    op.create_index("ix_invoice_open", "invoice", ["due_at"], postgresql_where=sa.text("status = 'open'"))
    op.create_table(
        "collection",
        sa.Column("invoice_id", sa.String(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("clock_id", sa.String(), nullable=True),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_failed_at", INSTANT, nullable=True),
        sa.Column("next_action_at", INSTANT, nullable=True),
        sa.Column("last_code", sa.String(), nullable=True),
        sa.Column("last_message", sa.String(), nullable=True),
        sa.CheckConstraint(
            "stage IN ('scheduled', 'retrying', 'exhausted', 'settled')", name=op.f("ck_collection_stage_known")
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id"],
            ["invoice.id"],
            name=op.f("fk_collection_invoice_id_invoice"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("invoice_id", name=op.f("pk_collection")),
    )
    op.create_index(
        "ix_collection_clock_id",
        "collection",
        ["clock_id", "next_action_at"],
        postgresql_where=sa.text("stage <> 'settled'"),
    )
    op.create_index(op.f("ix_collection_contract_id"), "collection", ["contract_id"])
    op.create_index(op.f("ix_collection_customer_id"), "collection", ["customer_id"])
    op.create_table(
        "invoice_line",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("invoice_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("steps", postgresql.JSONB(), nullable=False),
        sa.Column("rated_line_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_line_invoice_id_invoice")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_line")),
        sa.UniqueConstraint("invoice_id", "position", name=op.f("uq_invoice_line_invoice_id_position")),
        sa.UniqueConstraint("rated_line_id", name=op.f("uq_invoice_line_rated_line_id")),
    )
    op.create_table(
        "payment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("invoice_id", sa.String(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("intent_id", sa.String(), nullable=True),
        sa.Column("intent_number", sa.Integer(), nullable=False),
        sa.Column("last_charge_id", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("settled_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "status IN ('created', 'confirming', 'requires_action', 'processing', 'failed', 'succeeded', 'canceled')",
            name=op.f("ck_payment_status_known"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payment_amount_positive")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_payment_invoice_id_invoice")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("intent_id", name=op.f("uq_payment_intent_id")),
        sa.UniqueConstraint("invoice_id", name=op.f("uq_payment_invoice_id")),
        sa.UniqueConstraint("sequence", name=op.f("uq_payment_sequence")),
    )
    op.create_index(op.f("ix_payment_contract_id"), "payment", ["contract_id"])
    op.create_index(op.f("ix_payment_customer_id"), "payment", ["customer_id"])
    op.create_table(
        "customer_credit",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("credit_note_id", sa.String(), nullable=True),
        sa.Column("payment_id", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("remaining_minor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "(credit_note_id IS NULL) <> (payment_id IS NULL)", name=op.f("ck_customer_credit_one_source")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_customer_credit_amount_positive")),
        sa.CheckConstraint(
            "remaining_minor BETWEEN 0 AND amount_minor", name=op.f("ck_customer_credit_remainder_within_amount")
        ),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_customer_credit_contract_id_contract")),
        sa.ForeignKeyConstraint(
            ["credit_note_id"],
            ["invoice.id"],
            name=op.f("fk_customer_credit_credit_note_id_invoice"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_customer_credit_payment_id_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_credit")),
        sa.UniqueConstraint("credit_note_id", name=op.f("uq_customer_credit_credit_note_id")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_customer_credit_payment_id")),
        sa.UniqueConstraint("sequence", name=op.f("uq_customer_credit_sequence")),
    )
    op.create_index(op.f("ix_customer_credit_customer_id"), "customer_credit", ["customer_id"])
    op.create_index(
        "ix_customer_credit_unused", "customer_credit", ["contract_id"], postgresql_where=sa.text("remaining_minor > 0")
    )
    op.create_table(
        "payment_attempt",
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("payment_method", sa.String(), nullable=True),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("key_number", sa.Integer(), nullable=False),
        sa.Column("prior_charge_id", sa.String(), nullable=True),
        sa.Column("charge_id", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("business_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "status IN ('created', 'sent', 'requires_action', 'processing', 'failed', 'succeeded', 'canceled')",
            name=op.f("ck_payment_attempt_status_known"),
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_payment_attempt_payment_id_payment")),
        sa.PrimaryKeyConstraint("payment_id", "number", name=op.f("pk_payment_attempt")),
    )
    op.create_table(
        "revenue_schedule",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("invoice_line_id", sa.String(), nullable=True),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("parts", postgresql.JSONB(), nullable=True),
        sa.Column("recognized_minor", sa.BigInteger(), nullable=False),
        sa.Column("recognized_through", sa.Date(), nullable=False),
        sa.Column("billed", sa.Boolean(), nullable=False),
        sa.CheckConstraint("basis IN ('position', 'unbilled')", name=op.f("ck_revenue_schedule_basis_known")),
        sa.CheckConstraint("method IN ('daily', 'as_used')", name=op.f("ck_revenue_schedule_method_known")),
        sa.CheckConstraint("ends_on > starts_on", name=op.f("ck_revenue_schedule_ends_after_it_starts")),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_revenue_schedule_contract_id_contract")
        ),
        sa.ForeignKeyConstraint(
            ["invoice_line_id"],
            ["invoice_line.id"],
            name=op.f("fk_revenue_schedule_invoice_line_id_invoice_line"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revenue_schedule")),
        sa.UniqueConstraint("invoice_line_id", name=op.f("uq_revenue_schedule_invoice_line_id")),
    )
    op.create_index(op.f("ix_revenue_schedule_contract_id"), "revenue_schedule", ["contract_id"])
    op.create_index(
        "ix_revenue_schedule_unfinished",
        "revenue_schedule",
        ["contract_id"],
        postgresql_where=sa.text("recognized_minor <> amount_minor OR NOT billed"),
    )
    op.create_table(
        "customer_credit_use",
        sa.Column("credit_id", sa.String(), nullable=False),
        sa.Column("invoice_id", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_customer_credit_use_amount_positive")),
        sa.ForeignKeyConstraint(
            ["credit_id"], ["customer_credit.id"], name=op.f("fk_customer_credit_use_credit_id_customer_credit")
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id"],
            ["invoice.id"],
            name=op.f("fk_customer_credit_use_invoice_id_invoice"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("credit_id", "invoice_id", name=op.f("pk_customer_credit_use")),
    )
