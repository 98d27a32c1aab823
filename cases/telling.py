"""Tells a story: as tables for people, as JSON and as CSV for machines."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from cases.balances import balances, revenue, revenue_by_line
from cases.compare import Shown
from cases.days import month_ends
from cases.format import Scenario
from cases.story import Story, StoryDocument, StoryLine

CSV_HEADER = ("document", "date", "line", "kind", "from", "to", "amount", "currency", "status")


def tables(story: Story, scenario: Scenario) -> Iterator[Table | str]:
    """Invoices with their lines, revenue by month, balances by month, and what is due next."""
    show = Shown(story.currency)
    yield _documents("Invoices", story.invoices, show)
    if story.credit_notes:
        yield _documents("Credit notes", story.credit_notes, show)
    yield _revenue(story, show)
    yield _balances(story, scenario, show)
    due = f"{story.next_due[0]}, to {story.next_due[1]}" if story.next_due else "nothing"
    yield f"Status on {scenario.end}: [bold]{story.status.replace('_', ' ')}[/]. Due next: {due}."


def story_as_json(story: Story, scenario: Scenario) -> dict[str, Any]:
    """The same as plain data; amounts are strings in major units."""
    show = Shown(story.currency)
    return {
        "currency": story.currency,
        "status": story.status,
        "next_due": {"on": story.next_due[0].isoformat(), "reason": story.next_due[1]} if story.next_due else None,
        "invoices": [_document(document, show) for document in story.invoices],
        "credit_notes": [_document(document, show) for document in story.credit_notes],
        "revenue": {month: show.amount(amount) for month, amount in revenue(story).items()},
        "revenue_by_line": {
            line: {month: show.amount(amount) for month, amount in months.items()}
            for line, months in revenue_by_line(story).items()
        },
        "balances": {
            day.isoformat(): {name: show.amount(amount) for name, amount in balances(story, day).items() if amount}
            for day in month_ends(scenario)
        },
    }


def csv_rows(story: Story) -> Iterator[tuple[str, ...]]:
    """One row for each line of each document, under a header."""
    show = Shown(story.currency)
    yield CSV_HEADER
    for kind, documents in (("invoice", story.invoices), ("credit note", story.credit_notes)):
        for number, document in enumerate(documents, 1):
            for line in document.lines:
                days = (line.period[0].isoformat(), line.period[1].isoformat())
                yield (
                    f"{kind} {number}",
                    document.date.isoformat(),
                    line.line,
                    line.kind,
                    *days,
                    show.amount(line.amount),
                    story.currency,
                    document.status,
                )


def _documents(title: str, documents: tuple[StoryDocument, ...], show: Shown) -> Table:
    table = Table("", "date", "line", title=title, title_justify="left", box=None, header_style="bold")
    table.add_column("from", no_wrap=True)
    table.add_column("to", no_wrap=True)
    for name in ("net", "tax", "total"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("status")
    for number, document in enumerate(documents, 1):
        totals = (show.amount(document.net), show.amount(document.tax), show.amount(document.total), document.status)
        table.add_row(str(number), str(document.date), "", "", "", *totals, style="bold")
        for line in document.lines:
            days = (line.period[0].isoformat(), line.period[1].isoformat())
            table.add_row("", "", line.line, *days, show.amount(line.amount), style="dim")
    if not documents:
        table.add_row("none")
    return table


def _revenue(story: Story, show: Shown) -> Table:
    by_line = revenue_by_line(story)
    table = Table("month", title="Revenue by month", title_justify="left", box=None, header_style="bold")
    for name in (*by_line, "revenue"):
        table.add_column(name, justify="right")
    for month, amount in revenue(story).items():
        parts = [show.amount(months[month]) if month in months else "" for months in by_line.values()]
        table.add_row(month, *parts, show.amount(amount))
    return table


def _balances(story: Story, scenario: Scenario, show: Shown) -> Table:
    found = {day: balances(story, day) for day in month_ends(scenario)}
    names = [name for name in next(iter(found.values())) if any(sums[name] for sums in found.values())]
    table = Table("at the end of", title="Balances", title_justify="left", box=None, header_style="bold")
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    for day, sums in found.items():
        table.add_row(str(day), *(show.amount(sums[name]) for name in names))
    return table


def _document(document: StoryDocument, show: Shown) -> dict[str, Any]:
    return {
        "date": document.date.isoformat(),
        "due_on": document.due_on.isoformat(),
        "net": show.amount(document.net),
        "tax": show.amount(document.tax),
        "total": show.amount(document.total),
        "credit_applied": show.amount(document.credit_applied),
        "due": show.amount(document.due),
        "status": document.status,
        "invoice": document.invoice,
        "lines": [_line(line, show) for line in document.lines],
    }


def _line(line: StoryLine, show: Shown) -> dict[str, Any]:
    return {
        "line": line.line,
        "kind": line.kind,
        "period": [line.period[0].isoformat(), line.period[1].isoformat()],
        "amount": show.amount(line.amount),
        "steps": [
            {
                "label": step.label,
                "quantity": None if step.quantity is None else f"{step.quantity:f}",
                "unit_price": None if step.unit_price is None else f"{step.unit_price:f}",
                "amount": f"{step.amount:f}",
            }
            for step in line.steps
        ],
    }
