"""Runs the demo from an empty folder to its verdict."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Final

from rich.console import Console

from demo import agreed
from demo.client import ApiError
from demo.comparison import compare
from demo.departures import DEPARTURES, SENT_TWICE, Event, airlines, events_by_month
from demo.found import Found
from demo.histories import Histories, histories
from demo.independent import expect
from demo.layout import WIDE
from demo.reading import read
from demo.report import tables, verdict
from demo.stage import Stage, own, raised
from demo.story import Story, StoryFailed
from demo.summary import Measured, summary
from demo.telling import Telling
from settings import StackSettings

# Nothing happens to Alaska Airlines but the year itself; its fifth run bills the first of May.
QUIET: Final = ("AS", 5)


def run(settings: StackSettings, console: Console, *, keep: bool, json_file: Path | None) -> int:
    """The exit status: 1 if a figure disagrees, or the story could not be told to its end."""
    settings = own(settings)
    started = time.monotonic()
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.unlink(missing_ok=True)
    console.print("[bold]A year of departures, billed on a fresh stack[/]")
    try:
        with ExitStack() as closing:
            # The files are read while the parts of the stack start.
            pool = closing.enter_context(ThreadPoolExecutor(1))
            departures, expected = pool.submit(events_by_month), pool.submit(expect, DEPARTURES)
            stage = _raise(settings, console, closing, keep=keep)
            story = _play(stage, departures.result(), console)
            found, kept = _look(stage, story, console)
            comparison = compare(expected.result(), found)
            measured = Measured(time.monotonic() - started, stage.ingestion.sent, stage.ingestion.rate, kept)
            if json_file is not None:
                json_file.write_text(json.dumps(found.as_json(), indent=2) + "\n")
            for part in (*tables(found, airlines(), width=console.width), verdict(comparison)):
                console.print()
                console.print(part)
            console.print()
            # Addresses stay in one piece.
            console.print(summary(measured, stage, keep=keep), soft_wrap=True)
            with console.status("Leaving the stack up ..." if keep else "Stopping the stack ..."):
                closing.close()
    except (ApiError, StoryFailed) as error:
        console.print(f"[bold red]The story broke off:[/] {error}", highlight=False, soft_wrap=True)
        console.print(f"Logs: {settings.home / 'logs'}", highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted; the stack was stopped.")
        return 130
    return 0 if comparison.agrees else 1


def _raise(settings: StackSettings, console: Console, closing: ExitStack, *, keep: bool) -> Stage:
    with console.status("Starting the stack ...") as status:
        stage = closing.enter_context(
            raised(settings, lambda part, event: status.update(f"{part}: {event} ..."), keep=keep)
        )
    parts = "PostgreSQL, Temporal, a Stripe-compatible server, a worker and the API"
    console.print(f"{parts} run in {settings.home}", style="dim", highlight=False, soft_wrap=True)
    return stage


def _play(stage: Stage, departures: Mapping[date, Sequence[Event]], console: Console) -> Story:
    number = sum(len(events) for events in departures.values())
    sent = number + -(-number // SENT_TWICE)
    with Telling(console, events=sent, days=(agreed.STARTS_ON, agreed.ENDS_ON)) as telling:
        story = Story(stage, telling)
        story.play(airlines(), departures)
    return story


def _look(stage: Stage, story: Story, console: Console) -> tuple[Found, Histories]:
    """What came of the year, and what it left in Temporal."""
    with console.status("Reading what came of it ..."):
        found = read(stage, story.customers)
        carrier, cycle = QUIET
        return found, asyncio.run(histories(stage.plan.temporal_address(), story.contracts[carrier], cycle=cycle))
