"""The shapes of our objects against the SDK's resource classes and, where at hand, Stripe's published examples."""

import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any, Final, Union, get_args, get_origin

import pytest
import stripe

from tests.sandbox.stripe.shop import Shop

FIXTURES: Final = Path(
    os.environ.get("STRIPE_FIXTURES", Path(__file__).parents[4] / "shared" / "stripe" / "fixtures3.json")
)
# Fields of the examples that this server has no use for; each is optional in the SDK.
LEFT_OUT: Final = {"charge": {"source", "transfer_data", "refunds"}}

Json = dict[str, Any]
Make = Callable[[Shop], Json]


def paid_intent(shop: Shop) -> Json:
    intent: Json = shop.paid(shop.customer()).to_dict()
    return intent


def failed_intent(shop: Shop) -> Json:
    customer = shop.customer()
    error = shop.declined(shop.intent(customer).id, shop.card(customer, "pm_card_chargeCustomerFail"))
    assert error.error is not None and error.error.payment_intent is not None
    intent: Json = error.error.payment_intent.to_dict()
    return intent


def dispute(shop: Shop) -> Json:
    return shop.admin.open_dispute(payment_intent=shop.paid(shop.customer()).id)


def balance_transaction(shop: Shop) -> Json:
    charge = paid_intent(shop)["latest_charge"]
    return shop.stripe.v1.balance_transactions.list({"source": charge}).data[0].to_dict()


def payment_method(shop: Shop) -> Json:
    return shop.stripe.v1.payment_methods.attach("pm_card_visa", {"customer": shop.customer()}).to_dict()


def refund(shop: Shop) -> Json:
    return shop.stripe.v1.refunds.create({"payment_intent": paid_intent(shop)["id"]}).to_dict()


def event(shop: Shop) -> Json:
    shop.customer()
    return shop.stripe.v1.events.list({"limit": 1}).data[0].to_dict()


def webhook_endpoint(shop: Shop) -> Json:
    made = shop.stripe.v1.webhook_endpoints.create({"url": "http://127.0.0.1:1/", "enabled_events": ["refund.failed"]})
    shop.stripe.v1.webhook_endpoints.delete(made.id)
    return made.to_dict()


def setup_intent(shop: Shop) -> Json:
    return shop.stripe.v1.setup_intents.create({"payment_method": "pm_card_visa", "confirm": True}).to_dict()


RESOURCES: Final[list[tuple[str, type[stripe.StripeObject], Make]]] = [
    ("customer", stripe.Customer, lambda shop: shop.stripe.v1.customers.create({"name": "Ada"}).to_dict()),
    ("payment_method", stripe.PaymentMethod, payment_method),
    ("setup_intent", stripe.SetupIntent, setup_intent),
    ("payment_intent", stripe.PaymentIntent, paid_intent),
    ("payment_intent", stripe.PaymentIntent, failed_intent),
    (
        "charge",
        stripe.Charge,
        lambda shop: shop.stripe.v1.charges.retrieve(paid_intent(shop)["latest_charge"]).to_dict(),
    ),
    (
        "charge",
        stripe.Charge,
        lambda shop: shop.stripe.v1.charges.retrieve(failed_intent(shop)["latest_charge"]).to_dict(),
    ),
    ("refund", stripe.Refund, refund),
    ("dispute", stripe.Dispute, dispute),
    ("balance_transaction", stripe.BalanceTransaction, balance_transaction),
    ("event", stripe.Event, event),
    ("webhook_endpoint", stripe.WebhookEndpoint, webhook_endpoint),
]
NAMES: Final = [f"{name}-{place}" for place, (name, _, _) in enumerate(RESOURCES)]


def may_be_null(annotation: object) -> bool:
    return get_origin(annotation) is Union and NoneType in get_args(annotation)


def deviations(found: Json, resource: type[stripe.StripeObject], path: str) -> list[str]:
    """Where an object has a field that the class does not know, or lacks one that it promises."""
    promised = {
        name: kind
        for name, kind in resource.__annotations__.items()
        # `deleted` belongs to deleted objects only; names with an underscore are the SDK's own.
        if not name.startswith("_") and name not in ("OBJECT_NAME", "deleted")
    }
    wrong = [f"{path}.{name} is unknown" for name in found if name not in promised]
    for name, annotation in promised.items():
        if found.get(name) is None and not may_be_null(annotation):
            wrong.append(f"{path}.{name} is missing")
        expected = {int: int, str: str, bool: bool}.get(annotation)
        if expected is not None and name in found and type(found[name]) is not expected:
            wrong.append(f"{path}.{name} is no {expected.__name__}")
    for name, inner in getattr(resource, "_inner_class_types", {}).items():
        values = found.get(name)
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, dict) and not (path == "event" and name == "data"):
                wrong += deviations(value, inner, f"{path}.{name}")
    return wrong


@pytest.mark.parametrize(("name", "resource", "make"), RESOURCES, ids=NAMES)
def test_objects_have_what_the_sdk_promises_and_nothing_it_does_not_know(
    shop: Shop, name: str, resource: type[stripe.StripeObject], make: Make
) -> None:
    found = make(shop)
    assert found["object"] == name
    assert deviations(found, resource, name) == []


@cache
def published() -> Json:
    resources: Json = json.loads(FIXTURES.read_text())["resources"]
    return resources


def kind_of(value: object) -> str:
    """The JSON type of a value; an object and its id are both a reference."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "list" if isinstance(value, list) else "reference or text" if isinstance(value, (str, dict)) else "null"


@pytest.mark.skipif(not FIXTURES.exists(), reason="Stripe's published examples are not at hand")
@pytest.mark.parametrize(("name", "resource", "make"), RESOURCES, ids=NAMES)
def test_objects_have_the_fields_and_types_of_the_published_examples(
    shop: Shop, name: str, resource: type[stripe.StripeObject], make: Make
) -> None:
    found, example = make(shop), published()[name]
    assert set(example) - set(found) - LEFT_OUT.get(name, set()) == set()
    for field in example.keys() & found.keys():
        if example[field] is not None and found[field] is not None:
            assert kind_of(found[field]) == kind_of(example[field]), field
