"""How scenarios speak with the whole system: over HTTP, and with workflows where one must wait for them."""

import asyncio
import json
import threading
import time
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import uuid4

import requests
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.service import RPCError

from domain import keys
from domain.errors import DomainError
from domain.life import CaughtUp, Corrected
from workflows.plugin import perennial_plugin

ANSWER_SECONDS_MAX: Final = 60
WAIT_SECONDS_MAX: Final = 300
POLL_SECONDS: Final = 0.05
REFUSED: Final = frozenset({409, 422})
# Nothing was done, or nobody knows: the same key makes it safe to ask again.
ASK_AGAIN: Final = frozenset({429, 502, 503, 504})
IN_FLIGHT: Final = "request-in-flight"
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)

Result = TypeVar("Result")


class Stopped(Exception):
    """The system goes down; what is still asked of it has no answer."""


class UnexpectedAnswer(Exception):
    """The system answered with what no scenario should meet."""


class Api:
    """A client of the product's API for one scenario."""

    def __init__(self, url: str, key: str, stopping: threading.Event) -> None:
        self._url, self._stopping = url, stopping
        self._session = requests.Session()
        # The server is on this machine: a proxy from the environment would only be in the way.
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {key}"

    def close(self) -> None:
        self._session.close()

    def get(self, path: str, **query: str) -> Any:
        """The answer to a GET.

        Raises:
            DomainError: if it is refused.
        """
        return self._asked("GET", path, params=query)

    def items(self, path: str, **query: str) -> Iterator[Any]:
        """All entries of a list, newest first."""
        page = self.get(path, limit="100", **query)
        yield from page["items"]
        while page["next_cursor"] is not None:
            page = self.get(path, limit="100", cursor=page["next_cursor"], **query)
            yield from page["items"]

    def post(self, path: str, body: object, *, prefix: str = "") -> Any:
        """The answer to a POST, which is carried out once however often it has to be sent.

        Raises:
            DomainError: if it is refused; its field is what stands below `prefix` in the body.
        """
        headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}
        text = json.dumps(body, default=str)
        return self._asked("POST", path, prefix=prefix, data=text.encode(), headers=headers)

    def wait(self, path: str, **wanted: str) -> Any:
        """What is read at `path` once it says what is wanted."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while True:
            found = self.get(path)
            if all(found[key] == value for key, value in wanted.items()):
                return found
            if time.monotonic() > deadline:
                raise UnexpectedAnswer(f"{path} did not come to {wanted}: {found}")
            self._pause()

    def _asked(self, method: str, path: str, *, prefix: str = "", **request: Any) -> Any:
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while True:
            answer = self._answer(method, path, **request)
            if answer is not None and answer.ok:
                return answer.json()
            may_change = answer is None or answer.status_code in ASK_AGAIN or IN_FLIGHT in answer.text
            if answer is not None and not may_change:
                raise _problem(f"{method} {path}", answer, prefix)
            if time.monotonic() > deadline:
                text = "no answer" if answer is None else f"{answer.status_code} {answer.text}"
                raise UnexpectedAnswer(f"{method} {path}: {text}")
            self._pause()

    def _answer(self, method: str, path: str, **request: Any) -> requests.Response | None:
        if self._stopping.is_set():
            raise Stopped
        try:
            return self._session.request(method, self._url + path, timeout=ANSWER_SECONDS_MAX, **request)
        except (requests.ConnectionError, requests.Timeout):
            return None

    def _pause(self) -> None:
        if self._stopping.wait(POLL_SECONDS):
            raise Stopped


def _problem(asked: str, answer: requests.Response, prefix: str) -> Exception:
    """The refusal that an answer is, with the field to correct."""
    if answer.status_code not in REFUSED:
        return UnexpectedAnswer(f"{asked}: {answer.status_code} {answer.text}")
    problem = answer.json()
    faults = problem.get("errors") or [{}]
    pointer = faults[0].get("pointer") or ""
    return DomainError(problem["detail"], pointer.removeprefix(prefix))


class Workflows:
    """Waits until workflows have done what they were told, on an event loop of its own."""

    def __init__(self, address: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="workflows", daemon=True)
        self._thread.start()
        self._client = self._do(Client.connect(address, plugins=[perennial_plugin()]))

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def settle(self, contract_id: str, invoice_ids: Iterable[str]) -> None:
        """Return once the contract and the collections of its invoices are at rest.

        The contract is asked again at the end, since collections tell it what came of them.
        """
        contract = keys.contract_workflow_id(contract_id)
        collections = [keys.collection_workflow_id(invoice_id) for invoice_id in invoice_ids]
        self._do(self._at_rest(contract))
        for collection in collections:
            self._do(self._at_rest(collection))
        if collections:
            self._do(self._at_rest(contract))

    def corrected(self, correction_id: str) -> Corrected:
        """What became of a correction, once it is done."""
        handle = self._client.get_workflow_handle(keys.correction_workflow_id(correction_id), result_type=Corrected)
        corrected: Corrected = self._do(handle.result())
        return corrected

    async def _at_rest(self, workflow_id: str) -> None:
        """Ask it to do all that is due by a time long gone: it answers when it has nothing else to do."""
        handle = self._client.get_workflow_handle(workflow_id)
        # One that has ended, or never was, has nothing to do.
        with suppress(RPCError, WorkflowUpdateFailedError):
            while not (await handle.execute_update("catch_up", EARLIEST, result_type=CaughtUp)).done:
                continue

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_SECONDS_MAX)
