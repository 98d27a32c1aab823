"""What bears the revenue of an invoice line: its own schedule, a plan over the term, or prepaid credits."""

from collections.abc import Sequence
from datetime import date

from domain.books import BookedLine, Books, Grant, Plan
from domain.corrected import Remainder, Share, take_off
from domain.correction_entry import Correction
from domain.grant_revenue import Granted
from domain.line_revenue import LineRevenue, Scheduled, Settled
from domain.plan_revenue import Planned, bears_all


def revenue_of(books: Books, of: Remainder, on: date, *, by_days: bool = False) -> LineRevenue:
    """The revenue of what is left of a line, to be corrected on the day `on`.

    `by_days`: what is earned goes by the days of the line's own period, also where the line shares the term's price.
    """
    if of.line.schedule_id is not None:
        return Scheduled(books, of, on)
    grant = _grant(books, of.line)
    if grant is not None:
        return Granted(books, grant, of, on)
    plan = _plan(books, of.line)
    if plan is None:
        return Settled(of.net_minor)
    return Planned(books, plan, of, on, bears_all=not by_days and bears_all(books, plan, of.line))


def take_back(correction: Correction, shares: Sequence[Share], account: str) -> None:
    """Take the shares off their lines: debit `account` with what was earned of them, the position with the rest."""
    by_days = correction.kind == "credit_note"
    bearers = [revenue_of(correction.books, of, correction.on, by_days=by_days) for of, _, _ in shares]
    for bearer, (of, net_minor, tax_minor) in zip(bearers, shares, strict=True):
        earned_minor = bearer.take(net_minor) if net_minor else 0
        correction.debit(account, earned_minor, of.line.line_id)
        correction.debit("contract_position", net_minor - earned_minor, of.line.line_id)
        correction.debit("tax_payable", tax_minor)
    take_off(shares)


def _grant(books: Books, line: BookedLine) -> Grant | None:
    if line.kind != "prepaid":
        return None
    return next((grant for grant in books.grants.values() if grant.schedule_line_id == line.id), None)


def _plan(books: Books, line: BookedLine) -> Plan | None:
    begun = [plan for plan in books.plans.values() if plan.line_id == line.line_id and plan.starts_on <= line.starts_on]
    return max(begun, key=lambda plan: plan.starts_on, default=None)
