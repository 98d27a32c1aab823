"""Requests to the API that are sent until they are answered, and what cannot be answered otherwise."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
import requests
from requests.auth import AuthBase

from api.decoding import NotJson, decode
from settings import LOOPBACK_HOSTS
from usage_files.asked import Refused

ANSWER_SECONDS_MAX: Final = 150
CONNECT_SECONDS_MAX: Final = 10
FIRST_PAUSE_SECONDS: Final = 0.2
PAUSE_SECONDS_MAX: Final = 30.0
# Nothing was done, or nobody knows: an event's own key makes it safe to send it again.
ASK_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
# Of these no request would ever be answered.
HOPELESS: Final = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidHeader,
    requests.exceptions.SSLError,
)


class Stopped(Exception):
    """Whoever waited for an answer was asked to stop."""


class Caller:
    """Asks one API for many threads, each over a connection of its own.

    A request that is not answered is sent again with growing pauses, or those that the API asks for, until
    `patience_seconds` have gone by.
    """

    def __init__(self, url: str, key: str, *, patience_seconds: float) -> None:
        self.url = url.rstrip("/")
        self._key, self._patience_seconds = key, patience_seconds
        self._idle: SimpleQueue[requests.Session] = SimpleQueue()
        self._stopping = Event()

    def stop(self) -> None:
        """End every wait for an answer, in whatever thread, before its next attempt."""
        self._stopping.set()

    def close(self) -> None:
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    def get(self, path: str, query: Mapping[str, str | int]) -> Any:
        """The answer to a GET, its numbers exact.

        Raises:
            Refused: the API refuses it, or did not answer in time.
        """
        return self._asked("GET", path, decode, params=query)

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Any:
        """The answer to a POST that does no harm when it is sent twice; its numbers are whole ones.

        Raises:
            Refused: the API refuses it, or did not answer in time.
        """
        return self._asked("POST", path, orjson.loads, data=body, headers=headers)

    def _asked(self, method: str, path: str, read: Callable[[bytes], Any], **request: Any) -> Any:
        deadline = time.monotonic() + self._patience_seconds
        attempt = 0
        while True:
            answer, reason = self._once(method, path, request)
            if answer is not None and reason is None:
                return self._content(answer, read)
            pause = _pause(attempt, answer)
            if time.monotonic() + pause > deadline:
                raise Refused(f"{self.url} did not answer for {self._patience_seconds:.0f} s: {reason}")
            if self._stopping.wait(pause):
                raise Stopped
            attempt += 1

    def _once(self, method: str, path: str, request: dict[str, Any]) -> tuple[requests.Response | None, str | None]:
        """The answer, if one came, and the reason to ask again, if there is one."""
        if self._stopping.is_set():
            raise Stopped
        with self._session() as session:
            try:
                answer = session.request(
                    method,
                    self.url + path,
                    auth=_Bearer(self._key),
                    timeout=(CONNECT_SECONDS_MAX, ANSWER_SECONDS_MAX),
                    allow_redirects=False,
                    **request,
                )
            except HOPELESS as error:
                raise Refused(f"{self.url} cannot be asked: {error}") from None
            except requests.RequestException as error:
                return None, f"{type(error).__name__}"
        if answer.status_code in ASK_AGAIN:
            return answer, f"{answer.status_code} {_detail(answer)}"
        if answer.status_code != 200:
            raise Refused(f"{method} {self.url}{path} was refused: {answer.status_code} {_detail(answer)}")
        return answer, None

    def _content(self, answer: requests.Response, read: Callable[[bytes], Any]) -> Any:
        try:
            return read(answer.content)
        except (NotJson, orjson.JSONDecodeError) as error:
            raise Refused(f"{self.url} is no Perennial API: its answer is no JSON ({error})") from None

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        try:
            session = self._idle.get_nowait()
        except Empty:
            session = requests.Session()
            # A proxy of the environment does not reach what listens on this machine.
            session.trust_env = urlsplit(self.url).hostname not in LOOPBACK_HOSTS
        try:
            yield session
        finally:
            self._idle.put(session)


class _Bearer(AuthBase):
    """The key, which else a .netrc file would replace."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


def _pause(attempt: int, answer: requests.Response | None) -> float:
    """How long to wait before the next attempt: what the answer asks for, and else twice as long each time."""
    asked = answer.headers.get("Retry-After", "") if answer is not None else ""
    if asked.isascii() and asked.isdigit() and len(asked) <= 5:
        return float(asked)
    grown = min(FIRST_PAUSE_SECONDS * 2.0 ** min(attempt, 16), PAUSE_SECONDS_MAX)
    # Spread, so that senders that were turned away together do not come back together.
    return grown * random.uniform(0.5, 1.0)


def _detail(answer: requests.Response) -> str:
    """What a problem says, or the beginning of what else was answered."""
    try:
        found = decode(answer.content)
    except NotJson:
        found = None
    if isinstance(found, dict) and isinstance(found.get("detail"), str):
        return str(found["detail"])
    return answer.text[:200].strip() or answer.reason
