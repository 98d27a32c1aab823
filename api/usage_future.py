"""Events from the future: a clock that is wrong, or a unit of time mistaken for another."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from api.calls import Call
from api.usage_batches import Batch
from api.usage_events import Rejection
from models import clock
from models.usage import UsageEvent

AHEAD_MAX: Final = timedelta(days=1)


def refuse_future(call: Call, batch: Batch) -> Batch:
    """The batch without what lies more than `AHEAD_MAX` after now, or after the test clock that is farthest ahead."""
    latest_at = call.at + AHEAD_MAX
    if all(isinstance(event, Rejection) or event.at <= latest_at for event in batch.events):
        return batch
    with call.parts.database.transaction() as session:
        shown_at = clock.farthest(session)
    if shown_at is not None:
        latest_at = max(latest_at, shown_at + AHEAD_MAX)

    def judged(event: UsageEvent | Rejection) -> UsageEvent | Rejection:
        if isinstance(event, Rejection) or event.at <= latest_at:
            return event
        return Rejection(event.event_id, f"{event.at:%Y-%m-%dT%H:%M:%SZ} is more than a day in the future.", "")

    return replace(batch, events=[judged(event) for event in batch.events])
