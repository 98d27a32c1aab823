"""Files of usage as they are written: whole or not at all, in a form that can be imported as it is."""

import csv
import gzip
import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, cast

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from usage_files.events import as_json
from usage_files.rows import format_of

COLUMNS: Final = (
    "id",
    "source",
    "customer",
    "contract",
    "event",
    "at",
    "value",
    "properties",
    "counts_for",
    "received_at",
)
GROUP_ROWS: Final = 10_000


class Writer(Protocol):
    def write(self, item: Mapping[str, Any]) -> None:
        """Add an event as the API lists it."""
        ...

    def finish(self) -> None:
        """Write what is still held."""
        ...


@contextmanager
def written(path: Path) -> Iterator[Writer]:
    """A writer of the format that the file's name ends in. The file has its name once it is whole and on disk.

    Raises:
        Refused: the name ends in none.
    """
    kind, packed = format_of(path)
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with new.open("xb") as file:
            with _packed(file, packed) as content:
                writer = _WRITERS[kind](content)
                yield writer
                writer.finish()
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def _packed(file: BinaryIO, packed: bool) -> Iterator[BinaryIO]:
    if not packed:
        yield file
        return
    # Without name and time, the same usage gives the same file.
    with gzip.GzipFile("", "wb", 6, file, mtime=0) as content:
        yield cast("BinaryIO", content)


class _Lines:
    """Events in the shape in which they are sent, one a line."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, item: Mapping[str, Any]) -> None:
        event = {name: item[name] for name in COLUMNS[:8] if item[name] is not None}
        if "value" in event:
            event["value"] = orjson.Fragment(event["value"])
        if not event["properties"]:
            del event["properties"]
        self._file.write(as_json(event) + b"\n")

    def finish(self) -> None:
        return


class _Table:
    """Rows with the properties as JSON in one cell."""

    def __init__(self, file: BinaryIO) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        self._rows = csv.writer(self._text)
        self._rows.writerow(COLUMNS)

    def write(self, item: Mapping[str, Any]) -> None:
        cells = {**item, "properties": as_json(item["properties"]).decode() if item["properties"] else None}
        self._rows.writerow([cells[name] for name in COLUMNS])

    def finish(self) -> None:
        self._text.flush()
        self._text.detach()


class _Parquet:
    """Instants as such; value and properties as text, which holds every digit."""

    def __init__(self, file: BinaryIO) -> None:
        self._writer = pq.ParquetWriter(file, _SCHEMA, compression="zstd")
        self._held: list[dict[str, Any]] = []

    def write(self, item: Mapping[str, Any]) -> None:
        row = {name: item[name] for name in COLUMNS}
        row["properties"] = as_json(item["properties"]).decode() if item["properties"] else None
        for name in ("at", "received_at"):
            row[name] = datetime.fromisoformat(item[name])
        self._held.append(row)
        if len(self._held) >= GROUP_ROWS:
            self._write_group()

    def finish(self) -> None:
        self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        if self._held:
            self._writer.write_table(pa.Table.from_pylist(self._held, schema=_SCHEMA))
            self._held = []


_INSTANT = pa.timestamp("us", "UTC")
_SCHEMA = pa.schema([(name, _INSTANT if name in ("at", "received_at") else pa.string()) for name in COLUMNS])
_WRITERS: Final[Mapping[str, Callable[[BinaryIO], Writer]]] = {"ndjson": _Lines, "csv": _Table, "parquet": _Parquet}
