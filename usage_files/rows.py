"""Rows out of CSV and NDJSON files, packed or not, one after the other: a row that cannot be read harms no other."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, Final, Protocol, cast

from api.decoding import NotJson, decode
from api.usage_lines import LINE_BYTES_MAX
from usage_files.asked import Refused

TEXT_SHOWN_MAX: Final = 500
BOM: Final = b"\xef\xbb\xbf"
FORMATS: Final = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".parquet": "parquet"}


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row that hold something, by their column."""

    number: int
    cells: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class NoCell:
    """A cell that holds nothing an event could; `reason` says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read, and the beginning of what stands there."""

    number: int
    reason: str
    text: str


class UsageFile(Protocol):
    """An open file. `columns` are those of its head, None where each row names its own."""

    columns: Sequence[str] | None
    size: int

    def rows(self, after: int) -> Iterator[Row | BadRow]:
        """Yields the rows whose number is above `after`.

        Raises:
            Refused: the file is damaged, so that nothing more can be read.
        """
        ...

    def place(self) -> int:
        """How much of `size` has been read."""
        ...


def plain(number: Decimal) -> Decimal:
    """The number without an exponent, as the database writes it back."""
    return Decimal(f"{number:f}")


def format_of(path: Path) -> tuple[str, bool]:
    """What the endings of a file's name say: csv, ndjson or parquet, and whether it is packed with gzip.

    Raises:
        Refused: they say neither.
    """
    endings = [ending.lower() for ending in path.suffixes]
    packed = endings[-1:] == [".gz"]
    found = FORMATS.get("".join((endings[:-1] if packed else endings)[-1:]))
    if found is None or (packed and found == "parquet"):
        known = ".csv, .ndjson, .jsonl, each also with .gz, or .parquet"
        raise Refused(f"{path.name}: the name must end in {known}")
    return found, packed


@contextmanager
def open_text(path: Path, delimiter: str) -> Iterator[UsageFile]:
    """An open CSV or NDJSON file.

    Raises:
        Refused: it has no head that names its columns.
    """
    kind, packed = format_of(path)
    with path.open("rb") as raw:
        content = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if packed else raw
        yield _Csv(path, raw, content, delimiter) if kind == "csv" else _Ndjson(path, raw, content)


class _Text:
    """What the two have in common: how far the file itself was read, and what a damaged one is called."""

    columns: Sequence[str] | None = None

    def __init__(self, path: Path, raw: BinaryIO, content: BinaryIO) -> None:
        self.size = path.stat().st_size
        self._name, self._raw, self._content = path.name, raw, content

    def place(self) -> int:
        return self._raw.tell()

    @contextmanager
    def _undamaged(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise Refused(f"{self._name} is damaged: {error}") from None


class _Ndjson(_Text):
    """An object a line; a row's number is its line, and blank lines are counted and else ignored."""

    def rows(self, after: int) -> Iterator[Row | BadRow]:
        number = 0
        with self._undamaged():
            while line := self._content.readline(LINE_BYTES_MAX + 2):
                number += 1
                line = self._whole(line)
                if number == 1:
                    line = line.removeprefix(BOM)
                if number > after and not line.isspace():
                    yield _object(number, line)

    def _whole(self, line: bytes) -> bytes:
        """The line; of one that is too long no more than is needed to see it."""
        rest = line
        while not rest.endswith(b"\n") and (rest := self._content.readline(LINE_BYTES_MAX)):
            pass
        return line


def _object(number: int, line: bytes) -> Row | BadRow:
    def bad(reason: str) -> BadRow:
        return BadRow(number, reason, line[:TEXT_SHOWN_MAX].decode(errors="replace").rstrip("\r\n"))

    if len(line.rstrip(b"\r\n")) > LINE_BYTES_MAX:
        return bad(f"The line is longer than {LINE_BYTES_MAX} bytes.")
    try:
        found = decode(line, any_number=True)
    except NotJson as error:
        place = f" at column {error.column}" if error.column else ""
        return bad(f"The line is {error.reason}{place}.")
    except RecursionError:
        return bad("The line is nested too deep. Flatten it.")
    if not isinstance(found, dict):
        return bad("The line must be an object.")
    return Row(number, {name: cell for name, cell in found.items() if cell is not None})


class _Csv(_Text):
    """A record a row; the head is row 1, so that the numbers are those of a table on a screen."""

    def __init__(self, path: Path, raw: BinaryIO, content: BinaryIO, delimiter: str) -> None:
        super().__init__(path, raw, content)
        # What is no UTF-8 must not end the reading: such cells are found when their row is written.
        text = io.TextIOWrapper(content, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._records = csv.reader(text, delimiter=delimiter, strict=True)
        self.columns = self._head()

    def rows(self, after: int) -> Iterator[Row | BadRow]:
        assert self.columns is not None
        number = 1
        with self._undamaged():
            while True:
                number += 1
                try:
                    record = next(self._records)
                except StopIteration:
                    return
                except csv.Error as error:
                    if number > after:
                        yield BadRow(number, f"The row is no CSV: {error}.", "")
                    continue
                if record and number > after:
                    yield _record(number, self.columns, record)

    def _head(self) -> Sequence[str]:
        with self._undamaged():
            try:
                names = [name.strip() for name in next(self._records)]
            except StopIteration:
                raise Refused(f"{self._name} is empty; its first row names the columns") from None
            except csv.Error as error:
                raise Refused(f"{self._name} is no CSV file: {error}") from None
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise Refused(f"{self._name} has the column {doubled[0]!r} more than once")
        return names


def _record(number: int, columns: Sequence[str], record: Sequence[str]) -> Row | BadRow:
    if len(record) != len(columns):
        reason = f"The row has {len(record)} cells, the head {len(columns)}."
        return BadRow(number, reason, ",".join(record)[:TEXT_SHOWN_MAX].encode(errors="replace").decode())
    return Row(number, {name: cell for name, cell in zip(columns, record, strict=True) if cell})
