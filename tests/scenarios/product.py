"""The whole product on real parts, for stories that kill some of them."""

import os
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import requests

from sandbox.stack import Stack
from sandbox.stripe.admin import StripeAdmin
from settings import StackSettings, load_stack_settings

WAIT_SECONDS = 120
POLL_SECONDS = 0.05


class Product:
    """A running stack, spoken with as a product backend would."""

    def __init__(self, settings: StackSettings) -> None:
        self.settings = settings
        self.plan = Stack(settings).up()
        self.stripe = StripeAdmin(self.plan.address("stripe"))
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {self.plan.credentials.admin_api_key}"

    def post(self, path: str, body: object, *, key: str = "") -> Any:
        """The answer to a POST, sent again under one key until the API answers."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return self._until_answered("POST", path, json=body, headers=headers)

    def get(self, path: str, **params: str) -> Any:
        return self._until_answered("GET", path, params=params)

    def items(self, path: str, **params: str) -> list[Any]:
        """All pages of a list."""
        found: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, limit="100", **params, **cursor)
            found += page["items"]
            if not page["next_cursor"]:
                return found
            cursor = {"cursor": page["next_cursor"]}

    def customer(self, key: str, token: str = "pm_card_visa") -> str:
        """The id of a new customer with a payment method."""
        customer = str(self.post("/v1/customers", {"key": key, "name": key}, key=f"customer-{key}")["id"])
        self.post(f"/v1/customers/{customer}/payment-methods", {"token": token}, key=f"method-{key}")
        return customer

    def begin_advance(self, clock: str, to: str) -> None:
        self.post(f"/v1/test-clocks/{clock}/advance", {"to": to}, key=f"advance-{clock}-{to}")

    def arrive(self, clock: str, to: str) -> None:
        """Advance the clock and wait until all that was due by then is done."""
        self.begin_advance(clock, to)
        target = datetime.fromisoformat(to)
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            shown = self.get(f"/v1/test-clocks/{clock}")
            if shown["status"] == "ready" and datetime.fromisoformat(shown["now"]) >= target:
                return
            assert time.monotonic() < deadline, f"the clock did not arrive: {shown}"
            time.sleep(POLL_SECONDS)

    def kill(self, part: str) -> None:
        """End a part as a crash would, and bring it back."""
        (found,) = Stack(self.settings, only=[part]).status()
        assert found.pid is not None, f"{part} does not run"
        os.kill(found.pid, signal.SIGKILL)
        Stack(self.settings).up()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the database, read around the product."""
        url = self.plan.database_url().replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(url) as connection:
            return connection.execute(sql).fetchall()

    def _until_answered(self, method: str, path: str, **request: Any) -> Any:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            answer = self._ask(method, path, **request)
            if answer is not None and answer.status_code < 500 and answer.status_code != 409:
                assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
                return answer.json()
            trouble = "no answer" if answer is None else answer.text
            assert time.monotonic() < deadline, f"{method} {path}: {trouble}"
            time.sleep(POLL_SECONDS)

    def _ask(self, method: str, path: str, **request: Any) -> requests.Response | None:
        try:
            return self._session.request(method, self.plan.address("api") + path, timeout=40, **request)
        except requests.ConnectionError:
            return None


@contextmanager
def running_product(home: Path) -> Iterator[Product]:
    """The product in a folder of its own, stopped at the end."""
    settings = load_stack_settings().model_copy(update={"home": home})
    try:
        yield Product(settings)
    finally:
        Stack(settings).down()
