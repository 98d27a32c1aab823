"""The command line `perennial`."""

import json
import os
import signal
import sys
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Column, Table

from cases import cli as case_commands
from sandbox import logs as stack_logs
from sandbox.part import PartFailed
from sandbox.stack import PartStatus, Stack, migrate_database
from settings import SettingsError, load_stack_settings
from usage_files import cli as usage_commands

WATCH_SECONDS: Final = 1.0
COLOURS: Final = {"healthy": "green", "unhealthy": "yellow", "stopped": "red"}

app = typer.Typer(
    help="Durable revenue orchestration: every customer contract is one long-running workflow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
case_commands.register(app)
usage_commands.register(app)
console = Console()
errors = Console(stderr=True)

Home = Annotated[
    Path | None,
    typer.Option(help="Folder of the stack's data, logs and secrets; else PERENNIAL_HOME.", show_default=False),
]
Only = Annotated[list[str] | None, typer.Option(help="Start only this part; may be given several times.")]


class _Refused(Exception):
    """What was asked cannot be done; the message is for the person who asked."""


@app.command()
def up(
    home: Home = None,
    only: Only = None,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay, restart parts that die, and stop all on Ctrl-C.")
    ] = False,
) -> None:
    """Start the stack, or what is missing of it, and print its addresses."""
    signal.signal(signal.SIGTERM, _interrupt)
    stack = _stack(home, only)
    try:
        _bring_up(stack)
        _print_addresses(stack)
        if foreground:
            _watch(stack)
    except KeyboardInterrupt:
        # A second Ctrl-C must not leave half of the stack behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _bring_down(stack)
        raise typer.Exit(0 if foreground else 130) from None


@app.command()
def down(home: Home = None) -> None:
    """Stop every part of the stack; its data stays."""
    _bring_down(_stack(home))


@app.command()
def status(
    home: Home = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show every part of the stack; exits with 1 unless all are healthy."""
    found = _stack(home).status()
    if as_json:
        sys.stdout.write(json.dumps({part.name: asdict(part) for part in found}, indent=2) + "\n")
    else:
        console.print(_table(found))
    if any(part.condition != "healthy" for part in found):
        raise typer.Exit(1)


@app.command()
def migrate() -> None:
    """Bring the database that PERENNIAL_DATABASE_URL names to the schema of this release."""
    url = load_stack_settings().database_url
    if url is None:
        raise _Refused("PERENNIAL_DATABASE_URL is missing; `perennial up` migrates the embedded database")
    migrate_database(url.get_secret_value())


@app.command()
def adopt(
    file: Annotated[
        Path, typer.Argument(help="A CSV file, a row for each line of a contract.", exists=True, dir_okay=False)
    ],
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day of the opening balances; today if absent.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what is wrong, or what would be done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Adopt contracts that run already, into the database of PERENNIAL_DATABASE_URL; exits with 2 on any problem."""
    # Loaded here because no other command needs it.
    from adoption.command import run
    from models.database import Database

    url = load_stack_settings().database_url
    if url is None:
        raise _Refused("PERENNIAL_DATABASE_URL is missing: the database that takes the contracts")
    database = Database(url.get_secret_value())
    try:
        day = on.date() if on else None
        raise typer.Exit(run(file, database, console, on=day, dry_run=dry_run, as_json=as_json))
    finally:
        database.dispose()


@app.command()
def logs(
    part: Annotated[str | None, typer.Argument(help="Only this part.")] = None,
    home: Home = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines are written.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 20,
) -> None:
    """Show the ends of the parts' logs."""
    folder = _stack(home).home / "logs"
    files = stack_logs.files(folder, part)
    if not files:
        raise _Refused(f"there is no log of {part or 'any part'} in {folder}")
    try:
        for line in stack_logs.follow(files, lines) if follow else stack_logs.last(files, lines):
            sys.stdout.write(line)
            sys.stdout.flush()
    except KeyboardInterrupt:
        return


@app.command()
def demo(
    home: Home = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack up to click through.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the results to this file.")] = None,
) -> None:
    """Run the story of one year on a fresh stack; exits with 1 if any figure disagrees with the input."""
    # Loaded here because no other command needs it.
    from demo.run import run

    signal.signal(signal.SIGTERM, _interrupt)
    raise typer.Exit(run(_stack(home).settings, console, keep=keep, json_file=json_file))


def _stack(home: Path | None, only: list[str] | None = None) -> Stack:
    settings = load_stack_settings()
    if home is not None:
        settings = settings.model_copy(update={"home": home.expanduser().absolute()})
    return Stack(settings, only=only)


def _bring_up(stack: Stack) -> None:
    with console.status("Starting the stack ...") as spinner:

        def report(part: str, event: str) -> None:
            spinner.update(f"{part}: {event} ...")
            if event == "running":
                console.print(f"  [green]✓[/] {part}")

        stack.up(report)


def _bring_down(stack: Stack) -> None:
    with console.status("Stopping the stack ..."):
        stack.down(lambda part, event: console.print(f"  {part} {event}") if event == "stopped" else None)


def _watch(stack: Stack) -> None:
    """Restarts parts that die until interrupted."""
    console.print("Running. Ctrl-C stops the stack.")
    while True:
        time.sleep(WATCH_SECONDS)
        if dead := stack.dead():
            console.print(f"[yellow]{', '.join(dead)} ended; starting again.[/]")
            _bring_up(stack)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _print_addresses(stack: Stack) -> None:
    console.print(_table(stack.status()))
    console.print(f"Secrets and the admin API key: {stack.home / 'secrets.json'}", soft_wrap=True)


def _table(found: list[PartStatus]) -> Table:
    table = Table("part", "condition", "pid", Column("address", no_wrap=True), "ports", box=None, header_style="bold")
    for part in found:
        condition = f"[{COLOURS[part.condition]}]{part.condition}[/]" + (" (outside)" if part.outside else "")
        ports = " ".join(str(port) for port in part.ports.values())
        table.add_row(part.name, condition, str(part.pid or "-"), part.url or "-", ports or "-")
    return table


def main() -> None:
    """Runs one command and ends the process with its status.

    The Temporal SDK can abort an interpreter that shuts down after all its work is done (status 134), so the process
    ends without that shutdown once its output is written.
    """
    code = _run()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run() -> int:
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except (SettingsError, PartFailed, _Refused) as error:
        errors.print(f"[red]perennial:[/] {error}", markup=True, soft_wrap=True)
        return 1
    return 0


if __name__ == "__main__":
    main()
