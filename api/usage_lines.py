"""NDJSON: one event a line, read as it comes, so that no more of a body is held than its events and one line."""

from typing import Final

from api.cards import may_hold_card_number
from api.decoding import NotJson, decode
from api.usage_batches import Batch, refuse_more_than_a_batch
from api.usage_events import Rejection, read_event
from models.usage import UsageEvent

# More than the largest event takes, however its characters are written.
LINE_BYTES_MAX: Final = 512 * 1024


class LineReader:
    """Reads events out of the pieces of a body. Blank lines are counted and else ignored."""

    def __init__(self) -> None:
        self._events: list[UsageEvent | Rejection] = []
        self._lines: list[int] = []
        self._line = 0
        self._unfinished = b""

    def feed(self, piece: bytes) -> None:
        """Read the lines that end in this piece.

        Raises:
            Problem: the body holds more events than a batch may.
        """
        *lines, unfinished = (self._unfinished + piece).split(b"\n")
        # One byte too many is enough to tell a line that is too long, so nothing more of it is kept.
        self._unfinished = unfinished[: LINE_BYTES_MAX + 1]
        self._read(lines)

    def finish(self) -> Batch:
        """The batch; the last line needs no end.

        Raises:
            Problem: the body holds more events than a batch may.
        """
        self._read([self._unfinished])
        return Batch(self._events, lines=self._lines)

    def _read(self, lines: list[bytes]) -> None:
        search_cards = may_hold_card_number(b"\n".join(lines))
        for line in lines:
            self._line += 1
            if line and not line.isspace():
                self._events.append(_read_line(line, search_cards))
                self._lines.append(self._line)
        refuse_more_than_a_batch(len(self._events))


def _read_line(line: bytes, search_cards: bool) -> UsageEvent | Rejection:
    if len(line) > LINE_BYTES_MAX:
        return Rejection(None, f"The line is longer than {LINE_BYTES_MAX} bytes.", "")
    try:
        item = decode(line, any_number=True)
    except NotJson as error:
        place = f" at column {error.column}" if error.column else ""
        return Rejection(None, f"The line is {error.reason}{place}.", "")
    except RecursionError:
        return Rejection(None, "The line is nested too deep. Flatten it.", "")
    return read_event(item, search_cards=search_cards)
