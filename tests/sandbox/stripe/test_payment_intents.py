"""The life of a payment intent."""

import pytest
import stripe

from tests.sandbox.stripe.shop import Shop


def test_an_intent_without_a_payment_method_waits_for_one_and_moves_no_money(shop: Shop) -> None:
    intent = shop.intent(shop.customer())
    assert (intent.status, intent.amount_received, intent.latest_charge) == ("requires_payment_method", 0, None)
    assert shop.captures(intent.id) == []


def test_an_intent_with_a_payment_method_waits_for_its_confirmation(shop: Shop) -> None:
    customer = shop.customer()
    intent = shop.intent(customer, payment_method=shop.card(customer))
    assert intent.status == "requires_confirmation"
    assert shop.stripe.v1.payment_intents.confirm(intent.id).status == "succeeded"


def test_a_confirmed_intent_has_its_money_one_charge_and_a_fee_taken_from_the_balance(shop: Shop) -> None:
    customer = shop.customer()
    intent = shop.paid(customer, 10_000)
    assert (intent.status, intent.amount_received) == ("succeeded", 10_000)
    assert shop.captures(intent.id) == [10_000]
    charges = shop.stripe.v1.charges.list({"payment_intent": intent.id}).data
    assert [(charge.id, charge.status, charge.paid) for charge in charges] == [
        (intent.latest_charge, "succeeded", True)
    ]
    moved = shop.stripe.v1.balance_transactions.list({"source": charges[0].id}).data
    # 2.9 % of 100.00 is 2.90, and 0.30 on top.
    assert [(entry.amount, entry.fee, entry.net) for entry in moved] == [(10_000, 320, 9_680)]


def test_creating_and_confirming_in_one_request_charges_at_once(shop: Shop) -> None:
    customer = shop.customer()
    intent = shop.intent(customer, payment_method=shop.card(customer), confirm=True, off_session=True)
    assert intent.status == "succeeded"


def test_off_session_without_confirmation_is_refused(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="confirm=true"):
        shop.intent(shop.customer(), off_session=True)


def test_an_intent_that_succeeded_cannot_be_charged_again_with_another_key(shop: Shop) -> None:
    customer = shop.customer()
    intent = shop.paid(customer)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.confirm(intent.id, shop.card(customer))
    assert caught.value.code == "payment_intent_unexpected_state"
    assert caught.value.error is not None and caught.value.error.payment_intent is not None
    assert caught.value.error.payment_intent.status == "succeeded"
    assert shop.captures(intent.id) == [1200]


def test_each_declined_attempt_leaves_a_failed_charge_and_the_next_attempt_may_succeed(shop: Shop) -> None:
    customer = shop.customer()
    intent = shop.intent(customer)
    error = shop.declined(intent.id, shop.card(customer, "pm_card_chargeCustomerFail"))
    assert error.error is not None and error.error.payment_intent is not None
    inside = error.error.payment_intent
    assert (inside.status, inside.payment_method) == ("requires_payment_method", None)
    assert inside.last_payment_error is not None and inside.last_payment_error.decline_code == "generic_decline"
    assert inside.latest_charge == error.error.charge

    confirmed = shop.confirm(intent.id, shop.card(customer))
    assert (confirmed.status, confirmed.last_payment_error) == ("succeeded", None)
    statuses = [charge.status for charge in shop.stripe.v1.charges.list({"payment_intent": intent.id}).data]
    assert statuses == ["succeeded", "failed"]
    assert shop.captures(intent.id) == [1200]


def test_a_canceled_intent_can_neither_be_confirmed_nor_canceled_again(shop: Shop) -> None:
    customer = shop.customer()
    intent = shop.intent(customer)
    canceled = shop.stripe.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "duplicate"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "duplicate")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.confirm(intent.id, shop.card(customer))
    assert caught.value.code == "payment_intent_unexpected_state"
    with pytest.raises(stripe.InvalidRequestError):
        shop.stripe.v1.payment_intents.cancel(intent.id)
    assert shop.captures(intent.id) == []


def test_manual_capture_takes_part_of_what_was_authorized(shop: Shop) -> None:
    customer = shop.customer()
    intent = shop.intent(customer, 5000, capture_method="manual")
    held = shop.confirm(intent.id, shop.card(customer))
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 5000, 0)
    assert shop.captures(intent.id) == []
    taken = shop.stripe.v1.payment_intents.capture(intent.id, {"amount_to_capture": 3000})
    assert (taken.status, taken.amount_received) == ("succeeded", 3000)
    assert shop.captures(intent.id) == [3000]


def test_canceling_an_authorized_intent_releases_it_without_a_capture(shop: Shop) -> None:
    customer = shop.customer()
    intent = shop.intent(customer, capture_method="manual")
    shop.confirm(intent.id, shop.card(customer))
    assert shop.stripe.v1.payment_intents.cancel(intent.id).status == "canceled"
    assert [entry["kind"] for entry in shop.admin.journal(payment_intent=intent.id)] == ["release", "cancel"]


