"""Charges through the real SDK against the Stripe-compatible server, which says what was really captured."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from activities.signatures import ChargeOutcome
from gateways.payment import GatewayRefused
from gateways.stripe import StripeGateway, Timeouts
from models.database import Database
from sandbox.stripe.admin import StripeAdmin
from sandbox.stripe.running import RunningStripe
from tests.activities.till import Till

CONFIRM = {"method": "POST", "path": "/v1/payment_intents/*/confirm"}
CREATE = {"method": "POST", "path": "/v1/payment_intents"}
SETTLED = ChargeOutcome("settled")


@pytest.fixture
def stripe_gateway(server: RunningStripe) -> Iterator[StripeGateway]:
    made = StripeGateway("sk_test_charging", base_url=server.url, timeouts=Timeouts(read_seconds=10))
    yield made
    made.close()


@pytest.fixture
def shop(database: Database, stripe_gateway: StripeGateway) -> Till:
    """An open invoice of 100.00 whose customer has a card that works; its ids are this test's alone."""
    once = uuid4().hex
    customer = stripe_gateway.create_customer("cus_1", idempotency_key=f"{once}:customer")
    card = stripe_gateway.attach_payment_method(customer, "pm_card_visa", idempotency_key=f"{once}:card")
    return Till(database, stripe_gateway, customer=customer, method=card.id, contract_id=f"con_{once}")


def captured(till: Till, admin: StripeAdmin) -> list[int]:
    intents = {intent for _, _, intent in till.payment() if intent}
    return [entry["amount"] for entry in admin.journal(kind="capture") if entry["payment_intent"] in intents]


def customer_of(till: Till) -> str:
    [(customer,)] = till.story.rows("SELECT gateway_customer_id FROM customer")
    return str(customer)


def expect_one_capture(till: Till, admin: StripeAdmin) -> None:
    assert captured(till, admin) == [10_000]
    mine = [entry["amount"] for entry in admin.journal(kind="capture", customer=customer_of(till))]
    assert mine == [10_000]
    assert till.invoice() == ("paid", 10_000)
    assert till.story.balances() == {"gateway_clearing": 10_000, "contract_position": -10_000}


def test_a_card_that_works_pays(shop: Till, admin: StripeAdmin) -> None:
    assert shop.charge() == SETTLED
    expect_one_capture(shop, admin)


def test_executed_but_timed_out_captures_once(shop: Till, admin: StripeAdmin) -> None:
    admin.add_fault("executed_no_answer", match=CONFIRM)
    assert shop.charge() == SETTLED
    expect_one_capture(shop, admin)


def test_dropped_before_it_was_executed_captures_once(shop: Till, admin: StripeAdmin) -> None:
    admin.add_fault("dropped", match=CONFIRM)
    assert shop.failure().type == "gateway_unknown"
    assert captured(shop, admin) == []
    assert shop.charge() == SETTLED
    expect_one_capture(shop, admin)


@pytest.mark.parametrize("executed", [True, False])
def test_an_error_saved_under_the_key_does_not_stop_the_charge(shop: Till, admin: StripeAdmin, executed: bool) -> None:
    admin.add_fault("server_error", match=CONFIRM, executed=executed, saved=True)
    assert shop.until_answered() == SETTLED
    expect_one_capture(shop, admin)


@pytest.mark.parametrize("kind", ["executed_no_answer", "dropped", "server_error"])
def test_a_creation_that_goes_wrong_leaves_one_charge(shop: Till, admin: StripeAdmin, kind: str) -> None:
    admin.add_fault(kind, match=CREATE)
    assert shop.until_answered() == SETTLED
    expect_one_capture(shop, admin)


def test_a_rate_limit_is_waited_out_for_as_long_as_it_says(
    shop: Till, admin: StripeAdmin, stripe_gateway: StripeGateway
) -> None:
    rule = admin.add_fault("rate_limit", match=CONFIRM, times=None, per_second=0.001)
    # The allowance of a rate is one request: this one takes it.
    with pytest.raises(GatewayRefused):
        stripe_gateway.confirm_intent("pi_nobody", "pm_nobody", key=uuid4().hex)
    failure = shop.failure()
    assert failure.type == "gateway_unavailable" and failure.next_retry_delay == timedelta(seconds=1)
    admin.remove_fault(rule)
    assert shop.charge() == SETTLED
    expect_one_capture(shop, admin)


def test_a_declined_card_is_retried_on_the_same_intent(shop: Till, admin: StripeAdmin) -> None:
    admin.decline_customer(customer_of(shop), "insufficient_funds")
    declined = shop.charge()
    assert (declined.kind, declined.code) == ("declined", "insufficient_funds")
    assert shop.attempts() == [(1, "failed", "insufficient_funds")]
    admin.accept_customer(customer_of(shop))
    assert shop.charge(2) == SETTLED
    expect_one_capture(shop, admin)


def test_a_decline_whose_answer_was_lost_is_found_by_reading(shop: Till, admin: StripeAdmin) -> None:
    admin.decline_customer(customer_of(shop), "expired_card")
    admin.add_fault("executed_no_answer", match=CONFIRM)
    declined = shop.charge()
    assert (declined.kind, declined.code) == ("declined", "expired_card")
    assert captured(shop, admin) == []


def test_a_key_forgotten_after_days_captures_nothing_more(shop: Till, admin: StripeAdmin) -> None:
    """The answer and its reading are lost; three days later Stripe has forgotten the key."""
    admin.add_fault("executed_no_answer", match=CONFIRM)
    admin.add_fault("dropped", match={"method": "GET", "path": "/v1/payment_intents/*"})
    assert shop.failure().type == "gateway_unavailable"
    admin.set_clock(offset_seconds=3 * 24 * 3600)
    assert shop.charge() == SETTLED
    expect_one_capture(shop, admin)


def test_a_smaller_open_amount_cancels_the_intent_before_another_is_made(shop: Till, admin: StripeAdmin) -> None:
    admin.decline_customer(customer_of(shop), "insufficient_funds")
    shop.charge()
    admin.accept_customer(customer_of(shop))
    with shop.database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE invoice SET credited_minor = 4000")
    assert shop.charge(2) == SETTLED
    assert [entry["amount"] for entry in admin.journal(kind="capture", customer=customer_of(shop))] == [6_000]
    assert shop.invoice() == ("paid", 6_000)
