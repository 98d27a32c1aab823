"""What every request has in common: keys, errors, headers, lists, expansion, metadata."""

import pytest
import requests
import stripe

from sandbox.stripe.operation import API_VERSION
from tests.sandbox.stripe.shop import KEY, Shop, sdk


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer sk_live_1"}, {"Authorization": "Bearer sk_test_"}, {"Authorization": "x"}]
)
def test_anything_but_a_test_key_is_unauthorized(shop: Shop, headers: dict[str, str]) -> None:
    refused = requests.get(f"{shop.url}/v1/customers", headers=headers, timeout=5)
    assert (refused.status_code, refused.json()["error"]["type"]) == (401, "invalid_request_error")


def test_a_test_key_may_come_by_basic_authentication(shop: Shop) -> None:
    assert requests.get(f"{shop.url}/v1/customers", auth=(KEY, ""), timeout=5).status_code == 200


def test_answers_carry_a_request_id_and_echo_the_version(shop: Shop) -> None:
    plain = shop.post("/v1/customers", {})
    pinned = shop.post("/v1/customers", {}, Stripe_Version="2024-06-20")
    assert plain.headers["Request-Id"].startswith("req_")
    assert plain.headers["Stripe-Version"] == API_VERSION
    assert pinned.headers["Stripe-Version"] == "2024-06-20"


def test_the_default_version_is_the_one_of_the_sdk() -> None:
    assert stripe.api_version == API_VERSION


def test_an_unknown_url_and_an_unknown_object_are_not_found(shop: Shop) -> None:
    assert shop.post("/v1/subscriptions", {}).status_code == 404
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.stripe.v1.payment_intents.retrieve("pi_missing")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


def test_an_object_named_in_a_parameter_that_does_not_exist_is_a_bad_request(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.intent("cus_missing")
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, "resource_missing", "customer")


def test_an_unknown_parameter_is_named(shop: Shop) -> None:
    refused = shop.post("/v1/customers", {"colour": "red"}).json()["error"]
    assert (refused["code"], refused["param"]) == ("parameter_unknown", "colour")


def test_payment_method_types_can_no_longer_be_chosen_in_this_version(shop: Shop) -> None:
    refused = shop.post("/v1/payment_intents", {"amount": "100", "currency": "usd", "payment_method_types[]": "card"})
    assert refused.json()["error"]["code"] == "payment_method_types_no_longer_supported"
    assert shop.intent(shop.customer(), allowed_payment_method_types=["card"]).payment_method_types == ["card"]


def test_a_missing_parameter_is_named(shop: Shop) -> None:
    refused = shop.post("/v1/payment_intents", {"currency": "usd"}).json()["error"]
    assert (refused["code"], refused["param"]) == ("parameter_missing", "amount")


def test_pages_walk_through_everything_newest_first_and_back(shop: Shop) -> None:
    customer = shop.customer()
    made = [shop.intent(customer, 1000 + number).amount for number in range(7)]
    intents = shop.stripe.v1.payment_intents
    first = intents.list({"customer": customer, "limit": 3})
    assert ([intent.amount for intent in first.data], first.has_more) == ([1006, 1005, 1004], True)
    third = intents.list({"customer": customer, "limit": 3, "starting_after": intents.list(
        {"customer": customer, "limit": 3, "starting_after": first.data[-1].id}).data[-1].id})  # fmt: skip
    assert ([intent.amount for intent in third.data], third.has_more) == ([1000], False)
    back = intents.list({"customer": customer, "limit": 2, "ending_before": third.data[0].id})
    assert ([intent.amount for intent in back.data], back.has_more) == ([1002, 1001], True)
    everything = intents.list({"customer": customer, "limit": 2}).auto_paging_iter()
    assert [intent.amount for intent in everything] == made[::-1]


def test_created_bounds_are_applied_with_their_edges(shop: Shop) -> None:
    customer = shop.customer()
    for second in (100, 200, 300):
        shop.admin.set_clock(offset_seconds=second)
        shop.intent(customer)
    times = [intent.created for intent in shop.stripe.v1.payment_intents.list({"customer": customer}).data]
    middle = times[1]
    later = shop.stripe.v1.payment_intents.list({"customer": customer, "created": {"gte": middle}})
    earlier = shop.stripe.v1.payment_intents.list({"customer": customer, "created": {"lt": middle}})
    assert [intent.created for intent in later.data] == times[:2]
    assert [intent.created for intent in earlier.data] == times[2:]


@pytest.mark.parametrize("limit", ["0", "101", "many"])
def test_a_limit_outside_1_to_100_is_refused(shop: Shop, limit: str) -> None:
    refused = requests.get(f"{shop.url}/v1/charges", params={"limit": limit}, auth=(KEY, ""), timeout=5)
    assert refused.status_code == 400


def test_expansion_replaces_ids_also_inside_each_other_and_inside_lists(shop: Shop) -> None:
    customer = shop.customer()
    paid = shop.paid(customer, 10_000)
    intents = shop.stripe.v1.payment_intents
    found = intents.retrieve(paid.id, {"expand": ["latest_charge.balance_transaction", "payment_method", "customer"]})
    assert isinstance(found.latest_charge, stripe.Charge)
    assert isinstance(found.latest_charge.balance_transaction, stripe.BalanceTransaction)
    assert found.latest_charge.balance_transaction.fee == 320
    assert isinstance(found.payment_method, stripe.PaymentMethod) and found.payment_method.customer == customer
    assert isinstance(found.customer, stripe.Customer)
    listed = intents.list({"customer": customer, "expand": ["data.latest_charge"]})
    assert isinstance(listed.data[0].latest_charge, stripe.Charge)
    assert intents.retrieve(paid.id).latest_charge == found.latest_charge.id


def test_expanding_what_is_no_reference_is_refused_and_undoes_the_request(shop: Shop) -> None:
    customer = shop.customer()
    for path in ("amount", "nonsense", "currency"):
        with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
            shop.intent(customer, expand=[path])
    assert shop.stripe.v1.payment_intents.list({"customer": customer}).data == []


def test_metadata_with_numbers_for_keys_stays_a_mapping(shop: Shop) -> None:
    made = shop.post("/v1/customers", {"metadata[0]": "zero", "metadata[7]": "seven"}).json()
    assert made["metadata"] == {"0": "zero", "7": "seven"}


def test_a_customer_is_changed_field_by_field_and_the_event_says_what_was_before(shop: Shop) -> None:
    customers = shop.stripe.v1.customers
    made = customers.create({"name": "Ada", "email": "ada@example.com", "metadata": {"a": "1"}})
    changed = customers.update(made.id, {"name": "Ada Lovelace"})
    assert (changed.name, changed.email) == ("Ada Lovelace", "ada@example.com")
    event = shop.stripe.v1.events.list({"type": "customer.updated", "limit": 1}).data[0]
    assert event.data.to_dict()["previous_attributes"] == {"name": "Ada"}
    assert shop.stripe.v1.customers.list({"email": "ada@example.com"}).data[0].id == made.id


def test_a_body_that_is_too_large_is_refused(shop: Shop) -> None:
    assert shop.post("/v1/customers", {"description": "x" * 1_100_000}).status_code == 413


def test_the_sdk_of_another_thread_is_served_at_the_same_time(shop: Shop) -> None:
    with sdk(shop.url) as other:
        assert other.v1.customers.create({}).id != shop.customer()
