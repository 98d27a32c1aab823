"""Batches of usage out of request bodies: every event read by itself, so that a bad one is a result and no error."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from api.bodies import load_json
from api.cards import may_hold_card_number
from api.problems import Fault, invalid
from api.usage_events import Rejection, read_event
from models.usage import UsageEvent

BATCH_EVENTS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Batch:
    """The events of one request, in their order. `pointer` is where in the body their list stands."""

    events: Sequence[UsageEvent | Rejection]
    pointer: str = ""

    def fault(self, position: int, detail: str, pointer: str = "") -> Fault:
        """What is to be corrected in the event at `position`; `pointer` is within the event."""
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
    if len(content) > BATCH_EVENTS_MAX:
        raise invalid(f"The batch has more than {BATCH_EVENTS_MAX} events. Split it.", "")
    search_cards = may_hold_card_number(raw)
    return Batch([read_event(item, search_cards=search_cards) for item in content], pointer)
