"""A client of the API, as a customer of it would write one."""

import time
from collections.abc import Iterator
from typing import Any, Final, Self
from uuid import uuid4

import orjson
import requests

ANSWER_SECONDS_MAX: Final = 150
AGAIN_SECONDS_MAX: Final = 60
# Nothing was done, or nobody knows: the same key makes it safe to ask again.
ASK_AGAIN: Final = frozenset({409, 429, 502, 503, 504})
IN_FLIGHT: Final = "request-in-flight"


class ApiError(Exception):
    """The API refused a request; the message is its problem."""


class ApiClient:
    """Not to be shared between threads; each takes a client of its own with `another`."""

    def __init__(self, url: str, key: str, *, pause_seconds: float = 1.0) -> None:
        self.url, self._key, self._pause_seconds = url, key, pause_seconds
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {key}"

    def another(self) -> Self:
        """A client with a connection of its own."""
        return type(self)(self.url, self._key)

    def close(self) -> None:
        self._session.close()

    def get(self, path: str, **query: str | int) -> Any:
        """The answer to a GET.

        Raises:
            ApiError: if it is refused.
        """
        return self._asked("GET", path, query=query)

    def items(self, path: str, **query: str | int) -> Iterator[dict[str, Any]]:
        """All entries of a list, page after page."""
        page = self.get(path, limit=100, **query)
        yield from page["items"]
        while page["next_cursor"] is not None:
            page = self.get(path, limit=100, cursor=page["next_cursor"], **query)
            yield from page["items"]

    def post(self, path: str, body: object) -> Any:
        """The answer to a POST, which is carried out once however often it has to be sent.

        Raises:
            ApiError: if it is refused.
        """
        return self._asked("POST", path, body=body)

    def send(self, path: str, body: bytes) -> Any:
        """The answer to a POST of a body that is JSON already and safe to send again."""
        return self._asked("POST", path, raw=body)

    def _asked(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str | int] | None = None,
        body: object = None,
        raw: bytes | None = None,
    ) -> Any:
        headers = {"Content-Type": "application/json"} if method == "POST" else {}
        if body is not None:
            headers["Idempotency-Key"] = str(uuid4())
        deadline = time.monotonic() + AGAIN_SECONDS_MAX
        while True:
            answer = self._session.request(
                method,
                self.url + path,
                params=query,
                data=orjson.dumps(body) if raw is None and body is not None else raw,
                headers=headers,
                timeout=ANSWER_SECONDS_MAX,
            )
            if answer.ok:
                return answer.json()
            if not _may_change(answer) or time.monotonic() > deadline:
                raise ApiError(f"{method} {path}: {answer.status_code} {answer.text}")
            time.sleep(self._pause_seconds)


def _may_change(answer: requests.Response) -> bool:
    """Whether the same request may be answered otherwise in a moment."""
    return answer.status_code in ASK_AGAIN and (answer.status_code != 409 or IN_FLIGHT in answer.text)
