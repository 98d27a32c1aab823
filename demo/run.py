"""Runs the demo from an empty folder to its verdict."""

import asyncio
import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from rich.console import Console

from demo import agreed
from demo.client import ApiError
from demo.comparison import Comparison, compare
from demo.departures import DEPARTURES, SENT_TWICE, airlines, events_by_month
from demo.found import Found
from demo.histories import Cycle, cycle
from demo.independent import expect
from demo.reading import read
from demo.report import Measured, links, measurements, tables, verdict
from demo.stage import Stage, own, raised
from demo.story import Story, StoryFailed
from demo.telling import Telling
from settings import StackSettings

# Nothing happens to Alaska Airlines but the year itself; its fifth run bills the first of May.
QUIET: Final = ("AS", 5)


def run(settings: StackSettings, console: Console, *, keep: bool, json_file: Path | None) -> int:
    """The exit status: 1 if a figure disagrees, or the story could not be told to its end."""
    settings = own(settings)
    started = time.monotonic()
    console.print("[bold]A year of departures, billed on a fresh stack[/]")
    try:
        with ExitStack() as closing:
            stage = _raise(settings, console, closing, keep=keep)
            comparison = _play(stage, console, started, json_file)
    except (ApiError, StoryFailed) as error:
        console.print(f"[bold red]The story broke off:[/] {error}", highlight=False, soft_wrap=True)
        console.print(f"Logs: {settings.home / 'logs'}", highlight=False, soft_wrap=True)
        return 1
    if keep:
        console.print(f"The stack stays up. Take it down with: {_down(settings)}", highlight=False, soft_wrap=True)
    return 0 if comparison.agrees else 1


def _raise(settings: StackSettings, console: Console, closing: ExitStack, *, keep: bool) -> Stage:
    with console.status("Starting the stack ...") as status:
        stage = closing.enter_context(
            raised(settings, lambda part, event: status.update(f"{part}: {event} ..."), keep=keep)
        )
    parts = "PostgreSQL, Temporal, a Stripe-compatible server, a worker and the API"
    console.print(f"{parts} run in {settings.home}", style="dim", highlight=False)
    return stage


def _play(stage: Stage, console: Console, started: float, json_file: Path | None) -> Comparison:
    departures = events_by_month()
    number = sum(len(events) for events in departures.values())
    with Telling(console, events=number + -(-number // SENT_TWICE), days=(agreed.STARTS_ON, agreed.ENDS_ON)) as telling:
        story = Story(stage, telling)
        story.play(airlines(), departures)
    with console.status("Reading what came of it ..."):
        found = read(stage, story.customers)
        comparison = compare(expect(DEPARTURES), found)
        quiet, number = QUIET
        run_of_may = asyncio.run(cycle(stage.plan.temporal_address(), story.contracts[quiet], number=number))
    if json_file is not None:
        json_file.write_text(json.dumps(found.as_json(), indent=2) + "\n")
    measured = Measured(time.monotonic() - started, stage.ingestion.sent, stage.ingestion.rate, run_of_may.events)
    _show(console, found, comparison, measured, stage, run_of_may)
    return comparison


def _show(
    console: Console, found: Found, comparison: Comparison, measured: Measured, stage: Stage, quiet: Cycle
) -> None:
    for table in tables(found, airlines()):
        console.print()
        console.print(table)
    console.print()
    console.print(verdict(comparison))
    console.print(measurements(measured))
    console.print(links(stage.workflow_url(quiet.workflow_id), stage.docs_url))


def _down(settings: StackSettings) -> str:
    return f".venv/bin/python -m cli down --home '{settings.home}'"
