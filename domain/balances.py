"""What journal entries come to: balances by the names of the reports, and revenue by month and by line."""

from collections.abc import Iterable
from datetime import date

from domain.journal import Entry

# Balances are positive on the account's usual side.
DEBIT = frozenset({"cash", "receivable", "unbilled_receivable", "bad_debt", "disputed", "refunds", "gateway_fees"})
CREDIT = frozenset({"customer_credit", "refund_liability", "tax_payable", "revenue", "fx_gain_loss"})
# Money that the gateway has taken is on its way to the bank.
REPORTED_AS = {"gateway_clearing": "cash"}
POSITION = "contract_position"

# The months of revenue, by their first day.
Months = dict[date, int]


def balances(entries: Iterable[Entry], day: date) -> dict[str, int]:
    """The balances at the end of `day`, in minor units; every name is there, also at zero.

    A contract's position is deferred revenue or a contract asset, never both; those of several contracts are not
    netted.
    """
    totals = dict.fromkeys((*sorted(DEBIT), *sorted(CREDIT), "contract_asset", "deferred_revenue"), 0)
    positions: dict[str | None, int] = {}
    for entry in entries:
        if entry.posting_on > day:
            continue
        for posting in entry.postings:
            account = REPORTED_AS.get(posting.account, posting.account)
            if account == POSITION:
                positions[entry.contract_id] = positions.get(entry.contract_id, 0) + posting.amount_minor
            else:
                amount_minor = -posting.amount_minor if account in CREDIT else posting.amount_minor
                totals[account] = totals.get(account, 0) + amount_minor
    for position_minor in positions.values():
        totals["contract_asset" if position_minor > 0 else "deferred_revenue"] += abs(position_minor)
    return totals


def revenue_by_month(entries: Iterable[Entry]) -> Months:
    """Recognised revenue by calendar month, in minor units; a month that comes to nothing is absent."""
    months: Months = {}
    for by_month in revenue_by_line(entries).values():
        for month, amount_minor in by_month.items():
            months[month] = months.get(month, 0) + amount_minor
    return {month: amount_minor for month, amount_minor in sorted(months.items()) if amount_minor}


def revenue_by_line(entries: Iterable[Entry]) -> dict[str, Months]:
    """Recognised revenue by contract line and calendar month, in minor units."""
    lines: dict[str, Months] = {}
    for entry in entries:
        month = entry.posting_on.replace(day=1)
        for posting in entry.postings:
            if posting.account == "revenue":
                months = lines.setdefault(posting.line_id or "", {})
                months[month] = months.get(month, 0) - posting.amount_minor
    return lines
