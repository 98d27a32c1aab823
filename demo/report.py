"""The tables at the end of the demo."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from demo.comparison import Comparison
from demo.found import Document, Found, money

ZERO: Final = Decimal(0)
DISAGREEMENTS_SHOWN: Final = 40
DEFERRED: Final = "contract_position"


def tables(found: Found, names: dict[str, str]) -> Iterator[RenderableType]:
    """Yields what the year came to, one table after the other."""
    yield _invoices(found.documents)
    yield _payments(found)
    yield _ledger(found)
    yield _trial_balance(found)
    yield _unmatched(found, names)


def _invoices(documents: Sequence[Document]) -> RenderableType:
    """A matrix of airlines and months in thousands of dollars; the sums beside it are exact."""
    months = sorted({document.on.replace(day=1) for document in documents})
    cells: defaultdict[tuple[str, date], Decimal] = defaultdict(Decimal)
    issued: Counter[tuple[str, date]] = Counter()
    for document in documents:
        key = (document.customer, document.on.replace(day=1))
        cells[key] += document.total
        issued[key] += 1
    title = "Invoices by airline and month, thousands of USD"
    table = _table(title, "", *(_month(month) for month in months), "USD", gap=0)
    for customer in sorted({document.customer for document in documents}):
        row = [
            _thousands(cells[customer, month]) + ("*" if issued[customer, month] > 1 else "")
            if issued[customer, month]
            else "[dim]·[/]"
            for month in months
        ]
        whole = sum((cells[customer, month] for month in months), ZERO)
        table.add_row(f"[bold]{customer}[/]", *row, _money(whole))
    sums = [sum((amount for (_, on), amount in cells.items() if on == month), ZERO) for month in months]
    table.add_section()
    table.add_row("", *(_thousands(amount) for amount in sums), _money(sum(sums, ZERO)), style="bold")
    return Group(table, *(Text(note, style="dim") for note in _notes(documents)))


def _notes(documents: Sequence[Document]) -> Iterator[str]:
    yield f"{len(documents)} invoices, numbered {documents[0].number} to {documents[-1].number}."
    for document in documents:
        if document.on.day != 1:
            parts = " ".join(f"{line.amount:+,.2f} for {line.quantity:f}" for line in document.lines)
            yield (
                f"* with {document.number} of {document.on}, {_money(document.total)} USD for gates added "
                f"on that day: {parts}."
            )


def _payments(found: Found) -> Table:
    at_once = [p for p in found.payments if p.status == "succeeded" and len(p.attempts) == 1]
    table = _table(
        "Payments and dunning", *(Column(name, justify="left") for name in ("invoices", "date", "attempt", "outcome"))
    )
    whole = sum((p.amount for p in at_once), ZERO)
    table.add_row(f"{len(at_once)} invoices", "when issued", "1", f"[green]paid[/] {_money(whole)} USD")
    for payment in found.payments:
        if payment in at_once:
            continue
        table.add_section()
        for attempt in payment.attempts:
            first = attempt is payment.attempts[0]
            paid = attempt.status == "succeeded"
            table.add_row(
                f"{payment.customer} {payment.invoice}" if first else "",
                str(attempt.on),
                str(attempt.number),
                f"[green]paid[/] {_money(payment.amount)} USD" if paid else f"[red]declined[/] {attempt.code}",
            )
    return table


def _ledger(found: Found) -> Table:
    table = _table(
        "Ledger by month, USD",
        *(
            "",
            "revenue",
            "deferred on the 1st",
            "deferred at the end",
            "unbilled at the end",
            "receivable",
            "collected",
        ),
    )
    for month, revenue in sorted(found.revenue.items()):
        opened, closed = found.opening.get(month, {}), found.closing.get(month, {})
        table.add_row(
            month,
            _money(revenue),
            _money(-opened.get(DEFERRED, ZERO)),
            _money(-closed.get(DEFERRED, ZERO)),
            *(_money(closed.get(account, ZERO)) for account in ("unbilled_receivable", "receivable")),
            _money(money(closed)),
        )
    table.add_section()
    table.add_row("year", _money(sum(found.revenue.values(), ZERO)), style="bold")
    return table


def _trial_balance(found: Found) -> Table:
    table = _table("Trial balance at the end, USD", Column("account", justify="left"), "debit", "credit")
    for account, balance in sorted(found.balances.items()):
        shown = _money(abs(balance))
        table.add_row(account, "" if balance < 0 else shown, shown if balance < 0 else "")
    debit = sum((balance for balance in found.balances.values() if balance > 0), ZERO)
    credit = -sum((balance for balance in found.balances.values() if balance < 0), ZERO)
    table.add_section()
    table.add_row("", _money(debit), _money(credit), style="bold")
    return table


def _unmatched(found: Found, names: dict[str, str]) -> Table:
    """Departures that no contract takes, by airline and reason."""
    table = _table("Departures that no contract takes", *(Column(n, justify="left") for n in ("airline", "why")), "")
    counts = Counter((event.customer, event.reason) for event in found.unmatched)
    for (customer, reason), count in sorted(counts.items(), key=lambda entry: -entry[1]):
        table.add_row(f"{customer} {names.get(customer, '')}", reason.replace("_", " "), f"{count:,}")
    table.add_section()
    table.add_row("", "", f"{counts.total():,}", style="bold")
    return table


def verdict(comparison: Comparison) -> RenderableType:
    """One line that says whether all agrees, and a table of what does not."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in comparison.compared.items())
    if comparison.agrees:
        line = f"[bold green]✓ All agrees[/] with the figures computed straight from the CSV: {kinds}."
        return Text.from_markup(line)
    wrong = comparison.disagreements
    table = Table(Column("what", overflow="fold"), "computed from the CSV", "found", box=box.SIMPLE_HEAD)
    for one in wrong[:DISAGREEMENTS_SHOWN]:
        table.add_row(one.what, one.expected, one.found)
    more = len(wrong) - DISAGREEMENTS_SHOWN
    share = f"{len(wrong):,} of {comparison.compared.total():,}"
    line = f"[bold red]✗ Not all agrees[/] with the figures computed straight from the CSV: {share} differ."
    return Group(Text.from_markup(line), table, Text(f"... and {more} more" if more > 0 else ""))


def _table(title: str, *columns: str | Column, gap: int = 1) -> Table:
    """A table with a title on the left; figures stand right, the first column left."""
    made = [
        column if isinstance(column, Column) else Column(column, justify="right" if number else "left", no_wrap=True)
        for number, column in enumerate(columns)
    ]
    return Table(
        *made,
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, gap, 0, 0),
        header_style="dim",
        pad_edge=False,
    )


def _month(month: date) -> str:
    return f"{month:%b}" if month.year == 2013 else f"{month:%b%y}"


def _thousands(amount: Decimal) -> str:
    return f"{(amount / 1000).quantize(Decimal(1), ROUND_HALF_UP):,}"


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"
