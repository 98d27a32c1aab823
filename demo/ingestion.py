"""Sends usage over a few connections at once, and counts what became of it."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Final

from demo.client import ApiClient

CONNECTIONS: Final = 3
OUTCOMES: Final = ("accepted", "duplicate", "conflict", "rejected")


class Ingestion:
    """The usage sent so far; `seconds` is only the time spent sending."""

    def __init__(self, client: ApiClient) -> None:
        self.outcomes: Counter[str] = Counter()
        self.seconds = 0.0
        self._pool = ThreadPoolExecutor(CONNECTIONS)
        self._idle: SimpleQueue[ApiClient] = SimpleQueue()
        for _ in range(CONNECTIONS):
            self._idle.put(client.another())

    @property
    def sent(self) -> int:
        """How many events were sent, those that were sent twice counted twice."""
        return self.outcomes.total()

    @property
    def rate(self) -> int:
        """Events per second."""
        return round(self.sent / self.seconds) if self.seconds else 0

    def send(self, bodies: Iterable[bytes], progress: Callable[[int], None]) -> None:
        """Returns once all is stored; tells `progress` of the events of each batch."""
        started = time.monotonic()
        for outcomes in self._pool.map(self._send, bodies):
            self.outcomes += outcomes
            progress(outcomes.total())
        self.seconds += time.monotonic() - started

    def close(self) -> None:
        self._pool.shutdown()
        while not self._idle.empty():
            self._idle.get().close()

    def _send(self, body: bytes) -> Counter[str]:
        client = self._idle.get()
        try:
            answer = client.send("/v1/usage", body)
        finally:
            self._idle.put(client)
        return Counter({outcome: answer[outcome] for outcome in OUTCOMES})
