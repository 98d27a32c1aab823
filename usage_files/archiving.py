"""Takes months of usage out of the database into Parquet files, month by month, each whole or not at all."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from models.database import Database
from models.usage_archive import (
    MonthChanged,
    Obstacle,
    archivable_months,
    contents,
    drop_month,
    obstacles,
    read_month,
)

_INSTANT = pa.timestamp("us", "UTC")
_SCHEMA: Final = pa.schema(
    [
        ("seq", pa.int64()),
        ("at", _INSTANT),
        ("source", pa.string()),
        ("event_id", pa.string()),
        ("customer_key", pa.string()),
        ("requested_contract_id", pa.string()),
        ("contract_id", pa.string()),
        ("event", pa.string()),
        ("value", pa.string()),
        ("properties", pa.string()),
        ("received_at", _INSTANT),
        ("voided_seq", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Archived:
    """What became of a month: its `file`, or the obstacles because of which it stays."""

    month: date
    outcome: Literal["archived", "stays", "changed", "could be"]
    event_count: int = 0
    file: str | None = None
    sha256: str | None = None
    obstacles: Sequence[Obstacle] = ()

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "month": f"{self.month:%Y-%m}", "obstacles": [one._asdict() for one in self.obstacles]}


def archive(
    database: Database, folder: Path, before: date, *, dry_run: bool, tell: Callable[[Archived], None]
) -> list[Archived]:
    """Archive the months that end by `before` into `folder`, and tell of each as soon as it is done."""
    with database.transaction() as session:
        months = archivable_months(session, before)
    found = []
    for month in months:
        found.append(_archive_month(database, folder, month, dry_run=dry_run))
        tell(found[-1])
    return found


def _archive_month(database: Database, folder: Path, month: date, *, dry_run: bool) -> Archived:
    with database.transaction() as session:
        standing = obstacles(session, month)
        read = contents(session, month)
    if standing:
        return Archived(month, "stays", read.event_count, obstacles=standing)
    if dry_run:
        return Archived(month, "could be", read.event_count)
    path = folder / f"usage-{month:%Y-%m}.parquet"
    digest = _write(database, month, path)
    try:
        database.run(lambda session: drop_month(session, month, read, file=path.name, sha256=digest))
    except MonthChanged:
        path.unlink()
        return Archived(month, "changed", read.event_count)
    return Archived(month, "archived", read.event_count, str(path), digest)


def _write(database: Database, month: date, path: Path) -> str:
    """Write the month's events; the file has its name once it is whole and on disk. Returns its SHA-256."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with new.open("xb") as file:
            with pq.ParquetWriter(file, _SCHEMA, compression="zstd") as writer, database.transaction() as session:
                for rows in read_month(session, month):
                    writer.write_table(pa.Table.from_pylist([row._asdict() for row in rows], schema=_SCHEMA))
            file.flush()
            os.fsync(file.fileno())
        with new.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        new.replace(path)
        return digest
    finally:
        new.unlink(missing_ok=True)
