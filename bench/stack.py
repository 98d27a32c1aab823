"""A stack of its own, with an API client, for one measurement run."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from temporalio.client import Client

from sandbox.plan import Plan
from sandbox.stack import Stack
from settings import load_stack_settings
from workflows.plugin import perennial_plugin

HOME = Path(".perennial/bench").absolute()


@contextmanager
def running_stack() -> Iterator[Plan]:
    """A fresh stack in a folder of its own, stopped and removed at the end."""
    settings = load_stack_settings().model_copy(update={"home": HOME})
    stack = Stack(settings)
    stack.down()
    shutil.rmtree(HOME, ignore_errors=True)
    try:
        yield stack.up()
    finally:
        stack.down()
        shutil.rmtree(HOME, ignore_errors=True)


async def connect(plan: Plan) -> Client:
    """A client of the stack's Temporal server."""
    return await Client.connect(plan.temporal_address(), plugins=[perennial_plugin()])


class Api:
    """The stack's API, with the key that may do everything."""

    def __init__(self, plan: Plan) -> None:
        self.address = plan.address("api")
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {plan.credentials.admin_api_key}"

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a POST under a key of its own."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        answer = self.session.post(f"{self.address}{path}", json=body, headers=headers, timeout=60)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text}"
        found: dict[str, Any] = answer.json()
        return found

    def customer_with_card(self, key: str) -> str:
        """The id of a new customer whose card always pays."""
        customer = str(self.post("/v1/customers", {"key": key, "name": key})["id"])
        self.post(f"/v1/customers/{customer}/payment-methods", {"token": "pm_card_visa"})
        return customer
