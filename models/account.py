"""The chart of accounts, as data."""

from typing import Literal, NamedTuple

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

import models.base  # noqa: F401 - names what the tables below declare

AccountClass = Literal["asset", "liability", "equity", "revenue", "contra_revenue", "expense", "gain_loss"]


class Account(SQLModel, table=True):
    """A place that journal lines count up in. `normal_side` is where its balance usually stands: D or C."""

    __table_args__ = (
        CheckConstraint(
            "class IN ('asset', 'liability', 'equity', 'revenue', 'contra_revenue', 'expense', 'gain_loss')",
            name="class_known",
        ),
        CheckConstraint("normal_side IN ('D', 'C')", name="side_known"),
    )

    code: str = Field(primary_key=True)
    name: str
    account_class: str = Field(sa_column_kwargs={"name": "class"})
    normal_side: str


class ChartRow(NamedTuple):
    code: str
    name: str
    account_class: AccountClass
    normal_side: Literal["D", "C"]


CHART = (
    ChartRow("cash", "Cash", "asset", "D"),
    ChartRow("gateway_clearing", "Gateway clearing", "asset", "D"),
    ChartRow("receivable", "Accounts receivable", "asset", "D"),
    ChartRow("unbilled_receivable", "Unbilled receivable", "asset", "D"),
    # Per contract: shown as deferred revenue while it stands on the credit side, else as a contract asset.
    ChartRow("contract_position", "Contract position", "liability", "C"),
    ChartRow("customer_credit", "Customer credit", "liability", "C"),
    ChartRow("prepaid_credits", "Prepaid credits", "liability", "C"),
    ChartRow("refund_liability", "Refund liability", "liability", "C"),
    ChartRow("tax_payable", "Tax payable", "liability", "C"),
    ChartRow("revenue", "Revenue", "revenue", "C"),
    ChartRow("refunds", "Refunds", "contra_revenue", "D"),
    ChartRow("bad_debt", "Bad debt", "expense", "D"),
    ChartRow("disputed", "Disputed receivable", "asset", "D"),
    ChartRow("gateway_fees", "Gateway fees", "expense", "D"),
    ChartRow("fx_gain_loss", "Foreign exchange gain and loss", "gain_loss", "C"),
    # Every amount is split without a remainder: a balance here is an error to look for.
    ChartRow("rounding", "Rounding", "expense", "D"),
)
