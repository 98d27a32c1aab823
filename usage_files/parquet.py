"""Rows out of Parquet files, a batch of columns at a time, with every number exact."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from usage_files.asked import Refused
from usage_files.rows import BadRow, NoCell, Row, UsageFile, plain

ROWS_READ: Final = 10_000


NOT_FINITE: Final = NoCell("The number is not finite.")
OUT_OF_RANGE: Final = NoCell("The instant is out of range.")


@contextmanager
def open_parquet(path: Path) -> Iterator[UsageFile]:
    """An open Parquet file.

    Raises:
        Refused: it is none.
    """
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise Refused(f"{path.name} is no Parquet file: {error}") from None
    with file:
        yield _Parquet(path, file)


class _Parquet:
    """Rows are numbered from 1."""

    columns: Sequence[str] | None

    def __init__(self, path: Path, file: Any) -> None:
        self._name, self._file = path.name, file
        self.columns = list(file.schema_arrow.names)
        self.size: int = file.metadata.num_rows
        self._read = 0
        if len(set(self.columns)) < len(self.columns):
            raise Refused(f"{path.name} has a column more than once")

    def place(self) -> int:
        return self._read

    def rows(self, after: int) -> Iterator[Row | BadRow]:
        groups, self._read = self._groups(after)
        try:
            for batch in self._file.iter_batches(ROWS_READ, row_groups=groups):
                for cells in _cells(batch):
                    self._read += 1
                    if self._read > after:
                        yield Row(self._read, cells)
        except (pa.ArrowException, OSError) as error:
            raise Refused(f"{self._name} is damaged: {error}") from None

    def _groups(self, after: int) -> tuple[list[int], int]:
        """The groups of rows that hold any above `after`, and how many rows come before them."""
        metadata, before = self._file.metadata, 0
        for group in range(metadata.num_row_groups):
            count = metadata.row_group(group).num_rows
            if before + count > after:
                return list(range(group, metadata.num_row_groups)), before
            before += count
        return [], before


def _cells(batch: Any) -> Iterator[Mapping[str, object]]:
    names = batch.schema.names
    columns = [_values(batch.column(number)) for number in range(len(names))]
    for values in zip(*columns, strict=True):
        yield {name: value for name, value in zip(names, values, strict=True) if value is not None}


def _values(column: Any) -> list[object]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_floating(kind):
        # As text it has the digits that were meant: 0.1 and not what a float makes of it.
        return [None if text is None else _number(text) for text in pc.cast(column, pa.string()).to_pylist()]
    if pa.types.is_timestamp(kind):
        return _instants(column, kind)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return [None if not cell.is_valid else NoCell("Bytes are no text.") for cell in column]
    return [_plain(value) for value in column.to_pylist()]


def _number(text: str) -> object:
    number = Decimal(text)
    return plain(number) if number.is_finite() else NOT_FINITE


def _plain(value: object) -> object:
    """The value with the floats inside of it as decimals; what lacks inside of it is left out."""
    match value:
        case float():
            return _number(repr(value))
        case dict():
            return {name: _plain(inner) for name, inner in value.items() if inner is not None}
        case _:
            return value


def _instants(column: Any, kind: Any) -> list[object]:
    """Instants to the microsecond, as everywhere; of two that look alike in UTC none is lost, since UTC has none."""
    target = pa.timestamp("us", "UTC" if kind.tz else None)

    def values(part: Any) -> list[object]:
        # Only what is finer may lose something: nanoseconds. Cast unsafely, the others could wrap around.
        found: list[object] = pc.cast(part, target, safe=kind.unit != "ns").to_pylist()
        return found

    try:
        return values(column)
    except (pa.ArrowInvalid, ValueError, OverflowError):
        return [_instant(column.slice(number, 1), values) for number in range(len(column))]


def _instant(cell: Any, values: Any) -> object:
    try:
        return values(cell)[0]
    except (pa.ArrowInvalid, ValueError, OverflowError):
        return OUT_OF_RANGE
