"""A sender of usage as the documentation asks for one: it keeps a batch until that is answered."""

import time
from typing import Any, Final, NamedTuple

import requests

ANSWER_SECONDS_MAX: Final = 30
PATIENCE_SECONDS: Final = 90
PAUSE_SECONDS: Final = 0.1
# Too short for any answer: the connection is cut while the batch is being stored.
CUT_SECONDS: Final = 0.005
SEND_AGAIN: Final = frozenset({408, 429, 500, 503})


class Delivery(NamedTuple):
    """One request, of which `is_cut` are sent once more because the sender's line broke before the answer."""

    path: str
    body: Any
    is_cut: bool = False


class Sender:
    """Not to be shared between threads. `breaks` counts requests that were not answered, and sent again."""

    def __init__(self, url: str, key: str) -> None:
        self.breaks = 0
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {key}"

    def deliver(self, delivery: Delivery) -> Any:
        """The answer to the delivery, however often it has to be sent."""
        if delivery.is_cut:
            self._ask(delivery, CUT_SECONDS)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self._ask(delivery, ANSWER_SECONDS_MAX)
            if answer is not None and answer.status_code not in SEND_AGAIN:
                assert answer.status_code == 200, f"{delivery.path}: {answer.status_code} {answer.text}"
                return answer.json()
            self.breaks += 1
            assert time.monotonic() < deadline, f"{delivery.path}: {answer and answer.text}"
            time.sleep(float(answer.headers.get("Retry-After", PAUSE_SECONDS)) if answer is not None else PAUSE_SECONDS)

    def close(self) -> None:
        self._session.close()

    def _ask(self, delivery: Delivery, seconds: float) -> requests.Response | None:
        try:
            return self._session.post(self._url + delivery.path, json=delivery.body, timeout=(3, seconds))
        except (requests.ConnectionError, requests.Timeout):
            return None
