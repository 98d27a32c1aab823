"""What the stack writes down about itself: `stack.json`, and the lock that keeps two commands from meeting."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import BaseModel, Field, ValidationError

FILE: Final = "stack.json"
LOCK: Final = "lock"


class PartRecord(BaseModel):
    """One part as it was last started or stopped."""

    pid: int | None = None
    ports: dict[str, int] = Field(default_factory=dict)
    url: str = ""
    log: str = ""


class StackState(BaseModel):
    """Every part of the stack, and the ports that were asked for."""

    parts: dict[str, PartRecord] = Field(default_factory=dict)
    preferred_ports: dict[str, int] = Field(default_factory=dict)

    def ports(self) -> Mapping[str, int]:
        """The ports in use, by name."""
        return {name: port for part in self.parts.values() for name, port in part.ports.items()}


def load(home: Path) -> StackState:
    """The state written last; an empty one where there is none that can be read."""
    try:
        return StackState.model_validate_json((home / FILE).read_text())
    except (FileNotFoundError, ValidationError):
        return StackState()


def save(home: Path, state: StackState) -> None:
    """Replaces the state at once: a reader, and whoever comes after a crash, sees the old one or the new one."""
    write_whole(home / FILE, state.model_dump_json(indent=2) + "\n", mode=0o644)


def write_whole(path: Path, text: str, *, mode: int) -> None:
    """Writes a file that is never seen half written, readable as `mode` says from its first byte."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Waits until no other command starts or stops the stack of `home`, and keeps others waiting."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
