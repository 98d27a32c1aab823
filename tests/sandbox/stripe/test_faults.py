"""Faults by rule: what breaks, for whom, how often, and what really happened meanwhile."""

import time
from typing import Any

import pytest
import requests
import stripe

from tests.sandbox.stripe.shop import Shop, sdk

CONFIRM = {"method": "POST", "path": "/v1/payment_intents/*/confirm"}


@pytest.mark.parametrize("answer", ["drop", "hang"])
def test_executed_but_unanswered_charges_once_and_the_same_key_then_tells(shop: Shop, answer: str) -> None:
    customer = shop.customer()
    card, intent = shop.card(customer), shop.intent(customer).id
    shop.admin.add_fault("executed_no_answer", match=CONFIRM, answer=answer)
    with sdk(shop.url, read_seconds=0.3) as impatient, pytest.raises(stripe.APIConnectionError):
        impatient.v1.payment_intents.confirm(
            intent, {"payment_method": card, "off_session": True}, {"idempotency_key": f"silent-{answer}"}
        )
    assert shop.captures(intent) == [1200]
    assert shop.stripe.v1.payment_intents.retrieve(intent).status == "succeeded"
    assert shop.confirm(intent, card, f"silent-{answer}").status == "succeeded"
    assert shop.captures(intent) == [1200]


def test_dropped_before_execution_changes_nothing(shop: Shop) -> None:
    customer = shop.customer()
    card, intent = shop.card(customer), shop.intent(customer).id
    shop.admin.add_fault("dropped", match=CONFIRM)
    with pytest.raises(stripe.APIConnectionError):
        shop.confirm(intent, card, "dropped-1")
    assert shop.stripe.v1.payment_intents.retrieve(intent).status == "requires_payment_method"
    assert shop.confirm(intent, card, "dropped-1").status == "succeeded"


def test_a_rate_limit_refuses_what_exceeds_it_before_the_idempotency_layer(shop: Shop) -> None:
    shop.admin.add_fault("rate_limit", match={"path": "/v1/customers"}, times=None, per_second=0.5)
    answers = [shop.post("/v1/customers", {}, Idempotency_Key=f"rate-{number}") for number in range(8)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 4
    assert refused[0].json()["error"]["code"] == "rate_limit"
    assert refused[0].headers["Retry-After"] == "1"
    shop.admin.clear_faults()
    after = shop.post("/v1/customers", {}, Idempotency_Key=f"rate-{answers.index(refused[0])}")
    assert after.status_code == 200 and "Idempotent-Replayed" not in after.headers


def test_a_delay_after_execution_answers_late_what_has_long_happened(shop: Shop) -> None:
    customer = shop.customer()
    card, intent = shop.card(customer), shop.intent(customer).id
    shop.admin.add_fault("delay", match=CONFIRM, seconds=5, when="after")
    with sdk(shop.url, read_seconds=0.2) as impatient, pytest.raises(stripe.APIConnectionError):
        impatient.v1.payment_intents.confirm(intent, {"payment_method": card, "off_session": True})
    assert shop.captures(intent) == [1200]


def test_a_delay_before_execution_holds_the_request_back(shop: Shop) -> None:
    shop.admin.add_fault("delay", match={"path": "/v1/customers"}, seconds=0.15)
    started = time.monotonic()
    shop.customer()
    assert time.monotonic() - started >= 0.15


def test_a_rule_lets_the_first_matches_through_and_then_hits_so_many_times(shop: Shop) -> None:
    rule = {"method": "POST", "path": "/v1/customers"}
    shop.admin.add_fault("server_error", match=rule, after=1, times=2, status=502, saved=False)
    assert [shop.post("/v1/customers", {}).status_code for _ in range(5)] == [200, 502, 502, 200, 200]
    assert [(rule["seen"], rule["hits"]) for rule in shop.admin.faults()] == [(5, 2)]


def test_a_rule_can_be_for_one_customer_or_one_piece_of_metadata_only(shop: Shop) -> None:
    mine, other = shop.customer(), shop.customer()
    intents = [
        shop.intent(mine, metadata={"invoice_id": "inv_1"}).id,
        shop.intent(mine, metadata={"invoice_id": "inv_2"}).id,
        shop.intent(other, metadata={"invoice_id": "inv_1"}).id,
    ]
    shop.admin.add_fault(
        "server_error", match={**CONFIRM, "customer": mine, "metadata": {"invoice_id": "inv_1"}}, times=None
    )
    cards = [shop.card(mine), shop.card(mine), shop.card(other)]
    with pytest.raises(stripe.APIError):
        shop.confirm(intents[0], cards[0])
    assert [shop.confirm(intents[n], cards[n]).status for n in (1, 2)] == ["succeeded", "succeeded"]


def test_a_rule_that_is_removed_no_longer_hits(shop: Shop) -> None:
    rule = shop.admin.add_fault("server_error", match={"path": "/v1/customers"}, times=None)
    assert shop.post("/v1/customers", {}).status_code == 500
    shop.admin.remove_fault(rule)
    assert shop.post("/v1/customers", {}).status_code == 200


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"kind": "flood"}, "flood"),
        ({"kind": "delay"}, "seconds"),
        ({"kind": "server_error", "status": 200}, "status"),
        ({"kind": "dropped", "match": {"colour": "red"}}, "colour"),
        ({"kind": "dropped", "match": {"method": "PATCH"}}, "method"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_and_named(shop: Shop, rule: dict[str, Any], message: str) -> None:
    refused = requests.post(f"{shop.url}/_admin/faults", json=rule, timeout=5)
    assert refused.status_code == 400
    assert message in refused.json()["error"]["message"]
    assert shop.admin.faults() == []
