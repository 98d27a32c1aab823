"""Cards that fail and gateways that lie, on the real parts."""

import time
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
import requests

from tests.scenarios.product import POLL_SECONDS, WAIT_SECONDS, Product

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.timeout(400)]

TERMS = {
    "currency": "USD",
    "start": "2026-01-01",
    "lines": [{"id": "plan", "price": {"model": "flat", "amount": "75.00"}, "every": "month", "bill": "advance"}],
}
NUMBERS = count(1)


class Story:
    """One customer with one contract on a test clock of its own."""

    def __init__(self, product: Product, token: str = "pm_card_visa") -> None:
        number = next(NUMBERS)
        self.product = product
        self.clock = product.post("/v1/test-clocks", {"name": "story", "now": "2025-12-31T00:00:00Z"})["id"]
        self.customer = product.customer(f"payer-{number}", token)
        body = {"customer": self.customer, "clock": self.clock, "terms": TERMS}
        self.contract = product.post("/v1/contracts", body)["id"]
        self.gateway_customer = product.query(f"select gateway_customer_id from customer where id = '{self.customer}'")[
            0
        ][0]

    def move_to(self, day: str) -> None:
        self.product.arrive(self.clock, f"{day}T00:00:00Z")

    def invoices(self) -> list[Any]:
        listed = self.product.items("/v1/invoices", contract=self.contract)
        return [self.product.get(f"/v1/invoices/{invoice['id']}") for invoice in reversed(listed)]

    def status(self) -> str:
        return str(self.product.get(f"/v1/contracts/{self.contract}")["status"])

    def captures(self) -> list[Any]:
        return self.product.stripe.journal(kind="capture", customer=self.gateway_customer)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what the product does by itself."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(POLL_SECONDS)

    def paid(self) -> bool:
        return [invoice["status"] for invoice in self.invoices()] == ["paid"]


def test_a_declined_card_is_retried_after_one_and_three_days_and_then_pays(product: Product) -> None:
    story = Story(product)
    product.stripe.decline_customer(story.gateway_customer, "insufficient_funds")
    story.move_to("2026-01-01")
    assert (story.status(), story.paid()) == ("past_due", False)
    story.move_to("2026-01-02")
    product.stripe.accept_customer(story.gateway_customer)
    story.move_to("2026-01-04")
    assert (story.status(), story.paid()) == ("active", True)
    attempts = product.query(
        "select a.number, a.status, a.code, a.business_at::date::text from payment_attempt a join payment p"
        f" on p.id = a.payment_id where p.contract_id = '{story.contract}' order by a.number"
    )
    assert attempts == [
        (1, "failed", "insufficient_funds", "2026-01-01"),
        (2, "failed", "insufficient_funds", "2026-01-02"),
        (3, "succeeded", None, "2026-01-04"),
    ]
    assert len(story.captures()) == 1


def test_a_new_payment_method_is_charged_at_once(product: Product) -> None:
    story = Story(product, "pm_card_chargeCustomerFail")
    story.move_to("2026-01-01")
    assert story.status() == "past_due"
    product.post(f"/v1/customers/{story.customer}/payment-methods", {"token": "pm_card_visa"})
    story.until(lambda: story.paid() and story.status() == "active")
    assert len(story.captures()) == 1


def test_a_charge_that_was_executed_but_timed_out_is_captured_once(product: Product) -> None:
    story = Story(product)
    confirm = {"method": "POST", "path": "/v1/payment_intents/*/confirm", "customer": story.gateway_customer}
    product.stripe.add_fault("executed_no_answer", match=confirm)
    story.move_to("2026-01-01")
    story.until(story.paid)
    assert len(story.captures()) == 1
    assert story.status() == "active"


def test_a_saved_500_does_not_stand_in_the_way_of_the_next_attempt(product: Product) -> None:
    story = Story(product)
    confirm = {"method": "POST", "path": "/v1/payment_intents/*/confirm", "customer": story.gateway_customer}
    product.stripe.add_fault("server_error", match=confirm, status=500, executed=False, saved=True)
    story.move_to("2026-01-01")
    story.until(story.paid)
    assert len(story.captures()) == 1


def test_a_payer_who_pays_by_another_way_settles_the_invoice_through_the_webhook(product: Product) -> None:
    story = Story(product, "pm_card_authenticationRequired")
    story.move_to("2026-01-01")
    assert story.status() == "past_due"
    intent = product.query(f"select intent_id from payment where contract_id = '{story.contract}'")[0][0]
    product.stripe.add_fault("webhook_duplicate", match={"event_type": "payment_intent.succeeded"}, copies=3)
    # The payer's own browser confirms the same intent, as on a hosted page.
    confirmed = requests.post(
        f"{product.plan.address('stripe')}/v1/payment_intents/{intent}/confirm",
        data={"payment_method": "pm_card_visa"},
        auth=(product.plan.credentials.stripe_api_key, ""),
        timeout=10,
    )
    assert confirmed.json()["status"] == "succeeded"
    story.until(lambda: story.paid() and story.status() == "active")
    assert len(story.captures()) == 1
    entries = product.query(
        f"select count(*) from journal_entry where kind = 'payment' and contract_id = '{story.contract}'"
    )
    assert entries == [(1,)]
