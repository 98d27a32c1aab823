"""The journal, read: entries, trial balance, revenue by month."""

import base64
import binascii
from datetime import date
from typing import Annotated

from fastapi import Query

from api.amounts import Amount
from api.calls import CurrentCall
from api.journal_answers import (
    AccountOut,
    JournalEntryOut,
    MonthRevenueOut,
    PositionOut,
    RevenueReport,
    TrialBalance,
    entry_out,
)
from api.pages import Cursor as CursorText
from api.pages import Limit, Page
from api.problems import Fault, Problem
from api.routing import api_router, needs
from models import journal_report as report
from models.account import CHART
from models.journal_report import Cursor, EntryFilter

router = api_router("/v1/journal", "Journal")

Reference = Annotated[str | None, Query(max_length=200)]
At = Annotated[date | None, Query(description="Up to and including this day; all that is posted if absent.")]


@router.get(
    "/entries",
    operation_id="listJournalEntries",
    summary="List journal entries in the order of their posting day",
    dependencies=[needs("ledger:read")],
)
def list_journal_entries(
    call: CurrentCall,
    cursor: CursorText = None,
    limit: Limit = 50,
    contract: Reference = None,
    customer: Annotated[str | None, Query(max_length=200, description="The customer's id.")] = None,
    invoice: Reference = None,
    account: Reference = None,
    kind: Reference = None,
    posted_from: date | None = None,
    posted_to: Annotated[date | None, Query(description="Exclusive.")] = None,
) -> Page[JournalEntryOut]:
    wanted = EntryFilter(
        contract_id=contract,
        customer_id=customer,
        invoice_id=invoice,
        account=account,
        kind=kind,
        posted_from=posted_from,
        posted_to=posted_to,
    )
    after = _decoded(cursor)
    with call.parts.database.transaction() as session:
        found = report.entries(session, wanted, after=after, limit=limit + 1)
    next_cursor = _encoded(found[limit - 1].cursor) if len(found) > limit else None
    return Page(items=[entry_out(listed) for listed in found[:limit]], next_cursor=next_cursor)


@router.get(
    "/trial-balance",
    operation_id="getTrialBalance",
    summary="Every account's debits, credits and balance",
    dependencies=[needs("ledger:read")],
)
def get_trial_balance(call: CurrentCall, at: At = None) -> TrialBalance:
    with call.parts.database.transaction() as session:
        rows = report.trial_balance(session, at)
        positions = report.position_split(session, at)
    sums: dict[str, int] = {}
    for row in rows:
        sums[row.currency] = sums.get(row.currency, 0) + row.balance_minor
    return TrialBalance(
        at=at,
        accounts=[
            AccountOut(
                account=row.account,
                name=_NAMES[row.account],
                currency=row.currency,
                debit=Amount.of(row.debit_minor, row.currency),
                credit=Amount.of(row.credit_minor, row.currency),
                balance=Amount.of(row.balance_minor, row.currency),
            )
            for row in rows
        ],
        positions=[
            PositionOut(
                currency=split.currency,
                contract_asset=Amount.of(split.contract_asset_minor, split.currency),
                deferred_revenue=Amount.of(split.deferred_revenue_minor, split.currency),
            )
            for split in positions
        ],
        balanced=not any(sums.values()),
    )


@router.get(
    "/revenue",
    operation_id="getRevenue",
    summary="Revenue by month",
    dependencies=[needs("ledger:read")],
)
def get_revenue(call: CurrentCall, contract: Reference = None) -> RevenueReport:
    with call.parts.database.transaction() as session:
        rows = report.revenue_by_month(session, contract_id=contract)
    months = [MonthRevenueOut(month=row.month, revenue=Amount.of(row.revenue_minor, row.currency)) for row in rows]
    return RevenueReport(months=months)


def _encoded(cursor: Cursor) -> str:
    text = f"{cursor.posting_on.isoformat()}.{cursor.sequence}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(cursor: str | None) -> Cursor | None:
    """The entry after which the next page begins.

    Raises:
        Problem: 422, no cursor of this list.
    """
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        day, _, sequence = text.partition(".")
        if sequence.isdigit() and len(sequence) <= 18:
            return Cursor(date.fromisoformat(day), int(sequence))
    except (binascii.Error, ValueError):
        pass
    detail = "This is no cursor. Send `next_cursor` of the page before, or leave it out."
    raise Problem(422, "invalid-request", detail, (Fault(detail=detail, parameter="cursor"),))


_NAMES = {row.code: row.name for row in CHART}
