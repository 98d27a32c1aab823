"""A stack of its own for one measurement run, and its clients."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from temporalio.client import Client

from demo.client import ApiClient
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


def client_of(plan: Plan) -> ApiClient:
    """A client of the stack's API, with the key that may do everything."""
    return ApiClient(plan.address("api"), plan.credentials.admin_api_key)


def customer_with_card(api: ApiClient, key: str) -> str:
    """The id of a new customer whose card always pays."""
    customer = str(api.post("/v1/customers", {"key": key, "name": key})["id"])
    api.post(f"/v1/customers/{customer}/payment-methods", {"token": "pm_card_visa"})
    return customer
