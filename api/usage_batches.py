"""Batches of usage out of request bodies: every event read by itself, so that a bad one is a result and no error."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from api.bodies import load_json
from api.cards import may_hold_card_number
from api.problems import Fault, invalid
from api.usage_events import Rejection, read_event
from models.usage import UsageEvent

BATCH_EVENTS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Batch:
    """The events of one request, in their order.

    `pointer` is where in the body their list stands. Where each event is a line, `lines` are their numbers, from 1.
    """

    events: Sequence[UsageEvent | Rejection]
    pointer: str = ""
    lines: Sequence[int] | None = None

    def fault(self, position: int, detail: str, pointer: str = "") -> Fault:
        """What is to be corrected in the event at `position`; `pointer` is within the event."""
        if self.lines is not None:
            return Fault(detail=f"Line {self.lines[position]}{pointer and f', {pointer}'}: {detail}")
        return Fault(detail=detail, pointer=f"{self.pointer}/{position}{pointer}")


def read_batch(raw: bytes) -> Batch:
    """The batch in an array, or in an object that wraps one.

    Raises:
        Problem: not JSON (400), or no batch of at most `BATCH_EVENTS_MAX` events (422).
    """
    content, pointer = load_json(raw), ""
    if isinstance(content, dict) and content.keys() == {"events"}:
        content, pointer = content["events"], "/events"
    if not isinstance(content, list):
        raise invalid('Send an array of events, or {"events": [...]}.', "")
    refuse_more_than_a_batch(len(content))
    search_cards = may_hold_card_number(raw)
    return Batch([read_event(item, search_cards=search_cards) for item in content], pointer)


def refuse_more_than_a_batch(count: int) -> None:
    """Refuse more events than one request may hold.

    Raises:
        Problem: there are more.
    """
    if count > BATCH_EVENTS_MAX:
        problem = invalid(f"The batch has more than {BATCH_EVENTS_MAX} events. Split it.", "")
        # Whoever still writes lines learns from it that nobody reads them.
        raise replace(problem, headers={"Connection": "close"})
