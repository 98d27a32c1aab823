"""Takes a batch of usage in: what can be stored, or all of it or nothing, and says of each event what became of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import orjson
from sqlmodel import Session

from api.calls import Call
from api.problems import FAULTS_SHOWN_MAX, Problem
from api.usage_batches import Batch
from api.usage_events import Rejection
from api.usage_future import refuse_future
from models.usage import EventResult, UsageEvent, ingest

OUTCOMES: Final = ("accepted", "duplicate", "conflict", "replaced", "rejected")
ARCHIVED: Final = "The events of its month are archived; nothing can be added to it."
CONFLICT: Final = "This was stored before, or stands earlier in the batch, with other content."


class _Undone(Exception):
    """Takes back the transaction of a batch that cannot be stored whole."""

    def __init__(self, results: Sequence[EventResult]) -> None:
        super().__init__()
        self.results = results


def take_in(call: Call, batch: Batch, *, atomic: bool, replace: bool) -> bytes:
    """The answer to a batch, as JSON, once everything accepted is stored for good.

    With `replace`, what conflicts takes the place of what was stored.

    Raises:
        Problem: the batch is `atomic` and holds what is rejected (422) or conflicts (409); nothing was stored.
    """
    batch = refuse_future(call, batch)
    events = [event for event in batch.events if isinstance(event, UsageEvent)]
    broken = atomic and len(events) < len(batch.events)

    def store(session: Session) -> list[EventResult]:
        results = ingest(session, events, replace=replace)
        outcomes = {result.outcome for result in results}
        if broken or (atomic and outcomes & {"conflict", "archived"}):
            raise _Undone(results)
        for outcome in sorted(outcomes & {"accepted", "replaced"}):
            call.audit(session, f"usage.{outcome}", "usage")
        return results

    try:
        stored = call.parts.database.run(store) if events else []
    except _Undone as undone:
        raise _refusal(batch, _results(batch, _withheld(events, undone.results))) from None
    results = _results(batch, map(_stored, events, stored))
    if broken:
        raise _refusal(batch, results)
    counts = Counter(result["result"] for result in results)
    return orjson.dumps({**{outcome: counts[outcome] for outcome in OUTCOMES}, "results": results})


def _results(batch: Batch, of_events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    following = iter(of_events)
    results = [next(following) if isinstance(each, UsageEvent) else _rejected(each) for each in batch.events]
    for result, line in zip(results, batch.lines or (), strict=False):
        if result["result"] == "rejected":
            result["line"] = line
    return results


def _stored(event: UsageEvent, result: EventResult) -> dict[str, Any]:
    if result.outcome == "archived":
        return {"id": event.event_id, "result": "rejected", "reason": ARCHIVED, "pointer": ""}
    return {"id": event.event_id, "result": result.outcome, "contract": result.contract_id}


def _rejected(rejection: Rejection) -> dict[str, Any]:
    return {"id": rejection.event_id, "result": "rejected", "reason": rejection.reason, "pointer": rejection.pointer}


def _withheld(events: Sequence[UsageEvent], results: Sequence[EventResult]) -> Iterator[dict[str, Any]]:
    """The results as they are once nothing was stored: a duplicate of what was taken back is none."""
    taken_back = set()
    for event, result in zip(events, results, strict=True):
        key = event.source, event.event_id
        if result.outcome in ("accepted", "replaced"):
            taken_back.add(key)
        kept = result.outcome in ("conflict", "archived") or key not in taken_back
        yield _stored(event, result) if kept else {"id": event.event_id, "result": "withheld"}


def _refusal(batch: Batch, results: Sequence[dict[str, Any]]) -> Problem:
    faults = [
        batch.fault(position, result.get("reason", CONFLICT), result.get("pointer", ""))
        for position, result in enumerate(results)
        if result["result"] in ("rejected", "conflict")
    ]
    rejected = any(result["result"] == "rejected" for result in results)
    status, code = (422, "batch-rejected") if rejected else (409, "batch-conflict")
    detail = f"Nothing was stored: {len(faults)} of {len(results)} events cannot be. Correct them and send all again."
    return Problem(status, code, detail, tuple(faults[:FAULTS_SHOWN_MAX]), members={"results": results})
