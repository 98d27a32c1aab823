"""An import: batches sent by several senders at once, answered in the order of the file, and noted as answered."""

import gzip
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from api.decoding import decode
from api.usage_body import LINES
from api.usage_events import Rejection, read_event
from api.usage_intake import CONFLICT
from usage_files import state as states
from usage_files.asked import Refused
from usage_files.batches import Batch
from usage_files.calling import Caller
from usage_files.rejects import Reject, Rejects
from usage_files.state import Counts, State

PATH: Final = "/v1/usage"
SAVE_SECONDS: Final = 1.0
# So that a sender finds its next batch ready, and no more of the file is held.
AHEAD: Final = 2

Result = dict[str, Any]
# What became of each event of a batch, in their order.
Answer = Callable[[Batch], Sequence[Result]]


def sent_to(caller: Caller, *, packed: bool, replace: bool) -> Answer:
    """Answers by the API; with `replace` what conflicts takes the place of what was stored."""
    path = f"{PATH}?replace=true" if replace else PATH
    headers = {"Content-Type": LINES, **({"Content-Encoding": "gzip"} if packed else {})}

    def send(batch: Batch) -> Sequence[Result]:
        if not batch.lines:
            return []
        body = gzip.compress(batch.body(), compresslevel=1) if packed else batch.body()
        answer = caller.post(path, body, headers)
        results: list[Result] = answer.get("results", ()) if isinstance(answer, dict) else []
        if len(results) != len(batch.lines):
            raise Refused(f"{caller.url} is no Perennial API: it answered {len(results)} of {len(batch.lines)} events")
        return results

    return send


def tried(batch: Batch) -> Sequence[Result]:
    """Answers as the API would read the events, without any that is stored."""
    return [_tried(line) for line in batch.lines]


def _tried(line: bytes) -> Result:
    found = read_event(decode(line), search_cards=True)
    if isinstance(found, Rejection):
        return {"result": "rejected", "reason": found.reason, "pointer": found.pointer}
    return {"result": "accepted", "contract": ""}


class Import:
    """One run over a file. `state` grows with each batch that was answered and is saved in `place`, if there is one."""

    def __init__(self, state: State, place: Path | None, rejects: Rejects) -> None:
        self.state, self._place, self._rejects = state, place, rejects
        self._saved_at = time.monotonic()

    def run(self, batches: Iterable[Batch], answer: Answer, senders: int, told: Callable[[Counts], None]) -> None:
        """Return once every batch is answered; what was answered is noted also when it ends before.

        Raises:
            Refused: the API refuses a batch, or the file is damaged.
        """
        waiting: deque[tuple[Batch, Future[Sequence[Result]]]] = deque()
        pool = ThreadPoolExecutor(senders)
        try:
            for batch in batches:
                waiting.append((batch, pool.submit(answer, batch)))
                while len(waiting) >= AHEAD * senders or (waiting and waiting[0][1].done()):
                    self._settle(*waiting.popleft(), told)
            while waiting:
                self._settle(*waiting.popleft(), told)
        finally:
            for _, future in waiting:
                future.cancel()
            self._save()
            pool.shutdown(wait=False)
        if self._place is not None:
            self._place.unlink(missing_ok=True)

    def _settle(self, batch: Batch, future: Future[Sequence[Result]], told: Callable[[Counts], None]) -> None:
        results = future.result()
        counts = self.state.counts.model_copy()
        counts.rejected += len(batch.rejects)
        rejects = list(batch.rejects)
        for row, result in zip(batch.rows, results, strict=True):
            outcome = result["result"]
            setattr(counts, outcome, getattr(counts, outcome) + 1)
            if outcome in ("rejected", "conflict"):
                reason, pointer = result.get("reason") or CONFLICT, result.get("pointer") or ""
                rejects.append(Reject(row.number, outcome, reason, pointer, row.cells))
            elif result.get("contract") is None:
                counts.unmatched += 1
        for reject in sorted(rejects, key=lambda one: one.row):
            self._rejects.add(reject)
        self.state = self.state.model_copy(
            update={"row": batch.last, "counts": counts, "rejects_bytes": self._rejects.size}
        )
        told(counts)
        if time.monotonic() - self._saved_at > SAVE_SECONDS:
            self._save()

    def _save(self) -> None:
        self._rejects.sync()
        if self._place is not None and self.state.row:
            states.save(self._place, self.state)
        self._saved_at = time.monotonic()
