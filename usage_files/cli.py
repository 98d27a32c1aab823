"""The commands `perennial usage import`, `export` and `archive`."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console

from usage_files.asked import Refused

# More cannot be sent at once.
BATCH_ROWS_MAX = 10_000
SENDERS_MAX = 32
INCOMPLETE = 2

usage = typer.Typer(help="Bring usage in from files, and out again.", no_args_is_help=True)
console = Console()
errors = Console(stderr=True)

Url = Annotated[
    str | None, typer.Option(help="Address of the API; else PERENNIAL_URL, else the stack on this machine.")
]
Key = Annotated[
    str | None, typer.Option("--api-key", help="Better in PERENNIAL_API_KEY, where other users cannot see it.")
]
Patience = Annotated[
    int, typer.Option(min=0, max=86_400, help="Give up once a request was not answered for so many seconds.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@usage.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="CSV, NDJSON (both also .gz) or Parquet.", exists=True, dir_okay=False)],
    maps: Annotated[list[str] | None, typer.Option("--map", help="FIELD=COLUMN; may be given several times.")] = None,
    properties: Annotated[
        list[str] | None,
        typer.Option(
            "--property", help="COLUMN, NAME=COLUMN, either with :text, :number or :boolean; * is each other."
        ),
    ] = None,
    id_from: Annotated[str, typer.Option(help="Columns that make a row's id together: COLUMN,COLUMN.")] = "",
    id_from_row: Annotated[
        str | None, typer.Option(help="PREFIX: ids are PREFIX-1, PREFIX-2, ... by row number.", show_default=False)
    ] = None,
    source: Annotated[str | None, typer.Option(help="Source of every event.", show_default=False)] = None,
    customer: Annotated[
        str | None, typer.Option(help="Key of the customer of every event.", show_default=False)
    ] = None,
    contract: Annotated[str | None, typer.Option(help="Id of the contract of every event.", show_default=False)] = None,
    event: Annotated[str | None, typer.Option(help="What happened in every event.", show_default=False)] = None,
    zone: Annotated[
        str | None, typer.Option(help="Time zone of instants without offset: America/New_York.", show_default=False)
    ] = None,
    ambiguous: Annotated[
        Literal["refuse", "first", "second"], typer.Option(help="Which of two, where clocks were set back.")
    ] = "refuse",
    delimiter: Annotated[str, typer.Option(help="What separates the cells of CSV.")] = ",",
    url: Url = None,
    api_key: Key = None,
    senders: Annotated[int, typer.Option(min=1, max=SENDERS_MAX, help="Requests at once.")] = 4,
    batch: Annotated[int, typer.Option(min=1, max=BATCH_ROWS_MAX, help="Rows in a request.")] = 1_000,
    packed: Annotated[bool, typer.Option("--gzip", help="Pack what is sent, for slow lines.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="What was stored with other content is replaced, not a conflict.")
    ] = False,
    patience: Patience = 600,
    rejects: Annotated[
        Path | None, typer.Option(help="Write the rows that are not stored here, as NDJSON.", dir_okay=False)
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(help="Where to note how far it is; else beside the file.", dir_okay=False, show_default=False),
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew where an earlier run was broken off.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read every row and send nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send the events of a file; exits with 2 if any is rejected or in conflict. Repeat it to go on, or to be sure."""
    # Loaded here because no other command needs them.
    from usage_files.instants import Instants
    from usage_files.mapping import Asked
    from usage_files.running import Run, run

    constants = {"source": source, "customer": customer, "contract": contract, "event": event}
    with _told():
        if len(delimiter) != 1:
            raise Refused("--delimiter: give one character")
        asked = Asked(
            maps=maps or (),
            constants={name: value for name, value in constants.items() if value is not None},
            properties=properties or (),
            id_from=id_from,
            id_prefix=id_from_row,
            instants=Instants(_zone(zone), ambiguous),
        )
        wanted = Run(
            file=file,
            asked=asked,
            delimiter=delimiter,
            url=url,
            api_key=api_key,
            senders=senders,
            batch_rows=batch,
            packed=packed,
            replace=replace,
            patience_seconds=patience,
            rejects=rejects,
            state=state,
            restart=restart,
            dry_run=dry_run,
        )
        complete = run(wanted, console, as_json=as_json)
    raise typer.Exit(0 if complete else INCOMPLETE)


@usage.command("export")
def export_command(
    file: Annotated[
        Path, typer.Argument(help="CSV, NDJSON (both also .gz) or Parquet, by its ending.", dir_okay=False)
    ],
    contract: Annotated[str | None, typer.Option(help="The contract that they count for.", show_default=False)] = None,
    customer: Annotated[str | None, typer.Option(help="The customer's id, or its key.", show_default=False)] = None,
    source: Annotated[str | None, typer.Option(help="Only of this source.", show_default=False)] = None,
    event: Annotated[str | None, typer.Option(help="Only those of this name.", show_default=False)] = None,
    from_at: Annotated[
        str | None, typer.Option("--from", help="The first instant: 2026-01-01T00:00:00Z.", show_default=False)
    ] = None,
    to_at: Annotated[str | None, typer.Option("--to", help="The first one after.", show_default=False)] = None,
    url: Url = None,
    api_key: Key = None,
    patience: Patience = 600,
    as_json: AsJson = False,
) -> None:
    """Write the events that are stored to a file; what it writes can be imported as it is."""
    # Loaded here because no other command needs it.
    from usage_files.running import run_export

    given = {
        "contract": contract,
        "customer": customer,
        "source": source,
        "event": event,
        "from": from_at,
        "to": to_at,
    }
    filters = {name: value for name, value in given.items() if value is not None}
    with _told():
        run_export(file, filters, console, url=url, api_key=api_key, patience_seconds=patience, as_json=as_json)


@usage.command("archive")
def archive_command(
    folder: Annotated[Path, typer.Argument(help="Where the files go, one a month.", exists=True, file_okay=False)],
    before: Annotated[
        datetime, typer.Option(formats=["%Y-%m"], help="Months before this one, such as 2025-01, may go.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say which months could go, and why others stay.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Move usage that is billed for good out of the database of PERENNIAL_DATABASE_URL, into Parquet files.

    Exits with 2 if a month has to stay.
    """
    # Loaded here because no other command needs them.
    from models.database import Database
    from settings import load_stack_settings
    from usage_files.archiving import archive
    from usage_files.telling import tell_archived

    with _told():
        url = load_stack_settings().database_url
        if url is None:
            raise Refused("PERENNIAL_DATABASE_URL is missing: the database that holds the usage")
        database = Database(url.get_secret_value(), statement_timeout_s=0)
        try:
            found = archive(
                database,
                folder,
                before.date(),
                dry_run=dry_run,
                tell=lambda month: None if as_json else tell_archived(console, month),
            )
        finally:
            database.dispose()
    if as_json:
        sys.stdout.write(json.dumps([month.as_json() for month in found], indent=2) + "\n")
    elif not found:
        console.print(f"No month before {before:%Y-%m} holds usage.")
    raise typer.Exit(INCOMPLETE if any(month.outcome in ("stays", "changed") for month in found) else 0)


@contextmanager
def _told() -> Iterator[None]:
    """Ends the command with a message where it cannot go on; an import that was interrupted goes on later."""
    try:
        yield
    except (Refused, OSError) as error:
        errors.print("[red]perennial:[/] ", end="")
        errors.print(str(error), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return None if name is None else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused(f"there is no time zone {name!r}; write one such as America/New_York") from None


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(usage, name="usage")
