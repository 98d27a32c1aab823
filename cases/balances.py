"""What the journal of a story says: balances by day, revenue by month."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from cases.story import Story, StoryPosting
from domain.money import to_major

# Names of balances, the accounts they stand for, and the sign of their normal side.
_ACCOUNTS: Mapping[str, tuple[tuple[str, ...], int]] = {
    "cash": (("cash", "gateway_clearing"), 1),
    "receivable": (("receivable",), 1),
    "unbilled_receivable": (("unbilled_receivable",), 1),
    "customer_credit": (("customer_credit",), -1),
    "refund_liability": (("refund_liability",), -1),
    "tax_payable": (("tax_payable",), -1),
    "revenue": (("revenue",), -1),
    "bad_debt": (("bad_debt",), 1),
    "disputed": (("disputed",), 1),
    "refunds": (("refunds",), 1),
    "fx_gain_loss": (("fx_gain_loss",), -1),
    "gateway_fees": (("gateway_fees",), 1),
}
NAMES = (*_ACCOUNTS, "contract_asset", "deferred_revenue")


def balances(story: Story, day: date) -> dict[str, Decimal]:
    """Every balance at the end of `day`, in major units, positive on its normal side.

    The contract's one position is an asset or deferred revenue, never both.
    """
    sums = sums_by_account(posting for posting in story.postings if posting.on <= day)
    found = {name: sign * sum(sums[account] for account in accounts) for name, (accounts, sign) in _ACCOUNTS.items()}
    position = sums["contract_position"]
    found |= {"contract_asset": max(position, 0), "deferred_revenue": max(-position, 0)}
    return {name: to_major(minor, story.currency) for name, minor in found.items()}


def revenue(story: Story) -> dict[str, Decimal]:
    """Revenue by the month in which it counts; contra accounts are not deducted."""
    return _by_month(story, (posting for posting in story.postings if posting.account == "revenue"))


def revenue_by_line(story: Story) -> dict[str, dict[str, Decimal]]:
    """Revenue by line and month."""
    lines = {posting.line for posting in story.postings if posting.account == "revenue" and posting.line}
    return {
        line: _by_month(story, (p for p in story.postings if p.account == "revenue" and p.line == line))
        for line in sorted(lines)
    }


def unbalanced(story: Story) -> list[str]:
    """The entries whose debits and credits differ."""
    sums: dict[str, int] = defaultdict(int)
    for posting in story.postings:
        sums[posting.entry] += posting.amount_minor
    return [entry for entry, amount in sums.items() if amount]


def sums_by_account(postings: Iterable[StoryPosting]) -> dict[str, int]:
    """The sum of each account, in minor units."""
    sums: dict[str, int] = defaultdict(int)
    for posting in postings:
        sums[posting.account] += posting.amount_minor
    return sums


def _by_month(story: Story, postings: Iterable[StoryPosting]) -> dict[str, Decimal]:
    months: dict[str, int] = defaultdict(int)
    for posting in postings:
        months[f"{posting.on:%Y-%m}"] -= posting.amount_minor
    return {month: to_major(minor, story.currency) for month, minor in sorted(months.items())}
