"""A contract's books: corrections of invoices, plans over a term, prepaid credits, commitments, late usage."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

RULES = Path(__file__).parents[1] / "sql" / "0005_document_rules.sql"
METHODS = (
    "'daily', 'monthly_even', 'monthly_prorated', 'with_contract', 'as_used', 'at_delivery', 'percent_complete', "
    "'immediately'"
)
UNFINISHED = (
    "NOT billed OR recognized_minor <> amount_minor"
    " OR recognized_through < ends_on AND method NOT IN ('at_delivery', 'percent_complete')"
)


def upgrade() -> None:
    # The lines get columns with what is known of them, which their guard would refuse.
    op.execute("DROP TRIGGER invoice_line_final ON invoice_line")
    op.execute("DROP TRIGGER invoice_final ON invoice")
    create_tables()
    extend_schedules()
    extend_invoices()
    extend_lines()
    extend_credits()
    op.get_bind().exec_driver_sql(RULES.read_text())


def create_tables() -> None:
    op.create_table(
        "prepaid_grant",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("credit_id", sa.String(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("granted_minor", sa.BigInteger(), nullable=False),
        sa.Column("used_minor", sa.BigInteger(), nullable=False),
        sa.Column("earned_minor", sa.BigInteger(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        sa.Column("schedule_line_id", sa.String(), nullable=True),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.CheckConstraint("paid_minor >= 0", name=op.f("ck_prepaid_grant_paid_sign")),
        sa.CheckConstraint("used_minor BETWEEN 0 AND granted_minor", name=op.f("ck_prepaid_grant_used_within_granted")),
        sa.CheckConstraint("earned_minor BETWEEN 0 AND paid_minor", name=op.f("ck_prepaid_grant_earned_within_paid")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_prepaid_grant_contract_id_contract")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_grant")),
    )
    op.create_index(op.f("ix_prepaid_grant_contract_id"), "prepaid_grant", ["contract_id"])
    op.create_table(
        "commitment_window",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("commitment_id", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("counted_minor", sa.BigInteger(), nullable=False),
        sa.Column("shortfall_minor", sa.BigInteger(), nullable=False),
        sa.Column("overage_minor", sa.BigInteger(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_commitment_window_ends_after_it_starts")),
        sa.CheckConstraint("least(amount_minor, shortfall_minor) >= 0", name=op.f("ck_commitment_window_signs")),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_commitment_window_contract_id_contract")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commitment_window")),
    )
    op.create_index("ix_commitment_window_contract_id_ends_on", "commitment_window", ["contract_id", "ends_on"])
    op.create_table(
        "rated_period",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("items", postgresql.JSONB(), nullable=False),
        sa.Column("billed_minor", sa.BigInteger(), nullable=False),
        sa.Column("drawn_minor", sa.BigInteger(), nullable=False),
        sa.Column("discounted", postgresql.JSONB(), nullable=False),
        sa.Column("up_to_seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("ends_on > starts_on", name=op.f("ck_rated_period_ends_after_it_starts")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_rated_period_contract_id_contract")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rated_period")),
    )
    op.create_index("ix_rated_period_contract_id_ends_on", "rated_period", ["contract_id", "ends_on"])
    op.create_table(
        "revenue_plan",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("billed_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("schedules", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("ends_on > starts_on", name=op.f("ck_revenue_plan_ends_after_it_starts")),
        sa.CheckConstraint("schedules >= 0", name=op.f("ck_revenue_plan_schedules_counted")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_revenue_plan_contract_id_contract")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revenue_plan")),
    )
    op.create_index("ix_revenue_plan_contract_id_ends_on", "revenue_plan", ["contract_id", "ends_on"])


def extend_schedules() -> None:
    table = "revenue_schedule"
    op.add_column(table, sa.Column("posted", postgresql.JSONB(), nullable=True))
    op.add_column(table, sa.Column("progress", postgresql.JSONB(), nullable=True))
    op.add_column(table, sa.Column("plan_id", sa.String(), nullable=True))
    op.create_foreign_key(op.f("fk_revenue_schedule_plan_id_revenue_plan"), table, "revenue_plan", ["plan_id"], ["id"])
    op.drop_constraint(op.f("ck_revenue_schedule_method_known"), table)
    op.create_check_constraint(op.f("ck_revenue_schedule_method_known"), table, f"method IN ({METHODS})")
    op.drop_index("ix_revenue_schedule_unfinished", table)
    op.create_index("ix_revenue_schedule_unfinished", table, ["contract_id"], postgresql_where=sa.text(UNFINISHED))
    # What is credited of a line has a schedule of its own.
    op.drop_constraint(op.f("uq_revenue_schedule_invoice_line_id"), table)
    _create_partial_index("ix_revenue_schedule_line", table, "invoice_line_id")
    _create_partial_index("ix_revenue_schedule_plan", table, "plan_id")


def extend_invoices() -> None:
    for name in ("refunded_minor", "disputed_minor", "bad_debt_minor", "undone_minor"):
        _add_filled("invoice", name, sa.BigInteger(), "0")
    _add_filled("invoice", "held", sa.Boolean(), "false")
    _add_filled("invoice", "held_because", sa.String(), "''")
    op.add_column("invoice", sa.Column("written_off_on", sa.Date(), nullable=True))
    op.add_column("invoice", sa.Column("correction_id", sa.String(), nullable=True))
    op.execute("UPDATE invoice SET written_off_on = issued_on WHERE written_off_minor <> 0")
    op.drop_constraint(op.f("uq_invoice_contract_id_document"), "invoice")
    op.create_unique_constraint(
        op.f("uq_invoice_contract_id_document_correction_id"),
        "invoice",
        ["contract_id", "document", "correction_id"],
        postgresql_nulls_not_distinct=True,
    )
    _create_partial_index("uq_invoice_correction", "invoice", "correction_id", unique=True)
    checks = {
        "corrections_signs": "least(refunded_minor, disputed_minor, bad_debt_minor, undone_minor) >= 0",
        "within_paid": "greatest(refunded_minor, disputed_minor) <= paid_minor",
        "written_off_on_a_day": "written_off_minor = 0 OR written_off_on IS NOT NULL",
    }
    for name, condition in checks.items():
        op.create_check_constraint(op.f(f"ck_invoice_{name}"), "invoice", condition)


def extend_lines() -> None:
    table = "invoice_line"
    _add_filled(table, "credited_minor", sa.BigInteger(), "0")
    _add_filled(table, "credited_tax_minor", sa.BigInteger(), "0")
    _add_filled(table, "recognize", sa.String(), "'daily'")
    op.add_column(table, sa.Column("schedule_id", sa.String(), nullable=True))
    op.add_column(table, sa.Column("discounted", postgresql.JSONB(), nullable=True))
    op.add_column(table, sa.Column("item", postgresql.JSONB(), nullable=True))
    op.execute(
        "UPDATE invoice_line l SET schedule_id = s.id, recognize = s.method FROM revenue_schedule s"
        " WHERE s.invoice_line_id = l.id"
    )
    op.create_foreign_key(
        op.f("fk_invoice_line_schedule_id_revenue_schedule"), table, "revenue_schedule", ["schedule_id"], ["id"]
    )
    checks = {
        "credited_within_net": "abs(credited_minor) <= abs(net_minor)",
        "credited_within_tax": "abs(credited_tax_minor) <= abs(tax_minor)",
    }
    for name, condition in checks.items():
        op.create_check_constraint(op.f(f"ck_invoice_line_{name}"), table, condition)
    # A line that bills a period again takes over every claim that came since.
    op.drop_constraint(op.f("uq_rated_line_invoice_line_id"), "rated_line")
    _create_partial_index("ix_rated_line_invoice_line", "rated_line", "invoice_line_id")


def extend_credits() -> None:
    table = "customer_credit"
    op.add_column(table, sa.Column("invoice_id", sa.String(), nullable=True))
    _add_filled(table, "place", sa.BigInteger(), "0")
    op.execute(
        "UPDATE customer_credit c SET place = c.sequence, invoice_id = coalesce("
        " (SELECT n.corrects_invoice_id FROM invoice n WHERE n.id = c.credit_note_id),"
        " (SELECT p.invoice_id FROM payment p WHERE p.id = c.payment_id))"
    )
    op.create_foreign_key(
        op.f("fk_customer_credit_invoice_id_invoice"),
        table,
        "invoice",
        ["invoice_id"],
        ["id"],
        deferrable=True,
        initially="DEFERRED",
    )
    # Money may come without the gateway, and one credit note may credit several invoices.
    op.drop_constraint(op.f("fk_customer_credit_payment_id_payment"), table)
    op.drop_constraint(op.f("uq_customer_credit_payment_id"), table)
    op.drop_constraint(op.f("uq_customer_credit_credit_note_id"), table)
    _create_partial_index("ix_customer_credit_invoice", table, "invoice_id")
    op.drop_index("ix_customer_credit_unused", table)
    op.create_index("ix_customer_credit_contract_id_place", table, ["contract_id", "place"])


def _add_filled(table: str, name: str, kind: sa.types.TypeEngine[Any], value: str) -> None:
    """Add a column that rows which are there already get with `value`; new ones must say theirs."""
    op.add_column(table, sa.Column(name, kind, nullable=False, server_default=sa.text(value)))
    op.alter_column(table, name, server_default=None)


def _create_partial_index(name: str, table: str, column: str, *, unique: bool = False) -> None:
    op.create_index(name, table, [column], unique=unique, postgresql_where=sa.text(f"{column} IS NOT NULL"))
