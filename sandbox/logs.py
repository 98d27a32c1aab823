"""The log files of the parts, read side by side."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

POLL_SECONDS: Final = 0.2


def files(folder: Path, part: str | None) -> list[Path]:
    """The log of `part`, or those of all parts."""
    return sorted(path for path in folder.glob(f"{part or '*'}.log") if path.exists())


def last(logs: list[Path], lines: int) -> Iterator[str]:
    """Yields the last `lines` lines of each log, with the name of the part where there are several."""
    for log in logs:
        text = log.read_text(errors="replace").splitlines(keepends=True)
        yield from (_named(log, line, logs) for line in text[len(text) - min(lines, len(text)) :])


def follow(logs: list[Path], lines: int) -> Iterator[str]:
    """Yields the same, then goes on for ever with every line that is written."""
    offsets = {log: log.stat().st_size for log in logs}
    yield from last(logs, lines)
    while True:
        for log in logs:
            # A log that became shorter was begun anew.
            start = offsets[log] if log.stat().st_size >= offsets[log] else 0
            with log.open("rb") as file:
                file.seek(start)
                fresh = file.read()
            whole = fresh[: fresh.rfind(b"\n") + 1]
            offsets[log] = start + len(whole)
            yield from (_named(log, line, logs) for line in whole.decode(errors="replace").splitlines(keepends=True))
        time.sleep(POLL_SECONDS)


def _named(log: Path, line: str, logs: list[Path]) -> str:
    return f"{log.stem:<9} {line}" if len(logs) > 1 else line
