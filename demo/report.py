"""The tables at the end of the demo."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from demo.comparison import Comparison
from demo.found import Found, collected
from demo.layout import WIDE, left, money, table
from demo.matrix import InvoiceMatrix

ZERO: Final = Decimal(0)
DISAGREEMENTS_SHOWN: Final = 40
DEFERRED: Final = "contract_position"


def tables(found: Found, names: dict[str, str], *, width: int) -> Iterator[RenderableType]:
    """Yields what the year came to, one table after the other, for a terminal of that width."""
    yield Group(*InvoiceMatrix(found.documents).parts(width))
    yield _payments(found)
    yield _ledger(found, width)
    yield _trial_balance(found)
    yield _unmatched(found, names)


def _payments(found: Found) -> Table:
    at_once = [p for p in found.payments if p.status == "succeeded" and len(p.attempts) == 1]
    made = table("Payments and dunning", *left("invoices", "date", "attempt", "outcome"))
    whole = sum((p.amount for p in at_once), ZERO)
    made.add_row(f"{len(at_once)} invoices", "when issued", "1", f"[green]paid[/] {money(whole)} USD")
    for payment in found.payments:
        if payment in at_once:
            continue
        made.add_section()
        for attempt in payment.attempts:
            first = attempt is payment.attempts[0]
            paid = attempt.status == "succeeded"
            made.add_row(
                f"{payment.customer} {payment.invoice}" if first else "",
                str(attempt.on),
                str(attempt.number),
                f"[green]paid[/] {money(payment.amount)} USD" if paid else f"[red]declined[/] {attempt.code}",
            )
    return made


def _ledger(found: Found, width: int) -> Table:
    """Balances on the first and on the last day of each month."""
    ends = ("deferred\nat end", "unbilled\nat end", "owed\nat end", "collected\nat end")
    made = table("Ledger of 2013, USD", "", "revenue", "deferred\non 1st", *ends, gap=2 if width >= WIDE else 0)
    for month, revenue in sorted(found.revenue.items()):
        opened, closed = found.opening.get(month, {}), found.closing.get(month, {})
        made.add_row(
            f"{date.fromisoformat(f'{month}-01'):%b}",
            money(revenue),
            money(-opened.get(DEFERRED, ZERO)),
            money(-closed.get(DEFERRED, ZERO)),
            *(money(closed.get(account, ZERO)) for account in ("unbilled_receivable", "receivable")),
            money(collected(closed)),
        )
    made.add_section()
    made.add_row("year", money(sum(found.revenue.values(), ZERO)), style="bold")
    return made


def _trial_balance(found: Found) -> Table:
    made = table("Trial balance at the end, USD", "account", "debit", "credit")
    for account, balance in sorted(found.balances.items()):
        shown = money(abs(balance))
        made.add_row(account, "" if balance < 0 else shown, shown if balance < 0 else "")
    debit = sum((balance for balance in found.balances.values() if balance > 0), ZERO)
    credit = -sum((balance for balance in found.balances.values() if balance < 0), ZERO)
    made.add_section()
    made.add_row("", money(debit), money(credit), style="bold")
    return made


def _unmatched(found: Found, names: dict[str, str]) -> Table:
    """Departures that no contract takes, by airline and reason."""
    made = table("Departures that no contract takes", *left("airline", "why"), "")
    counts = Counter((event.customer, event.reason) for event in found.unmatched)
    for (customer, reason), count in sorted(counts.items(), key=lambda entry: -entry[1]):
        made.add_row(f"{customer} {names.get(customer, '')}", reason.replace("_", " "), f"{count:,}")
    made.add_section()
    made.add_row("", "", f"{counts.total():,}", style="bold")
    return made


def verdict(comparison: Comparison) -> RenderableType:
    """One line that says whether all agrees, and a table of what does not."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in comparison.compared.items())
    if comparison.agrees:
        line = f"[bold green]✓ All agrees[/] with the figures computed straight from the CSV: {kinds}."
        return Text.from_markup(line)
    wrong = comparison.disagreements
    made = Table(Column("what", overflow="fold"), "computed from the CSV", "found", box=box.SIMPLE_HEAD)
    for one in wrong[:DISAGREEMENTS_SHOWN]:
        made.add_row(one.what, one.expected, one.found)
    more = len(wrong) - DISAGREEMENTS_SHOWN
    share = f"{len(wrong):,} of {comparison.compared.total():,}"
    line = f"[bold red]✗ Not all agrees[/] with the figures computed straight from the CSV: {share} differ."
    return Group(Text.from_markup(line), made, Text(f"... and {more} more" if more > 0 else ""))
