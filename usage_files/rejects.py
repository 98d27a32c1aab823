"""The rows that were not stored, with why: on file to be corrected, and the first of them to be told."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

from api.decoding import NoNumber
from usage_files.rows import NoCell

TOLD_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was not stored. `cells` are what stands in it, or the beginning of its text."""

    row: int
    result: Literal["rejected", "conflict"]
    reason: str
    pointer: str
    cells: Mapping[str, object] | str


class Rejects:
    """Lines of JSON, one a row; without a path only the first are kept."""

    def __init__(self, path: Path | None, size: int) -> None:
        """Goes on behind the first `size` bytes of the file; what a killed run wrote beyond them comes again."""
        self.first: list[Reject] = []
        self._file = _opened(path, size) if path is not None else None

    @property
    def size(self) -> int:
        return self._file.tell() if self._file is not None else 0

    def add(self, reject: Reject) -> None:
        if len(self.first) < TOLD_MAX:
            self.first.append(reject)
        if self._file is not None:
            self._file.write(_line(reject))

    def sync(self) -> None:
        """Return once all that was added is on disk."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _opened(path: Path, size: int) -> BinaryIO:
    file = path.open("r+b" if size and path.exists() else "wb")
    file.truncate(min(size, os.fstat(file.fileno()).st_size))
    file.seek(0, os.SEEK_END)
    return file


def _line(reject: Reject) -> bytes:
    content = {
        "row": reject.row,
        "result": reject.result,
        "reason": reject.reason,
        "pointer": reject.pointer,
        "cells": reject.cells,
    }
    # Bytes that are no UTF-8 stand in a text as halves of surrogate pairs, which JSON can escape.
    return (json.dumps(content, ensure_ascii=False, default=_shown) + "\n").encode(errors="backslashreplace")


def _shown(cell: object) -> str:
    if isinstance(cell, NoCell):
        return cell.reason
    return "" if isinstance(cell, NoNumber) else str(cell)
