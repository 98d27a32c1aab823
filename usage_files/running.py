"""The two commands from end to end: what is asked, what is done, what is said."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from usage_files import exporting
from usage_files.asked import Refused
from usage_files.batches import Batches
from usage_files.calling import Caller
from usage_files.importing import Answer, Import, sent_to, tried
from usage_files.mapping import Asked, mapped
from usage_files.parquet import open_parquet
from usage_files.reach import address_and_key
from usage_files.rejects import Rejects
from usage_files.rows import UsageFile, format_of, open_text
from usage_files.state import ENDING, Counts, State, beginning, resumed
from usage_files.telling import counted, progress, tell_import


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """An import as it was asked for."""

    file: Path
    asked: Asked
    delimiter: str
    url: str | None
    api_key: str | None
    senders: int
    batch_rows: int
    packed: bool
    replace: bool
    patience_seconds: int
    rejects: Path | None
    state: Path | None
    restart: bool
    dry_run: bool

    @property
    def place(self) -> Path | None:
        """Where it notes how far it is."""
        if self.dry_run:
            return None
        return self.state or self.file.with_name(self.file.name + ENDING)


def run(wanted: Run, console: Console, *, as_json: bool) -> bool:
    """Whether every row is stored, or could be.

    Raises:
        Refused: nothing can be sent, or nothing more.
    """
    if wanted.rejects is not None and wanted.rejects.absolute() == wanted.file.absolute():
        raise Refused("--rejects must be another file than the one that is read")
    with _opened(wanted) as file, _answers(wanted) as answer:
        batches = Batches(mapped(wanted.asked, file.columns), wanted.batch_rows)
        began = _began(wanted)
        rejects = Rejects(wanted.rejects, began.rejects_bytes)
        running = Import(began, wanted.place, rejects)
        try:
            _run(running, file, batches, answer, wanted.senders)
        except Refused as error:
            if wanted.place is None or not running.state.row:
                raise
            message = f"{error}. All up to row {running.state.row:,} is answered; the same command goes on there"
            raise Refused(message) from None
        finally:
            rejects.close()
    counts = running.state.counts
    summary = {
        "file": str(wanted.file),
        "dry_run": wanted.dry_run,
        "rows": counts.rows,
        **counts.model_dump(),
        "resumed_after": began.row,
        "columns_not_used": list(batches.unused),
    }
    tell_import(console, summary, rejects.first, as_json=as_json)
    return not (counts.conflict or counts.rejected)


def _run(running: Import, file: UsageFile, batches: Batches, answer: Answer, senders: int) -> None:
    before, started = running.state.counts.rows, time.monotonic()
    with progress() as bar:
        task = bar.add_task("importing", total=file.size, told="")

        def told(counts: Counts) -> None:
            line = counted(counts, counts.rows - before, time.monotonic() - started)
            bar.update(task, completed=file.place(), told=line)

        running.run(batches.of(file.rows(running.state.row)), answer, senders, told)


def _began(wanted: Run) -> State:
    """Where an earlier run was broken off, or the beginning."""
    fresh = beginning(
        wanted.file, [repr(astuple(wanted.asked)), wanted.delimiter, str(wanted.rejects), str(wanted.replace)]
    )
    return fresh if wanted.place is None or wanted.restart else resumed(wanted.place, fresh)


@contextmanager
def _opened(wanted: Run) -> Iterator[UsageFile]:
    is_parquet = format_of(wanted.file)[0] == "parquet"
    with open_parquet(wanted.file) if is_parquet else open_text(wanted.file, wanted.delimiter) as file:
        yield file


@contextmanager
def _answers(wanted: Run) -> Iterator[Answer]:
    if wanted.dry_run:
        yield tried
        return
    with _calling(wanted.url, wanted.api_key, wanted.patience_seconds) as caller:
        yield sent_to(caller, packed=wanted.packed, replace=wanted.replace)


@contextmanager
def _calling(url: str | None, api_key: str | None, patience_seconds: int) -> Iterator[Caller]:
    address, key = address_and_key(url, api_key)
    caller = Caller(address, key, patience_seconds=patience_seconds)
    try:
        yield caller
    finally:
        caller.stop()
        caller.close()


def run_export(
    file: Path,
    filters: Mapping[str, str],
    console: Console,
    *,
    url: str | None,
    api_key: str | None,
    patience_seconds: int,
    as_json: bool,
) -> None:
    """Write the events to the file, and say how many.

    Raises:
        Refused: they cannot be read, or not written there.
    """
    format_of(file)
    if not file.absolute().parent.is_dir():
        raise Refused(f"there is no folder {file.absolute().parent}")
    with _calling(url, api_key, patience_seconds) as caller, progress() as bar:
        task = bar.add_task("exporting", total=None, told="")
        count = exporting.export(file, caller, filters, lambda rows: bar.update(task, told=f"{rows:,} events"))
    summary: dict[str, Any] = {"file": str(file), "events": count}
    if as_json:
        sys.stdout.write(json.dumps(summary, indent=2) + "\n")
    else:
        console.print(f"{count:,} events written to {file}.", highlight=False, soft_wrap=True)
