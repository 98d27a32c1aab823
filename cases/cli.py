"""The commands `perennial check` and `perennial simulate`."""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cases.check import Result, check
from cases.memory import Memory
from cases.mistakes import Mistake, Unreadable
from cases.reading import read, read_scenario
from cases.story import Engine
from cases.telling import csv_rows, story_as_json, tables
from domain.errors import DomainError
from domain.period import boundary

console = Console()
errors = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
UNREADABLE = 2


def check_command(
    paths: Annotated[list[Path], typer.Argument(help="Case files, or folders of them.")],
    engine: Annotated[
        Literal["memory", "temporal"],
        typer.Option(help="The pure core alone, or the whole system: server, worker, database, gateway."),
    ] = "memory",
    only: Annotated[str, typer.Option("--filter", help="Only cases whose name holds this.")] = "",
    as_json: AsJson = False,
) -> None:
    """Run case files; exits with 1 if any case fails, and with 2 if a file cannot be read."""
    try:
        cases = [found for found in read(paths) if only in found.case.name]
        if not cases:
            raise Unreadable([Mistake(", ".join(map(str, paths)), "", "", f"no case has {only!r} in its name")])
    except Unreadable as error:
        raise typer.Exit(_unreadable(error, as_json=as_json)) from None
    with _engine(engine) as running, _progress() as progress:
        task = progress.add_task("checking", total=len(cases))
        results = []
        for result in check(cases, running):
            results.append(result)
            progress.advance(task)
            if not as_json:
                console.out(str(result), highlight=False)
    failed = sum(not result.passed for result in results)
    if as_json:
        sys.stdout.write(json.dumps(_as_json(results, failed), indent=2) + "\n")
    else:
        console.out(f"{len(results) - failed} passed, {failed} failed", highlight=False)
    raise typer.Exit(1 if failed else 0)


def simulate_command(
    file: Annotated[Path, typer.Argument(help="A scenario, as in a case file; it needs no `expect`.")],
    case: Annotated[str | None, typer.Option(help="Which one, where the file has several.")] = None,
    months: Annotated[
        int | None, typer.Option(min=1, max=1200, help="Run for so many months from the scenario's start.")
    ] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the lines of all documents as CSV.")] = False,
) -> None:
    """Tell what a contract will bill and recognise: invoices, revenue by month, balances, what is due next."""
    try:
        scenario = read_scenario(file, case)
    except Unreadable as error:
        raise typer.Exit(_unreadable(error, as_json=as_json)) from None
    if months is not None:
        end = boundary(scenario.start, "month", months) - timedelta(days=1)
        scenario = scenario.model_copy(update={"end": end})
    try:
        story = Memory().run(scenario)
    except DomainError as error:
        errors.print(f"[red]perennial:[/] {error.field or 'the scenario'}: {error.message}", soft_wrap=True)
        raise typer.Exit(1) from None
    if as_json:
        sys.stdout.write(json.dumps(story_as_json(story, scenario), indent=2, default=_plain) + "\n")
    elif as_csv:
        csv.writer(sys.stdout).writerows(csv_rows(story))
    else:
        for table in tables(story, scenario, console.width):
            console.print(table)


@contextmanager
def _engine(name: str) -> Iterator[Engine]:
    if name == "memory":
        yield Memory()
        return
    # Loaded here because it brings a whole stack with it.
    from cases.temporal import temporal_engine

    with temporal_engine(errors) as engine:
        yield engine


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _unreadable(error: Unreadable, *, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(json.dumps({"mistakes": [asdict(m) for m in error.mistakes]}, indent=2) + "\n")
    else:
        for mistake in error.mistakes:
            errors.out(str(mistake), highlight=False)
    return UNREADABLE


def _as_json(results: Sequence[Result], failed: int) -> dict[str, Any]:
    return {
        "cases": [asdict(result) | {"passed": result.passed} for result in results],
        "passed": len(results) - failed,
        "failed": failed,
    }


def _plain(value: object) -> str:
    match value:
        case Decimal():
            return f"{value:f}"
        case date():
            return value.isoformat()
        case _:
            raise TypeError(f"{value!r} has no plain form")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("check")(check_command)
    app.command("simulate")(simulate_command)
