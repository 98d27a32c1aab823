"""Tells the story as it goes on: a line for each thing that happens, and two bars that move."""

from datetime import date
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Telling:
    """Prints each happening for good; the bars go when the story is over, and where nobody watches."""

    def __init__(self, console: Console, *, events: int, days: tuple[date, date]) -> None:
        self._console = console
        self._first, last = days
        self._bars = Progress(
            TextColumn("[bold]{task.description}", justify="right"),
            BarColumn(),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._events: TaskID = self._bars.add_task("departures", total=events, state="")
        self._days: TaskID = self._bars.add_task("test clock", total=(last - self._first).days, state="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def happened(self, on: date, what: str) -> None:
        """Prints what happened on a day of the story."""
        self._console.print(f"  [dim]{on}[/]  {what}", highlight=False)

    def sent(self, events: int) -> None:
        """Moves the bar of the departures."""
        self._bars.advance(self._events, events)
        task = self._bars.tasks[0]
        self._bars.update(self._events, state=f"{task.completed:,.0f} of {task.total:,.0f}")

    def arrived(self, on: date) -> None:
        """Moves the bar of the clock."""
        self._bars.update(self._days, completed=(on - self._first).days, state=f"{on:%d %B %Y}")
