"""Instants as files write them: with an offset, or as the clock on the wall of a zone showed them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from usage_files.asked import Unmappable

POINTER = "/at"
# No form of ISO 8601 that says more than a day is as short.
DAY = "2013-01-15"
Ambiguous = Literal["refuse", "first", "second"]


@dataclass(frozen=True, slots=True)
class Instants:
    """Reads instants. `zone` is that of local times; `ambiguous` says which is meant of two that look alike."""

    zone: ZoneInfo | None = None
    ambiguous: Ambiguous = "refuse"

    def instant(self, cell: object) -> datetime:
        """The instant in a cell, with its offset.

        Raises:
            Unmappable: it holds none, or a local time that is none or two in its zone.
        """
        at = _moment(cell)
        return at if at.tzinfo is not None else self._local(at)

    def _local(self, at: datetime) -> datetime:
        if self.zone is None:
            raise Unmappable("The instant has no offset. Name its time zone with --zone.", POINTER)
        first, second = (at.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() == second.utcoffset():
            return first
        # Where clocks are set forward, neither reading comes back as what was written.
        if first.astimezone(UTC).astimezone(self.zone).replace(tzinfo=None) != at:
            raise Unmappable(f"Clocks in {self.zone.key} never showed this: they were set forward.", POINTER)
        if self.ambiguous == "refuse":
            reason = f"Clocks in {self.zone.key} showed this twice. Choose with --ambiguous first or second."
            raise Unmappable(reason, POINTER)
        return first if self.ambiguous == "first" else second


def _moment(cell: object) -> datetime:
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, str):
        text = cell.strip()
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise Unmappable("This must be an instant such as 2013-01-01T05:17:00Z.", POINTER) from None
        if len(text) > len(DAY):
            return at
    if isinstance(cell, str | date):
        raise Unmappable("This is a day; an instant has a time too.", POINTER)
    raise Unmappable("This must be an instant such as 2013-01-01T05:17:00Z.", POINTER)