def test_a_3ds_card_waits_for_its_payer_who_then_authenticates(shop: Shop) -> None:
    customer = shop.customer()
    card = shop.card(customer, "pm_card_threeDSecure2Required")
    intent = shop.stripe.v1.payment_intents.confirm(shop.intent(customer).id, {"payment_method": card})
    assert intent.status == "requires_action"
    assert intent.next_action is not None and intent.next_action.type == "use_stripe_sdk"
    assert shop.captures(intent.id) == []
    assert shop.admin.complete_action(intent.id)["status"] == "succeeded"
    assert shop.captures(intent.id) == [1200]


def test_a_payer_who_fails_to_authenticate_leaves_the_intent_without_payment_method(shop: Shop) -> None:
    customer = shop.customer()
    card = shop.card(customer, "pm_card_threeDSecure2Required")
    intent = shop.stripe.v1.payment_intents.confirm(shop.intent(customer).id, {"payment_method": card})
    done = shop.admin.complete_action(intent.id, succeeds=False)
    assert done["status"] == "requires_payment_method"
    assert done["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert shop.captures(intent.id) == []


def test_a_3ds_card_in_its_payers_absence_is_declined_with_authentication_required(shop: Shop) -> None:
    customer = shop.customer()
    intent = shop.intent(customer)
    error = shop.declined(intent.id, shop.card(customer, "pm_card_authenticationRequired"))
    assert (error.http_status, error.code) == (402, "authentication_required")
    assert shop.stripe.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"


def test_a_slow_bank_leaves_the_intent_processing_until_it_settles(shop: Shop) -> None:
    customer = shop.customer()
    card = shop.card(customer, "pm_sandbox_processing")
    first, second = (shop.confirm(shop.intent(customer).id, card) for _ in range(2))
    assert (first.status, second.status) == ("processing", "processing")
    with pytest.raises(stripe.InvalidRequestError):
        shop.confirm(first.id, shop.card(customer))
    assert shop.admin.complete_action(first.id)["status"] == "succeeded"
    refused = shop.admin.complete_action(second.id, decline_code="insufficient_funds", succeeds=False)
    assert refused["last_payment_error"]["decline_code"] == "insufficient_funds"
    assert (shop.captures(first.id), shop.captures(second.id)) == ([1200], [])


def test_an_update_changes_the_amount_before_payment_and_only_metadata_after(shop: Shop) -> None:
    customer = shop.customer()
    intent = shop.intent(customer, metadata={"a": "1", "b": "2"})
    changed = shop.stripe.v1.payment_intents.update(intent.id, {"amount": 900, "metadata": {"a": "", "c": "3"}})
    assert changed.amount == 900
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    shop.confirm(intent.id, shop.card(customer))
    assert shop.stripe.v1.payment_intents.update(intent.id, {"metadata": {"d": "4"}}).metadata["d"] == "4"
    with pytest.raises(stripe.InvalidRequestError, match="succeeded"):
        shop.stripe.v1.payment_intents.update(intent.id, {"amount": 1})


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        ("0", "usd", "parameter_invalid_integer"),
        ("49", "usd", "amount_too_small"),
        ("1000000000000", "usd", "amount_too_large"),
        ("12.5", "usd", "parameter_invalid_integer"),
    ],
)
def test_an_amount_that_cannot_be_charged_is_refused(shop: Shop, amount: str, currency: str, code: str) -> None:
    refused = shop.post("/v1/payment_intents", {"amount": amount, "currency": currency})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, code)


def test_a_card_of_another_customer_cannot_pay(shop: Shop) -> None:
    card = shop.card(shop.customer())
    with pytest.raises(stripe.InvalidRequestError, match="another Customer"):
        shop.confirm(shop.intent(shop.customer()).id, card)


def test_an_unattached_payment_method_pays_once_only(shop: Shop) -> None:
    loose = shop.stripe.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}).id
    customer = shop.customer()
    assert shop.confirm(shop.intent(customer).id, loose).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        shop.confirm(shop.intent(customer).id, loose)


def test_events_tell_the_story_of_an_intent_in_order(shop: Shop) -> None:
    customer = shop.customer()
    intent = shop.intent(customer)
    error = shop.declined(intent.id, shop.card(customer, "pm_card_chargeCustomerFail"))
    paid = shop.confirm(intent.id, shop.card(customer))
    assert shop.events(intent.id) == [
        "payment_intent.created",
        "payment_intent.payment_failed",
        "payment_intent.succeeded",
    ]
    assert error.error is not None and error.error.charge is not None
    assert shop.events(error.error.charge) == ["charge.failed"]
    assert shop.events(str(paid.latest_charge)) == ["charge.succeeded"]
