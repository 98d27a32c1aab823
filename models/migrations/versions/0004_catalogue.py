"""Products, plans and their versions; coupons and their redemptions."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = postgresql.TIMESTAMP(timezone=True)
RULES = Path(__file__).parents[1] / "sql" / "0004_catalogue_rules.sql"


def upgrade() -> None:
    create_catalogue()
    create_coupons()
    op.get_bind().exec_driver_sql(RULES.read_text())


def create_catalogue() -> None:
    op.create_table(
        "product",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("sequence", name=op.f("uq_product_sequence")),
    )
    op.create_table(
        "plan",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("product_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_plan_product_id_product")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
        sa.UniqueConstraint("sequence", name=op.f("uq_plan_sequence")),
    )
    op.create_index(op.f("ix_plan_product_id"), "plan", ["product_id"])
    op.create_table(
        "plan_version",
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("published_at", INSTANT, nullable=True),
        sa.Column("retired_at", INSTANT, nullable=True),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_plan_version_currency_is_iso_4217")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_plan_version_counts_from_one")),
        sa.CheckConstraint("status IN ('draft', 'published', 'retired')", name=op.f("ck_plan_version_status_known")),
        sa.CheckConstraint(
            "(status = 'draft') = (published_at IS NULL)", name=op.f("ck_plan_version_published_at_an_instant")
        ),
        sa.CheckConstraint(
            "(status = 'retired') = (retired_at IS NOT NULL)", name=op.f("ck_plan_version_retired_at_an_instant")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_plan_version_plan_id_plan")),
        sa.PrimaryKeyConstraint("plan_id", "version", name=op.f("pk_plan_version")),
        sa.UniqueConstraint("request_id", name=op.f("uq_plan_version_request_id")),
        sa.UniqueConstraint("sequence", name=op.f("uq_plan_version_sequence")),
    )
    op.create_index(
        "ix_plan_version_published",
        "plan_version",
        ["plan_id", "version"],
        postgresql_where=sa.text("status = 'published'"),
    )


def create_coupons() -> None:
    op.create_table(
        "coupon",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("percent", sa.Numeric(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        sa.Column("periods", sa.Integer(), nullable=True),
        sa.Column("valid_from", INSTANT, nullable=True),
        sa.Column("valid_until", INSTANT, nullable=True),
        sa.Column("max_redemptions", sa.Integer(), nullable=True),
        sa.Column("once_per_customer", sa.Boolean(), nullable=False),
        sa.Column("redeemed", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("deactivated_at", INSTANT, nullable=True),
        sa.CheckConstraint("(percent IS NULL) <> (amount_minor IS NULL)", name=op.f("ck_coupon_percent_or_amount")),
        sa.CheckConstraint("(amount_minor IS NULL) = (currency IS NULL)", name=op.f("ck_coupon_amount_in_a_currency")),
        sa.CheckConstraint("percent > 0 AND percent <= 100", name=op.f("ck_coupon_percent_of_a_price")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_coupon_amount_positive")),
        sa.CheckConstraint(
            "redeemed BETWEEN 0 AND coalesce(max_redemptions, redeemed)", name=op.f("ck_coupon_redeemed_within_limit")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_coupon")),
        sa.UniqueConstraint("sequence", name=op.f("uq_coupon_sequence")),
    )
    op.create_table(
        "coupon_redemption",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("redeemed_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["code"], ["coupon.code"], name=op.f("fk_coupon_redemption_code_coupon")),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_coupon_redemption_contract_id_contract")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_coupon_redemption_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("code", "contract_id", name=op.f("pk_coupon_redemption")),
        sa.UniqueConstraint("sequence", name=op.f("uq_coupon_redemption_sequence")),
    )
    op.create_index(op.f("ix_coupon_redemption_contract_id"), "coupon_redemption", ["contract_id"])
    op.create_index(op.f("ix_coupon_redemption_customer_id"), "coupon_redemption", ["customer_id"])
