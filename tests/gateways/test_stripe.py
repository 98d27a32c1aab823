"""Charging through Stripe: declines are values, and whoever asks again never pays twice."""

from uuid import uuid4

import pytest
import stripe

from gateways import stripe as gateway_module
from gateways.payment import (
    CreateIntent,
    GatewayRefused,
    Intent,
    IntentStatus,
    PaymentGateway,
    PaymentMethodDeclined,
)
from gateways.stripe import StripeGateway
from sandbox.stripe.admin import StripeAdmin


def new_key() -> str:
    return str(uuid4())


@pytest.fixture
def customer(gateway: StripeGateway) -> str:
    return gateway.create_customer("cus_ours", idempotency_key=new_key())


def attached(gateway: StripeGateway, customer: str, token: str = "pm_card_visa") -> str:
    return gateway.attach_payment_method(customer, token, idempotency_key=new_key()).id


def unconfirmed(
    gateway: StripeGateway, customer: str, invoice_id: str = "inv_1", amount_minor: int = 120_050
) -> Intent:
    request = CreateIntent(invoice_id, "con_1", customer, amount_minor, "USD")
    return gateway.create_intent(request, key=new_key())


def captures(admin: StripeAdmin, intent: Intent) -> list[int]:
    return [entry["amount"] for entry in admin.journal(kind="capture", payment_intent=intent.id)]


def test_the_gateway_is_what_the_protocol_asks_for(gateway: StripeGateway) -> None:
    as_protocol: PaymentGateway = gateway
    assert callable(as_protocol.confirm_intent)


def test_the_pinned_version_is_the_one_the_sdk_was_made_for() -> None:
    assert stripe.api_version == gateway_module.API_VERSION


def test_a_customer_is_created_once_for_one_key(gateway: StripeGateway) -> None:
    key = new_key()
    assert gateway.create_customer("a", idempotency_key=key) == gateway.create_customer("a", idempotency_key=key)


@pytest.mark.parametrize("token", ["pm_card_mastercard", "tok_mastercard"])
def test_an_attached_card_is_described_without_its_number(gateway: StripeGateway, customer: str, token: str) -> None:
    method = gateway.attach_payment_method(customer, token, idempotency_key=new_key())
    assert (method.brand, method.last4) == ("mastercard", "4444")
    assert 1 <= method.exp_month <= 12 and method.exp_year > 2025


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("tok_chargeDeclinedExpiredCard", "expired_card"),
    ],
)
def test_a_card_that_is_declined_while_it_is_attached_says_why(
    gateway: StripeGateway, customer: str, token: str, code: str
) -> None:
    with pytest.raises(PaymentMethodDeclined) as caught:
        attached(gateway, customer, token)
    assert caught.value.code == code


def test_a_created_intent_moves_no_money(gateway: StripeGateway, customer: str, admin: StripeAdmin) -> None:
    intent = unconfirmed(gateway, customer)
    assert intent == Intent(
        id=intent.id,
        status=IntentStatus.REQUIRES_PAYMENT_METHOD,
        amount_minor=120_050,
        currency="USD",
        received_minor=0,
        invoice_id="inv_1",
    )
    assert admin.journal(payment_intent=intent.id) == []


def test_a_confirmed_intent_has_succeeded(gateway: StripeGateway, customer: str, admin: StripeAdmin) -> None:
    intent = unconfirmed(gateway, customer)
    paid = gateway.confirm_intent(intent.id, attached(gateway, customer), key=new_key())
    assert (paid.status, paid.received_minor) == (IntentStatus.SUCCEEDED, 120_050)
    assert paid.latest_charge_id is not None and paid.decline_code is None
    assert gateway.retrieve_intent(intent.id) == paid
    assert captures(admin, intent) == [120_050]


def test_metadata_ties_the_intent_to_its_invoice_and_contract(
    gateway: StripeGateway, customer: str, admin: StripeAdmin
) -> None:
    intent = unconfirmed(gateway, customer, "inv_77")
    gateway.confirm_intent(intent.id, attached(gateway, customer), key=new_key())
    entry = admin.journal(kind="capture", payment_intent=intent.id)[0]
    assert entry["metadata"] == {"invoice_id": "inv_77", "contract_id": "con_1"}


@pytest.mark.parametrize(
    ("token", "code", "message"),
    [
        ("pm_card_chargeCustomerFail", "generic_decline", "Your card was declined."),
        ("pm_sandbox_fail_insufficient_funds", "insufficient_funds", "Your card has insufficient funds."),
        # Stripe reports these without a decline code of their own.
        ("pm_sandbox_fail_expired_card", "expired_card", "Your card has expired."),
        (
            "pm_card_authenticationRequired",
            "authentication_required",
            "Your card was declined. This transaction requires authentication.",
        ),
    ],
)
def test_a_decline_is_a_value_and_the_same_key_gives_the_same_value(
    gateway: StripeGateway, customer: str, admin: StripeAdmin, token: str, code: str, message: str
) -> None:
    intent, card, key = unconfirmed(gateway, customer), attached(gateway, customer, token), new_key()
    declined = gateway.confirm_intent(intent.id, card, key=key)
    assert (declined.status, declined.received_minor) == (IntentStatus.REQUIRES_PAYMENT_METHOD, 0)
    assert (declined.decline_code, declined.decline_message) == (code, message)
    assert declined.latest_charge_id is not None
    assert gateway.confirm_intent(intent.id, card, key=key) == declined
    assert gateway.retrieve_intent(intent.id) == declined
    assert captures(admin, intent) == []


