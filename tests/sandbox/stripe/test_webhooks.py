"""Signed webhooks, sent until a 2xx, and what can go wrong on their way."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

from sandbox.stripe.admin import StripeAdmin
from sandbox.stripe.running import running_stripe
from tests.sandbox.stripe.receiver import Receiver
from tests.sandbox.stripe.shop import Shop, eventually, sdk

SECRET = "whsec_of_the_command_line"


@pytest.fixture
def secret(shop: Shop, receiver: Receiver) -> Iterator[str]:
    """The secret of an endpoint for the receiver that wants the events of customers."""
    endpoint = shop.stripe.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["customer.created", "customer.updated"]}
    )
    assert endpoint.secret is not None
    yield endpoint.secret
    shop.stripe.v1.webhook_endpoints.delete(endpoint.id)


def names(receiver: Receiver) -> list[str]:
    return [event["data"]["object"]["name"] for event in receiver.events]


def test_an_endpoint_gets_the_events_it_enabled_with_a_signature_of_the_raw_bytes(
    shop: Shop, receiver: Receiver, secret: str
) -> None:
    customer = shop.customer()
    shop.intent(customer)
    shop.stripe.v1.customers.update(customer, {"name": "Ada Lovelace"})
    eventually(lambda: len(receiver.bodies) == 2)
    assert sorted(receiver.types) == ["customer.created", "customer.updated"]
    for body, signature in zip(receiver.bodies, receiver.signatures, strict=True):
        event = stripe.Webhook.construct_event(body, signature, secret)
        assert event.data.object["id"] == customer
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, signature, "whsec_other")


def test_the_secret_is_shown_when_the_endpoint_is_made_and_never_again(shop: Shop, receiver: Receiver) -> None:
    endpoints = shop.stripe.v1.webhook_endpoints
    made = endpoints.create({"url": receiver.url, "enabled_events": ["refund.failed"]})
    try:
        assert made.secret is not None and made.secret.startswith("whsec_")
        assert "secret" not in endpoints.retrieve(made.id).to_dict()
        assert endpoints.update(made.id, {"disabled": True}).status == "disabled"
    finally:
        endpoints.delete(made.id)
    with pytest.raises(stripe.InvalidRequestError):
        endpoints.retrieve(made.id)


@pytest.mark.usefixtures("secret")
def test_a_webhook_is_sent_again_until_it_is_answered_with_a_2xx(shop: Shop, receiver: Receiver) -> None:
    receiver.answers = [500, 404, 302]
    shop.customer()
    eventually(lambda: len(receiver.bodies) == 4)
    assert len({event["id"] for event in receiver.events}) == 1
    found = shop.stripe.v1.events.retrieve
    eventually(lambda: found(receiver.events[0]["id"]).pending_webhooks == 0)
    assert len(receiver.bodies) == 4


@pytest.mark.usefixtures("secret")
def test_a_duplicated_webhook_arrives_as_often_as_the_rule_says(shop: Shop, receiver: Receiver) -> None:
    shop.admin.add_fault("webhook_duplicate", match={"event_type": "customer.*"}, copies=4)
    shop.customer()
    eventually(lambda: len(receiver.bodies) == 5)
    assert len({event["id"] for event in receiver.events}) == 1


@pytest.mark.usefixtures("secret")
def test_a_dropped_webhook_never_arrives_but_its_event_exists(shop: Shop, receiver: Receiver) -> None:
    shop.admin.add_fault("webhook_drop")
    lost, seen = shop.customer(), shop.customer()
    eventually(lambda: len(receiver.bodies) == 1)
    assert receiver.events[0]["data"]["object"]["id"] == seen
    assert shop.events(lost) == ["customer.created"]


@pytest.mark.usefixtures("secret")
def test_reordered_webhooks_arrive_newest_first(shop: Shop, receiver: Receiver) -> None:
    shop.admin.add_fault("webhook_reorder", window=3, max_hold_seconds=60, times=None)
    for name in ("first", "second", "third"):
        shop.stripe.v1.customers.create({"name": name})
    eventually(lambda: len(receiver.bodies) == 3)
    assert names(receiver) == ["third", "second", "first"]


@pytest.mark.usefixtures("secret")
def test_reordered_webhooks_are_not_held_for_ever_when_too_few_come(shop: Shop, receiver: Receiver) -> None:
    shop.admin.add_fault("webhook_reorder", window=50, max_hold_seconds=0.1)
    shop.customer()
    eventually(lambda: len(receiver.bodies) == 1)


@pytest.mark.usefixtures("secret")
def test_a_webhook_delayed_by_days_of_the_servers_clock_comes_when_the_clock_gets_there(
    shop: Shop, receiver: Receiver
) -> None:
    shop.admin.add_fault("webhook_delay", clock_seconds=72 * 3600)
    shop.stripe.v1.customers.create({"name": "late"})
    shop.stripe.v1.customers.create({"name": "at once"})
    eventually(lambda: names(receiver) == ["at once"])
    shop.admin.set_clock(offset_seconds=72 * 3600 + 5)
    eventually(lambda: names(receiver) == ["at once", "late"])


@pytest.mark.usefixtures("secret")
def test_a_webhook_delayed_by_real_seconds_is_overtaken(shop: Shop, receiver: Receiver) -> None:
    shop.admin.add_fault("webhook_delay", seconds=0.5)
    shop.stripe.v1.customers.create({"name": "late"})
    shop.stripe.v1.customers.create({"name": "at once"})
    eventually(lambda: names(receiver) == ["at once", "late"])


@pytest.mark.usefixtures("secret")
def test_a_webhook_comes_before_the_answer_that_is_held_back(shop: Shop, receiver: Receiver) -> None:
    shop.admin.add_fault("delay", match={"path": "/v1/customers"}, seconds=5, when="after")
    with sdk(shop.url, read_seconds=0.2) as impatient, pytest.raises(stripe.APIConnectionError):
        impatient.v1.customers.create({"name": "early"})
    eventually(lambda: names(receiver) == ["early"])


def test_what_was_not_delivered_is_delivered_after_a_restart(database: Path, receiver: Receiver) -> None:
    nobody = "http://127.0.0.1:1/hooks"
    with running_stripe(database, webhook_url=nobody, webhook_secret=SECRET) as first, sdk(first.url) as client:
        customer = client.v1.customers.create({}).id
        eventually(lambda: first.admin.health()["webhooks"].get("pending") == 1)
    with running_stripe(database, webhook_url=receiver.url, webhook_secret=SECRET) as second, sdk(second.url) as client:
        eventually(lambda: len(receiver.bodies) == 1)
        assert len(client.v1.webhook_endpoints.list().data) == 1
        eventually(lambda: delivered(second.admin) == 1)
    event = stripe.Webhook.construct_event(receiver.bodies[0], receiver.signatures[0], SECRET)
    assert event.data.object["id"] == customer


def delivered(admin: StripeAdmin) -> int:
    return int(admin.health()["webhooks"].get("delivered", 0))
