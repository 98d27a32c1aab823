"""The ledger, the usage events and the claims on them."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = postgresql.TIMESTAMP(timezone=True)
SQL = Path(__file__).parents[1] / "sql"

CHART = (
    ("cash", "Cash", "asset", "D"),
    ("gateway_clearing", "Gateway clearing", "asset", "D"),
    ("receivable", "Accounts receivable", "asset", "D"),
    ("unbilled_receivable", "Unbilled receivable", "asset", "D"),
    ("contract_position", "Contract position", "liability", "C"),
    ("customer_credit", "Customer credit", "liability", "C"),
    ("prepaid_credits", "Prepaid credits", "liability", "C"),
    ("refund_liability", "Refund liability", "liability", "C"),
    ("tax_payable", "Tax payable", "liability", "C"),
    ("revenue", "Revenue", "revenue", "C"),
    ("refunds", "Refunds", "contra_revenue", "D"),
    ("bad_debt", "Bad debt", "expense", "D"),
    ("disputed", "Disputed receivable", "asset", "D"),
    ("gateway_fees", "Gateway fees", "expense", "D"),
    ("fx_gain_loss", "Foreign exchange gain and loss", "gain_loss", "C"),
    ("rounding", "Rounding", "expense", "D"),
)


def upgrade() -> None:
    _run("0001_role_begin.sql")
    _run("0001_usage.sql")
    create_tables()
    account = sa.table("account", *(sa.column(name) for name in ("code", "name", "class", "normal_side")))
    op.bulk_insert(account, [dict(zip(account.columns.keys(), row, strict=True)) for row in CHART])
    _run("0001_ledger.sql")
    _run("0001_usage_rules.sql")
    _run("0001_role_end.sql")


def create_tables() -> None:
    op.create_table(
        "account",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("class", sa.String(), nullable=False),
        sa.Column("normal_side", sa.String(), nullable=False),
        sa.CheckConstraint(
            "class IN ('asset', 'liability', 'equity', 'revenue', 'contra_revenue', 'expense', 'gain_loss')",
            name=op.f("ck_account_class_known"),
        ),
        sa.CheckConstraint("normal_side IN ('D', 'C')", name=op.f("ck_account_side_known")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_account")),
    )
    op.create_table(
        "accounting_period",
        sa.Column("book", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "ends_on = starts_on + interval '1 month'", name=op.f("ck_accounting_period_ends_with_its_month")
        ),
        sa.CheckConstraint(
            "period = to_char(starts_on, 'YYYY-MM')", name=op.f("ck_accounting_period_named_as_year_and_month")
        ),
        sa.CheckConstraint(
            "starts_on = to_date(period, 'YYYY-MM')", name=op.f("ck_accounting_period_starts_with_its_month")
        ),
        sa.CheckConstraint("status IN ('open', 'closing', 'closed')", name=op.f("ck_accounting_period_status_known")),
        sa.PrimaryKeyConstraint("book", "period", name=op.f("pk_accounting_period")),
    )
    op.create_table(
        "rated_line",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("from_at", INSTANT, nullable=False),
        sa.Column("to_at", INSTANT, nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("aggregate", sa.String(), nullable=False),
        sa.Column("reads", sa.String(), nullable=False),
        sa.Column("group_by", postgresql.JSONB(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("after_seq", sa.BigInteger(), nullable=False),
        sa.Column("up_to_seq", sa.BigInteger(), nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.Column("ignored_count", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("groups", postgresql.JSONB(), nullable=False),
        sa.Column("invoice_line_id", sa.String(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.text("textrange(contract_id, contract_id, '[]')"), "&&"),
            (sa.text("textrange(line_id, line_id, '[]')"), "&&"),
            (sa.text("tstzrange(from_at, to_at)"), "&&"),
            (sa.text("int8range(after_seq, up_to_seq, '(]')"), "&&"),
            using="gist",
            name="ex_rated_line_claimed_once",
        ),
        sa.CheckConstraint("after_seq <= up_to_seq", name=op.f("ck_rated_line_seq_runs_forward")),
        sa.CheckConstraint("from_at < to_at", name=op.f("ck_rated_line_time_runs_forward")),
        sa.CheckConstraint("generation >= 0", name=op.f("ck_rated_line_generation_counts_from_zero")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rated_line")),
        sa.UniqueConstraint(
            "contract_id",
            "line_id",
            "from_at",
            "generation",
            name=op.f("uq_rated_line_contract_id_line_id_from_at_generation"),
        ),
        sa.UniqueConstraint("invoice_line_id", name=op.f("uq_rated_line_invoice_line_id")),
    )
    op.create_table(
        "usage_event",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("customer_key", sa.String(), nullable=True),
        sa.Column("requested_contract_id", sa.String(), nullable=True),
        sa.Column("contract_id", sa.String(), nullable=True),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("value", sa.Numeric(), nullable=True),
        sa.Column("properties", postgresql.JSONB(), nullable=False),
        sa.Column("received_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "requested_contract_id IS NOT NULL OR customer_key IS NOT NULL", name=op.f("ck_usage_event_addressed")
        ),
        sa.PrimaryKeyConstraint("source", "event_id", name=op.f("pk_usage_event")),
    )
    op.create_index("ix_usage_event_contract_id_event_at", "usage_event", ["contract_id", "event", "at"])
    op.create_index("ix_usage_event_waiting", "usage_event", ["seq"], postgresql_where=sa.text("contract_id IS NULL"))
    op.create_index(
        "ix_usage_event_waiting_contract",
        "usage_event",
        ["requested_contract_id", "at"],
        postgresql_where=sa.text("contract_id IS NULL"),
    )
    op.create_index(
        "ix_usage_event_waiting_customer",
        "usage_event",
        ["customer_key", "at"],
        postgresql_where=sa.text("contract_id IS NULL"),
    )
    op.create_table(
        "journal_entry",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("book", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("posting_on", sa.Date(), nullable=False),
        sa.Column("economic_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("source_type", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("payload_hash", sa.LargeBinary(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=True),
        sa.Column("customer_id", sa.String(), nullable=True),
        sa.Column("invoice_id", sa.String(), nullable=True),
        sa.Column("reverses_entry_id", sa.String(), nullable=True),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("line_count >= 2", name=op.f("ck_journal_entry_two_lines_at_least")),
        sa.CheckConstraint("octet_length(payload_hash) = 32", name=op.f("ck_journal_entry_hash_is_sha256")),
        sa.CheckConstraint("reverses_entry_id <> id", name=op.f("ck_journal_entry_reverses_another")),
        sa.ForeignKeyConstraint(
            ["book", "period"],
            ["accounting_period.book", "accounting_period.period"],
            name=op.f("fk_journal_entry_book_period_accounting_period"),
        ),
        sa.ForeignKeyConstraint(
            ["reverses_entry_id"], ["journal_entry.id"], name=op.f("fk_journal_entry_reverses_entry_id_journal_entry")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_entry")),
        sa.UniqueConstraint("book", "idempotency_key", name=op.f("uq_journal_entry_book_idempotency_key")),
        sa.UniqueConstraint("reverses_entry_id", name=op.f("uq_journal_entry_reverses_entry_id")),
    )
    op.create_index(op.f("ix_journal_entry_contract_id"), "journal_entry", ["contract_id"])
    op.create_index(op.f("ix_journal_entry_customer_id"), "journal_entry", ["customer_id"])
    op.create_index(op.f("ix_journal_entry_invoice_id"), "journal_entry", ["invoice_id"])
    op.create_index("ix_journal_entry_posting_on_sequence", "journal_entry", ["posting_on", "sequence"])
    op.create_table(
        "journal_line",
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("functional_minor", sa.BigInteger(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=True),
        sa.Column("invoice_id", sa.String(), nullable=True),
        sa.Column("line_id", sa.String(), nullable=True),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_journal_line_currency_is_iso_4217")),
        sa.CheckConstraint("amount_minor <> 0 OR functional_minor <> 0", name=op.f("ck_journal_line_amount_not_zero")),
        sa.ForeignKeyConstraint(["account"], ["account.code"], name=op.f("fk_journal_line_account_account")),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["journal_entry.id"], name=op.f("fk_journal_line_entry_id_journal_entry")
        ),
        sa.PrimaryKeyConstraint("entry_id", "line_no", name=op.f("pk_journal_line")),
    )
    op.create_index("ix_journal_line_account_contract_id", "journal_line", ["account", "contract_id"])


def _run(file: str) -> None:
    op.get_bind().exec_driver_sql((SQL / file).read_text())
