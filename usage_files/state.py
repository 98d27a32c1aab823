"""How far an import has come, written down beside the file so that one that was killed goes on there."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ValidationError

from usage_files.asked import Refused

HEAD_BYTES: Final = 64 * 1024
ENDING: Final = ".import.json"


class Counts(BaseModel):
    """What became of the rows so far; `unmatched` of those that are stored wait for a contract."""

    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    replaced: int = 0
    rejected: int = 0
    unmatched: int = 0

    @property
    def rows(self) -> int:
        return self.accepted + self.duplicate + self.conflict + self.replaced + self.rejected


class State(BaseModel):
    """Every row up to `row` was answered, and the rejects file was so long. The rest tells files and runs apart."""

    size: int
    head: str
    asked: str
    row: int = 0
    rejects_bytes: int = 0
    counts: Counts = Counts()


def beginning(path: Path, asked: Sequence[str]) -> State:
    """The state of an import of the file, as `asked`, that has not begun."""
    with path.open("rb") as file:
        head = hashlib.blake2b(file.read(HEAD_BYTES), digest_size=16).hexdigest()
        size = os.fstat(file.fileno()).st_size
    return State(size=size, head=head, asked=hashlib.blake2b("\0".join(asked).encode(), digest_size=16).hexdigest())


def resumed(place: Path, fresh: State) -> State:
    """The state that was written last, `fresh` where there is none.

    Raises:
        Refused: it is that of another file, or of an import with other options.
    """
    try:
        found = State.model_validate_json(place.read_bytes())
    except FileNotFoundError:
        return fresh
    except ValidationError:
        raise Refused(f"{place} is no state of an import. Begin anew with --restart") from None
    if (found.size, found.head) != (fresh.size, fresh.head):
        raise Refused(f"{place} is of an import of another file, or the file has changed. Begin anew with --restart")
    if found.asked != fresh.asked:
        raise Refused(f"{place} is of an import with other options. Repeat those, or begin anew with --restart")
    return found


def save(place: Path, state: State) -> None:
    """Replace what is written there at once: whoever reads it sees the old one or the new one."""
    new = place.with_name(f"{place.name}.new")
    with new.open("w") as file:
        file.write(state.model_dump_json() + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(place)
