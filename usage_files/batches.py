"""Rows put together into what one request sends."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from api.usage import BATCH_BYTES_MAX
from usage_files.asked import Unmappable
from usage_files.events import event_line
from usage_files.mapping import Mapped
from usage_files.rejects import Reject
from usage_files.rows import BadRow, Row

UNUSED_TOLD_MAX: Final = 50


@dataclass(slots=True)
class Batch:
    """Consecutive rows: those that are events, each with its line, and those that are none."""

    rows: list[Row] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    last: int = 0
    size: int = 0

    @property
    def count(self) -> int:
        return len(self.rows) + len(self.rejects)

    def body(self) -> bytes:
        """The events, one a line."""
        return b"\n".join(self.lines)


class Batches:
    """Makes batches of up to `rows_max` rows that one request can hold; `unused` are columns that give nothing."""

    def __init__(self, mapped: Mapped, rows_max: int) -> None:
        self.unused: dict[str, None] = dict.fromkeys(mapped.unused)
        self._mapped, self._rows_max = mapped, rows_max

    def of(self, rows: Iterable[Row | BadRow]) -> Iterator[Batch]:
        """Yields the rows in batches, in their order."""
        batch = Batch()
        for row in rows:
            line = self._line(row, batch.rejects.append)
            if line is not None and batch.size + len(line) + 1 > BATCH_BYTES_MAX:
                yield batch
                batch = Batch()
            if line is not None and isinstance(row, Row):
                batch.rows.append(row)
                batch.lines.append(line)
                batch.size += len(line) + 1
            batch.last = row.number
            if batch.count >= self._rows_max:
                yield batch
                batch = Batch()
        if batch.count:
            yield batch

    def _line(self, row: Row | BadRow, refuse: Callable[[Reject], None]) -> bytes | None:
        if isinstance(row, BadRow):
            refuse(Reject(row.number, "rejected", row.reason, "", row.text))
            return None
        self._note_unused(row)
        try:
            return event_line(row, self._mapped)
        except Unmappable as error:
            refuse(Reject(row.number, "rejected", error.reason, error.pointer, row.cells))
            return None

    def _note_unused(self, row: Row) -> None:
        mapped = self._mapped
        if not mapped.rows_name_columns or mapped.every_property or "specversion" in row.cells:
            return
        if not row.cells.keys() <= mapped.used and len(self.unused) < UNUSED_TOLD_MAX:
            self.unused |= dict.fromkeys(sorted(row.cells.keys() - mapped.used))
