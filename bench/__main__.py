"""`python -m bench`: measure, print a table, write .perennial/bench.json."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench.amendments import amend_latency
from bench.core import core_speed
from bench.cycles import cycle_history, cycle_speed
from bench.row import Row, table
from bench.stack import running_stack
from bench.usage import USAGE_ROWS, usage_speed

RESULT = Path(".perennial/bench.json")
MEASUREMENTS = {
    "cycle_events": cycle_history,
    "cycle_actions": cycle_history,
    "cycle_ratio": cycle_speed,
    "amend_p99_ms": amend_latency,
    "core_months_per_s": core_speed,
    **dict.fromkeys(USAGE_ROWS, usage_speed),
}


def main(rows: Annotated[str, typer.Option(help="Only these rows, comma-separated.")] = "") -> None:
    """Measure the budgets; exits with 1 if one is missed."""
    wanted = [name.strip() for name in rows.split(",") if name.strip()] or list(MEASUREMENTS)
    unknown = sorted(set(wanted) - set(MEASUREMENTS))
    if unknown:
        raise typer.BadParameter(f"no row {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    measured = _measure(wanted)
    Console().print(table(measured))
    known = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    known |= {row.name: row.as_json() for row in measured}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(known, indent=2) + "\n")
    sys.stdout.flush()
    # The SDK's threads can abort an interpreter that is shutting down after all work is done.
    os._exit(0 if all(row.ok for row in measured) else 1)


def _measure(wanted: list[str]) -> list[Row]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        starting = progress.add_task("starting a stack of its own", total=1)
        with running_stack() as plan:
            progress.update(starting, completed=1)
            found: list[Row] = []
            for measurement in dict.fromkeys(MEASUREMENTS[name] for name in wanted):
                task = progress.add_task((measurement.__doc__ or "").splitlines()[0], total=1)
                found += asyncio.run(measurement(plan))
                progress.update(task, completed=1)
    return [row for row in found if row.name in wanted]


if __name__ == "__main__":
    typer.run(main)