def test_the_next_attempt_confirms_the_same_intent_and_forgets_the_decline(
    gateway: StripeGateway, customer: str, admin: StripeAdmin
) -> None:
    intent, card = unconfirmed(gateway, customer), attached(gateway, customer)
    admin.decline_customer(customer, "insufficient_funds")
    assert gateway.confirm_intent(intent.id, card, key=new_key()).decline_code == "insufficient_funds"
    admin.accept_customer(customer)
    paid = gateway.confirm_intent(intent.id, card, key=new_key())
    assert (paid.status, paid.decline_code, paid.decline_message) == (IntentStatus.SUCCEEDED, None, None)
    assert captures(admin, intent) == [120_050]


def test_confirming_a_paid_intent_under_a_new_key_gives_it_back_without_a_second_charge(
    gateway: StripeGateway, customer: str, admin: StripeAdmin
) -> None:
    intent, card = unconfirmed(gateway, customer), attached(gateway, customer)
    paid = gateway.confirm_intent(intent.id, card, key=new_key())
    assert gateway.confirm_intent(intent.id, card, key=new_key()) == paid
    assert captures(admin, intent) == [120_050]


def test_a_key_that_stripe_has_forgotten_charges_nothing_again(
    gateway: StripeGateway, customer: str, admin: StripeAdmin
) -> None:
    intent, card, key = unconfirmed(gateway, customer), attached(gateway, customer), new_key()
    gateway.confirm_intent(intent.id, card, key=key)
    admin.set_clock(offset_seconds=3 * 86_400)
    assert gateway.confirm_intent(intent.id, card, key=key).status is IntentStatus.SUCCEEDED
    assert captures(admin, intent) == [120_050]


def test_a_canceled_intent_stays_canceled(gateway: StripeGateway, customer: str, admin: StripeAdmin) -> None:
    intent = unconfirmed(gateway, customer)
    assert gateway.cancel_intent(intent.id, key=new_key()).status is IntentStatus.CANCELED
    assert gateway.cancel_intent(intent.id, key=new_key()).status is IntentStatus.CANCELED
    confirmed = gateway.confirm_intent(intent.id, attached(gateway, customer), key=new_key())
    assert confirmed.status is IntentStatus.CANCELED
    assert captures(admin, intent) == []


def test_canceling_a_paid_intent_gives_it_back_as_paid(gateway: StripeGateway, customer: str) -> None:
    intent = unconfirmed(gateway, customer)
    gateway.confirm_intent(intent.id, attached(gateway, customer), key=new_key())
    assert gateway.cancel_intent(intent.id, key=new_key()).status is IntentStatus.SUCCEEDED


def test_a_payment_in_processing_is_neither_charged_again_nor_canceled(
    gateway: StripeGateway, customer: str, admin: StripeAdmin
) -> None:
    intent = unconfirmed(gateway, customer)
    waiting = gateway.confirm_intent(intent.id, attached(gateway, customer, "pm_sandbox_processing"), key=new_key())
    assert waiting.status is IntentStatus.PROCESSING
    again = gateway.confirm_intent(intent.id, attached(gateway, customer), key=new_key())
    assert again.status is IntentStatus.PROCESSING
    assert gateway.cancel_intent(intent.id, key=new_key()).status is IntentStatus.PROCESSING
    admin.complete_action(intent.id)
    assert captures(admin, intent) == [120_050]


def test_an_intent_is_found_by_its_invoice_also_behind_a_full_page(gateway: StripeGateway, customer: str) -> None:
    wanted = unconfirmed(gateway, customer, "inv_old")
    for number in range(101):
        unconfirmed(gateway, customer, f"inv_{number}")
    assert gateway.find_intent_by_invoice(customer, "inv_old") == wanted
    assert gateway.find_intent_by_invoice(customer, "inv_other") is None


def test_a_currency_is_asked_for_in_stripes_units_and_read_back_in_ours(
    gateway: StripeGateway, customer: str, admin: StripeAdmin
) -> None:
    request = CreateIntent("inv_isk", "con_1", customer, 5_000, "ISK")
    intent = gateway.create_intent(request, key=new_key())
    paid = gateway.confirm_intent(intent.id, attached(gateway, customer), key=new_key())
    assert (paid.amount_minor, paid.received_minor, paid.currency) == (5_000, 5_000, "ISK")
    assert captures(admin, intent) == [500_000]


def test_an_amount_below_stripes_minimum_is_refused(gateway: StripeGateway, customer: str) -> None:
    with pytest.raises(GatewayRefused) as caught:
        unconfirmed(gateway, customer, amount_minor=49)
    assert (caught.value.code, caught.value.param) == ("amount_too_small", "amount")
