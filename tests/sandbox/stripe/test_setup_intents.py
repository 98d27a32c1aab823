"""Setup intents make a card ready for charges in its owner's absence."""

import pytest
import stripe

from tests.sandbox.stripe.shop import Shop


def test_a_confirmed_setup_intent_attaches_the_card(shop: Shop) -> None:
    customer = shop.customer()
    intents = shop.stripe.v1.setup_intents
    made = intents.create({"customer": customer, "payment_method": "pm_card_visa"})
    assert made.status == "requires_confirmation"
    done = intents.confirm(made.id)
    assert done.status == "succeeded"
    attached = shop.stripe.v1.customers.payment_methods.list(customer).data
    assert [method.id for method in attached] == [done.payment_method]
    assert shop.events(made.id) == ["setup_intent.created", "setup_intent.succeeded"]


def test_a_card_set_up_with_its_owner_present_then_pays_in_their_absence(shop: Shop) -> None:
    customer = shop.customer()
    made = shop.stripe.v1.setup_intents.create(
        {"customer": customer, "payment_method": "pm_card_authenticationRequiredOnSetup", "confirm": True}
    )
    assert made.status == "requires_action"
    done = shop.admin.complete_setup(made.id)
    assert done["status"] == "succeeded"
    assert shop.confirm(shop.intent(customer).id, done["payment_method"]).status == "succeeded"


def test_the_same_card_without_setup_is_declined_in_its_owners_absence(shop: Shop) -> None:
    customer = shop.customer()
    card = shop.card(customer, "pm_card_authenticationRequiredOnSetup")
    assert shop.declined(shop.intent(customer).id, card).code == "authentication_required"


def test_a_declined_card_fails_the_setup(shop: Shop) -> None:
    customer = shop.customer()
    made = shop.stripe.v1.setup_intents.create({"customer": customer})
    with pytest.raises(stripe.CardError) as caught:
        shop.stripe.v1.setup_intents.confirm(made.id, {"payment_method": "pm_card_visa_chargeDeclined"})
    assert caught.value.code == "card_declined"
    failed = shop.stripe.v1.setup_intents.retrieve(made.id)
    assert failed.status == "requires_payment_method"
    assert failed.last_setup_error is not None and failed.last_setup_error.decline_code == "generic_decline"
    assert shop.events(made.id) == ["setup_intent.created", "setup_intent.setup_failed"]
    assert shop.stripe.v1.customers.payment_methods.list(customer).data == []


def test_an_owner_who_does_not_authenticate_fails_the_setup(shop: Shop) -> None:
    made = shop.stripe.v1.setup_intents.create(
        {"customer": shop.customer(), "payment_method": "pm_card_threeDSecure2Required", "confirm": True}
    )
    failed = shop.admin.complete_setup(made.id, succeeds=False)
    assert failed["last_setup_error"]["code"] == "setup_intent_authentication_failure"


def test_a_canceled_setup_intent_cannot_be_confirmed(shop: Shop) -> None:
    intents = shop.stripe.v1.setup_intents
    made = intents.create({"payment_method": "pm_card_visa"})
    assert intents.cancel(made.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        intents.confirm(made.id)
    assert caught.value.code == "setup_intent_unexpected_state"
