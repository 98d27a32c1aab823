"""Idempotency as Stripe documents it."""

import threading

import pytest
import stripe

from tests.sandbox.stripe.shop import Shop, eventually

DAY_SECONDS = 86_400


def test_the_same_key_and_parameters_give_the_first_answer_again(shop: Shop) -> None:
    data = {"name": "Ada", "metadata[b]": "2", "metadata[a]": "1"}
    first = shop.post("/v1/customers", data, Idempotency_Key="same-1")
    again = shop.post("/v1/customers", dict(reversed(data.items())), Idempotency_Key="same-1")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Original-Request"] == first.headers["Request-Id"]
    assert again.headers["Request-Id"] != first.headers["Request-Id"]
    assert "Idempotent-Replayed" not in first.headers


def test_other_parameters_or_another_endpoint_under_the_same_key_are_an_error(shop: Shop) -> None:
    shop.post("/v1/customers", {"name": "Ada"}, Idempotency_Key="other-1")
    for path, data in (("/v1/customers", {"name": "Bob"}), ("/v1/refunds", {"charge": "ch_1"})):
        refused = shop.post(path, data, Idempotency_Key="other-1")
        assert (refused.status_code, refused.json()["error"]["type"]) == (400, "idempotency_error")


def test_a_decline_is_replayed_although_the_card_would_work_by_now(shop: Shop) -> None:
    customer = shop.customer()
    card, intent = shop.card(customer), shop.intent(customer).id
    shop.admin.decline_customer(customer, "do_not_honor")
    first = shop.declined(intent, card, "decline-1")
    shop.admin.accept_customer(customer)
    again = shop.declined(intent, card, "decline-1")
    assert first.json_body == again.json_body
    assert shop.captures(intent) == []


def test_what_fails_validation_is_not_saved_under_the_key(shop: Shop) -> None:
    assert shop.post("/v1/payment_intents", {"amount": "x"}, Idempotency_Key="valid-1").status_code == 400
    made = shop.post("/v1/payment_intents", {"amount": "100", "currency": "usd"}, Idempotency_Key="valid-1")
    assert made.status_code == 200


def test_a_second_request_while_the_first_runs_is_a_conflict_and_is_not_executed(shop: Shop) -> None:
    customer = shop.customer()
    card, intent = shop.card(customer), shop.intent(customer).id
    path = f"/v1/payment_intents/{intent}/confirm"
    shop.admin.add_fault("delay", match={"path": path}, seconds=1)
    data = {"payment_method": card, "off_session": "true"}
    answers: list[int] = []
    first = threading.Thread(
        target=lambda: answers.append(shop.post(path, data, Idempotency_Key="flight-1").status_code)
    )
    first.start()
    eventually(lambda: shop.admin.faults()[0]["hits"] == 1)
    second = shop.post(path, data, Idempotency_Key="flight-1")
    first.join()
    assert (second.status_code, second.json()["error"]["code"]) == (409, "idempotency_key_in_use")
    assert answers == [200]
    assert shop.post(path, data, Idempotency_Key="flight-1").headers["Idempotent-Replayed"] == "true"
    assert shop.captures(intent) == [1200]


def test_a_key_is_kept_for_24_hours_of_the_servers_clock_and_then_forgotten(shop: Shop) -> None:
    first = shop.post("/v1/customers", {"name": "Ada"}, Idempotency_Key="day-1").json()["id"]
    shop.admin.set_clock(offset_seconds=DAY_SECONDS - 60)
    assert shop.post("/v1/customers", {"name": "Ada"}, Idempotency_Key="day-1").json()["id"] == first
    shop.admin.set_clock(offset_seconds=DAY_SECONDS + 60)
    assert shop.post("/v1/customers", {"name": "Ada"}, Idempotency_Key="day-1").json()["id"] != first


def test_a_forgotten_key_still_cannot_charge_an_intent_twice(shop: Shop) -> None:
    customer = shop.customer()
    card, intent = shop.card(customer), shop.intent(customer).id
    shop.confirm(intent, card, "forgotten-1")
    shop.admin.set_clock(offset_seconds=3 * DAY_SECONDS)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.confirm(intent, card, "forgotten-1")
    assert caught.value.code == "payment_intent_unexpected_state"
    assert shop.captures(intent) == [1200]


@pytest.mark.parametrize("executed", [True, False])
def test_a_500_saved_under_the_key_is_replayed_and_reading_tells_what_happened(shop: Shop, executed: bool) -> None:
    customer = shop.customer()
    card, intent = shop.card(customer), shop.intent(customer).id
    shop.admin.add_fault("server_error", match={"object": intent}, executed=executed, saved=True)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            shop.confirm(intent, card, f"saved-500-{executed}")
        assert caught.value.http_status == 500
    status = shop.stripe.v1.payment_intents.retrieve(intent).status
    assert status == ("succeeded" if executed else "requires_payment_method")
    assert shop.captures(intent) == ([1200] if executed else [])


def test_a_5xx_that_is_not_saved_lets_the_same_key_succeed(shop: Shop) -> None:
    customer = shop.customer()
    card, intent = shop.card(customer), shop.intent(customer).id
    shop.admin.add_fault("server_error", match={"object": intent}, status=503, saved=False)
    with pytest.raises(stripe.APIError) as caught:
        shop.confirm(intent, card, "unsaved-1")
    assert caught.value.http_status == 503
    assert shop.confirm(intent, card, "unsaved-1").status == "succeeded"


def test_an_overlong_key_is_refused(shop: Shop) -> None:
    assert shop.post("/v1/customers", {}, Idempotency_Key="k" * 255).status_code == 200
    assert shop.post("/v1/customers", {}, Idempotency_Key="k" * 256).status_code == 400
