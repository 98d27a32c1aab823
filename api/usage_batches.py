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

    `place` is the pointer to one of them, with `{}` for its position. Where each is a line, `lines` are their numbers,
    from 1.
    """

    events: Sequence[UsageEvent | Rejection]
    place: str = "/{}"
    lines: Sequence[int] | None = None

    def fault(self, position: int, detail: str, pointer: str = "") -> Fault:
        """What is to be corrected in the event at `position`; `pointer` is within the event."""
        if self.lines is not None:
            return Fault(detail=f"Line {self.lines[position]}{pointer and f', {pointer}'}: {detail}")
        return Fault(detail=detail, pointer=self.place.format(position) + pointer)


def read_batch(raw: bytes) -> Batch:
    """The batch in an array, or in an object that wraps one.

    Raises:
        Problem: not JSON (400), or no batch of at most `BATCH_EVENTS_MAX` events (422).
    """
    content = load_json(raw, any_number=True)
    if isinstance(content, dict) and content.keys() == {"events"}:
        return Batch(_read(content["events"], raw), "/events/{}")
    return Batch(_read(content, raw))


def read_cloud_batch(raw: bytes) -> Batch:
    """The batch in an array of CloudEvents.

    Raises:
        Problem: not JSON (400), or no batch of at most `BATCH_EVENTS_MAX` events (422).
    """
    return Batch(_read(load_json(raw, any_number=True), raw, only_cloud=True))


def read_cloud_event(raw: bytes) -> Batch:
    """The batch that is one CloudEvent.

    Raises:
        Problem: not JSON (400).
    """
    return Batch(_read([load_json(raw, any_number=True)], raw, only_cloud=True), "")


def _read(content: object, raw: bytes, *, only_cloud: bool = False) -> list[UsageEvent | Rejection]:
    if not isinstance(content, list):
        raise invalid(
            "Send an array of events." if only_cloud else 'Send an array of events, or {"events": [...]}.', ""
        )
    refuse_more_than_a_batch(len(content))
    search_cards = may_hold_card_number(raw)
    return [read_event(item, search_cards=search_cards, only_cloud=only_cloud) for item in content]


def refuse_more_than_a_batch(count: int) -> None:
    """Refuse more events than one request may hold.

    Raises:
        Problem: there are more.
    """
    if count > BATCH_EVENTS_MAX:
        problem = invalid(f"The batch has more than {BATCH_EVENTS_MAX} events. Split it.", "")
        # Whoever still writes lines learns from it that nobody reads them.
        raise replace(problem, headers={"Connection": "close"})
