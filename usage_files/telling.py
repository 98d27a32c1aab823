"""What the commands say: how far they are, and what came of it."""

import json
import sys
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from api.usage_intake import OUTCOMES
from usage_files.archiving import Archived
from usage_files.rejects import Reject
from usage_files.state import Counts

OBSTACLES_SHOWN: Final = 5


def progress() -> Progress:
    """A bar on the terminal; `told` is what stands behind it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[told]}"),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def counted(counts: Counts, rows: int, seconds: float) -> str:
    """Counts in one line, with the rate of the `rows` that were answered in these seconds."""
    rate = f"{rows / seconds:,.0f} rows/s" if seconds > 0 else ""
    return "  ".join([rate, *(f"{getattr(counts, name):,} {name}" for name in OUTCOMES)]).strip()


def tell_import(console: Console, summary: dict[str, Any], first: list[Reject], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(summary, indent=2) + "\n")
        return
    if first:
        table = Table("row", "result", "where", "why", box=None, header_style="bold")
        for reject in first:
            table.add_row(str(reject.row), reject.result, escape(reject.pointer) or "-", escape(reject.reason))
        console.print(table)
    found = ", ".join(f"{summary[name]:,} {name}" for name in OUTCOMES)
    if summary["dry_run"]:
        found = f"nothing was sent; {summary['accepted']:,} could be, {summary['rejected']:,} rejected"
    console.print(f"{summary['rows']:,} rows: {found}.", highlight=False)
    if summary["resumed_after"]:
        console.print(f"It went on after row {summary['resumed_after']:,}.", highlight=False)
    if summary["unmatched"]:
        console.print(f"{summary['unmatched']:,} wait for a contract; see GET /v1/usage/unmatched.", highlight=False)
    if summary["columns_not_used"]:
        console.print(f"Columns that were not used: {escape(', '.join(summary['columns_not_used']))}", highlight=False)


def tell_archived(console: Console, month: Archived) -> None:
    """A line for the month, and below it why it stays."""
    events = f"{month.month:%Y-%m}  {month.event_count:>12,} events"
    match month.outcome:
        case "archived":
            console.print(f"{events}  [green]archived[/] in {escape(str(month.file))}", highlight=False, soft_wrap=True)
        case "could be":
            console.print(f"{events}  could be archived", highlight=False)
        case "changed":
            console.print(f"{events}  [yellow]stays[/]: it changed while it was read; try again", highlight=False)
        case "stays":
            console.print(f"{events}  [yellow]stays[/]", highlight=False)
            for one in month.obstacles[:OBSTACLES_SHOWN]:
                whose = f"{one.contract_id}: " if one.contract_id else ""
                console.print(f"    {escape(whose + one.reason)}", highlight=False)
            if len(month.obstacles) > OBSTACLES_SHOWN:
                console.print(f"    and {len(month.obstacles) - OBSTACLES_SHOWN:,} more", highlight=False)
