"""What bears the revenue of an invoice line: its own schedule, a plan over the term, or prepaid credits."""

from datetime import date

from domain.books import BookedLine, Books, Document, Grant, Plan
from domain.corrected import Share, net_left
from domain.correction_entry import Correction
from domain.grant_revenue import Granted
from domain.line_revenue import LineRevenue, Scheduled, Settled
from domain.plan_revenue import Planned


def revenue_of(books: Books, document: Document, line: BookedLine, on: date) -> LineRevenue:
    """The revenue of the line, to be corrected on the day `on`."""
    if line.schedule_id is not None:
        return Scheduled(books, document, line, on)
    grant = _grant(books, line)
    if grant is not None:
        return Granted(books, grant, line)
    plan = _plan(books, line)
    return Settled(net_left(line)) if plan is None else Planned(books, plan, line, on)


def take_back(correction: Correction, shares: list[Share], account: str) -> None:
    """Debit what was earned of the shares to `account`, the rest of their net to the position, and their tax."""
    for line, net_minor, tax_minor in shares:
        bearer = revenue_of(correction.books, correction.document, line, correction.on)
        earned_minor = bearer.take(net_minor) if net_minor else 0
        correction.debit(account, earned_minor, line.line_id)
        correction.debit("contract_position", net_minor - earned_minor, line.line_id)
        correction.debit("tax_payable", tax_minor)


def _grant(books: Books, line: BookedLine) -> Grant | None:
    if line.kind != "prepaid":
        return None
    return next((grant for grant in books.grants.values() if grant.schedule_line_id == line.id), None)


def _plan(books: Books, line: BookedLine) -> Plan | None:
    begun = [plan for plan in books.plans.values() if plan.line_id == line.line_id and plan.starts_on <= line.starts_on]
    return max(begun, key=lambda plan: plan.starts_on, default=None)
