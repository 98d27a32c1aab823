"""A merchant that talks to the server through Stripe's SDK."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
import requests
import stripe
from stripe import CardError, PaymentIntent

from sandbox.stripe.admin import StripeAdmin

KEY = "sk_test_merchant"


@contextmanager
def sdk(url: str, *, read_seconds: float = 10.0) -> Iterator[stripe.StripeClient]:
    """The SDK pointed at the server, without retries of its own."""
    transport = stripe.RequestsClient(timeout=(5.0, read_seconds))
    try:
        yield stripe.StripeClient(KEY, base_addresses={"api": url}, max_network_retries=0, http_client=transport)
    finally:
        transport.close()  # type: ignore[no-untyped-call]


def eventually(condition: Callable[[], bool], *, within_seconds: float = 5.0) -> None:
    """Waits until the condition holds, asking every 5 ms."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.005)


@dataclass(frozen=True, slots=True)
class Shop:
    stripe: stripe.StripeClient
    admin: StripeAdmin
    url: str

    def customer(self) -> str:
        return self.stripe.v1.customers.create({"name": "Ada"}).id

    def card(self, customer: str, token: str = "pm_card_visa") -> str:
        return self.stripe.v1.payment_methods.attach(token, {"customer": customer}).id

    def intent(self, customer: str, amount: int = 1200, **more: Any) -> PaymentIntent:
        return self.stripe.v1.payment_intents.create(
            {"amount": amount, "currency": "usd", "customer": customer, **more}  # type: ignore[typeddict-item]
        )

    def confirm(self, intent: str, method: str, key: str | None = None) -> PaymentIntent:
        """Confirms in the payer's absence."""
        options: stripe.RequestOptions = {"idempotency_key": key or str(uuid4())}
        return self.stripe.v1.payment_intents.confirm(intent, {"payment_method": method, "off_session": True}, options)

    def paid(self, customer: str, amount: int = 1200, token: str = "pm_card_visa") -> PaymentIntent:
        """An intent that has succeeded."""
        return self.confirm(self.intent(customer, amount).id, self.card(customer, token))

    def declined(self, intent: str, method: str, key: str | None = None) -> CardError:
        """The error of a confirmation that is declined."""
        with pytest.raises(CardError) as caught:
            self.confirm(intent, method, key)
        return caught.value

    def post(self, path: str, data: dict[str, str], **headers: str) -> requests.Response:
        """A request past the SDK; underscores in header names stand for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(
            self.url + path, data=data, headers={"Authorization": f"Bearer {KEY}", **named}, timeout=10
        )

    def captures(self, intent: str) -> list[int]:
        """The amounts that were truly captured for the intent."""
        return [entry["amount"] for entry in self.admin.journal(kind="capture", payment_intent=intent)]

    def events(self, object_id: str) -> list[str]:
        """The types of the events about an object, oldest first."""
        found = self.stripe.v1.events.list({"limit": 100}).data
        return [event.type for event in reversed(found) if event.data.object["id"] == object_id]
