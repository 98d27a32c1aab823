"""How the journal is shown."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from api.amounts import Amount
from api.fields import Output
from models.journal_report import ListedEntry


class JournalLineOut(Output):
    account: str = Field(examples=["receivable"])
    side: Literal["debit", "credit"]
    amount: Amount = Field(description="Never negative; `side` says where it stands.")
    contract_id: str | None
    invoice_id: str | None
    line: str | None = Field(description="The contract's line.")


class JournalEntryOut(Output):
    id: str
    period: str = Field(examples=["2013-06"])
    posting_on: date = Field(description="When it counts.")
    economic_on: date = Field(description="When it was true.")
    kind: str = Field(examples=["invoice"])
    source_type: str
    source_id: str
    contract_id: str | None
    customer_id: str | None
    invoice_id: str | None
    reverses_entry_id: str | None
    created_at: datetime
    lines: list[JournalLineOut]


class AccountOut(Output):
    """An account in one currency; `balance` is positive on the debit side."""

    account: str
    name: str
    currency: str
    debit: Amount
    credit: Amount
    balance: Amount


class PositionOut(Output):
    """The account `contract_position` as a balance sheet shows it, contract by contract."""

    currency: str
    contract_asset: Amount
    deferred_revenue: Amount


class TrialBalance(Output):
    at: date | None
    accounts: list[AccountOut]
    positions: list[PositionOut]
    balanced: bool = Field(description="Whether debits equal credits in every currency.")


class MonthRevenueOut(Output):
    month: str = Field(examples=["2013-06"])
    revenue: Amount


class RevenueReport(Output):
    months: list[MonthRevenueOut] = Field(description="Oldest first.")


def entry_out(listed: ListedEntry) -> JournalEntryOut:
    entry = listed.entry
    return JournalEntryOut(
        id=entry.id,
        period=entry.period,
        posting_on=entry.posting_on,
        economic_on=entry.economic_on,
        kind=entry.kind,
        source_type=entry.source_type,
        source_id=entry.source_id,
        contract_id=entry.contract_id,
        customer_id=entry.customer_id,
        invoice_id=entry.invoice_id,
        reverses_entry_id=entry.reverses_entry_id,
        created_at=entry.created_at,
        lines=[
            JournalLineOut(
                account=line.account,
                side="debit" if line.amount_minor > 0 else "credit",
                amount=Amount.of(abs(line.amount_minor), line.currency),
                contract_id=line.contract_id,
                invoice_id=line.invoice_id,
                line=line.line_id,
            )
            for line in listed.lines
        ],
    )
