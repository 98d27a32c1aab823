"""Tells a story: as tables for people, as JSON and as CSV for machines."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from cases.balances import balances, revenue, revenue_by_line
from cases.compare import Shown
from cases.days import month_ends
from cases.format import Scenario
from cases.story import Story, StoryDocument, StoryLine

# A heading and what stands below it.
Column = tuple[str, list[str]]

CSV_HEADER = ("document", "date", "line", "kind", "from", "to", "amount", "currency", "status")


def tables(story: Story, scenario: Scenario, width: int) -> Iterator[Table | str]:
    """Invoices with their lines, revenue by month, balances by month, and what is due next; `width` columns wide."""
    show = Shown(story.currency)
    yield _documents("Invoices", story.invoices, show)
    if story.credit_notes:
        yield _documents("Credit notes", story.credit_notes, show)
    yield from _revenue(story, show, width)
    yield from _balances(story, scenario, show, width)
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
    """A row for each document, and below it one for each of its lines."""
    table = Table(title=title, title_justify="left", box=None, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("status / line", overflow="fold")
    for name in ("date / from", "to"):
        table.add_column(name, no_wrap=True)
    for name in ("net", "tax", "total"):
        table.add_column(name, justify="right", no_wrap=True)
    for number, document in enumerate(documents, 1):
        totals = (show.amount(document.net), show.amount(document.tax), show.amount(document.total))
        table.add_row(str(number), document.status, str(document.date), "", *totals, style="bold")
        for line in document.lines:
            table.add_row("", line.line, *(str(day) for day in line.period), show.amount(line.amount), style="dim")
    if not documents:
        table.add_row("", "none")
    return table


def _revenue(story: Story, show: Shown, width: int) -> Iterator[Table]:
    months = revenue(story)
    parts = [*revenue_by_line(story).items(), ("revenue", months)]
    columns = [(name, [show.amount(part[month]) if month in part else "" for month in months]) for name, part in parts]
    yield from _side_by_side("Revenue by month", ("month", list(months)), columns, width)


def _balances(story: Story, scenario: Scenario, show: Shown, width: int) -> Iterator[Table]:
    found = {day: balances(story, day) for day in month_ends(scenario)}
    names = [name for name in next(iter(found.values())) if any(sums[name] for sums in found.values())]
    columns = [(name.replace("_", " "), [show.amount(sums[name]) for sums in found.values()]) for name in names]
    yield from _side_by_side("Balances", ("at the end of", [str(day) for day in found]), columns, width)


def _side_by_side(title: str, first: Column, columns: Sequence[Column], width: int) -> Iterator[Table]:
    """The columns beside the first one, in as many tables as the width asks for."""
    left = list(columns)
    while True:
        room, taken = width - _width(first), 0
        while taken < len(left) and (not taken or room >= _width(left[taken])):
            room -= _width(left[taken])
            taken += 1
        table = Table(title=title, title_justify="left", box=None, header_style="bold")
        table.add_column(first[0], no_wrap=True)
        for name, _ in left[:taken]:
            table.add_column(name, justify="right")
        for row in zip(first[1], *(cells for _, cells in left[:taken]), strict=True):
            table.add_row(*row)
        yield table
        left, title = left[taken:], f"{title.removesuffix(', continued')}, continued"
        if not left:
            return


def _width(column: Column) -> int:
    """What a column needs: its longest figure, and its heading broken between words; with the space around it."""
    name, cells = column
    return max(map(len, [*name.split(), *cells])) + 2


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
