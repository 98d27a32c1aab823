"""Test cards and tokens with the outcomes that Stripe documents for them."""

import pytest
import stripe

from tests.sandbox.stripe.shop import Shop

DECLINES = [
    ("pm_card_visa_chargeDeclined", "4000000000000002", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "4000000000009995", "card_declined", "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedLostCard", "4000000000009987", "card_declined", "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", "4000000000009979", "card_declined", "stolen_card"),
    ("pm_card_chargeDeclinedExpiredCard", "4000000000000069", "expired_card", None),
    ("pm_card_chargeDeclinedIncorrectCvc", "4000000000000127", "incorrect_cvc", None),
    ("pm_card_chargeDeclinedProcessingError", "4000000000000119", "processing_error", None),
    (
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
        "4000000000006975",
        "card_declined",
        "card_velocity_exceeded",
    ),
]


@pytest.mark.parametrize(
    ("token", "brand", "last4"),
    [
        ("pm_card_visa", "visa", "4242"),
        ("pm_card_visa_debit", "visa", "5556"),
        ("pm_card_mastercard", "mastercard", "4444"),
        ("pm_card_amex", "amex", "0005"),
        ("pm_card_discover", "discover", "1117"),
        ("pm_card_diners", "diners", "0004"),
        ("pm_card_jcb", "jcb", "0505"),
        ("pm_card_unionpay", "unionpay", "0005"),
    ],
)
def test_a_card_of_each_brand_attaches_and_pays(shop: Shop, token: str, brand: str, last4: str) -> None:
    customer = shop.customer()
    method = shop.stripe.v1.payment_methods.attach(token, {"customer": customer})
    assert method.card is not None
    assert (method.card.brand, method.card.last4) == (brand, last4)
    assert shop.confirm(shop.intent(customer).id, method.id).status == "succeeded"


@pytest.mark.parametrize(("token", "number", "code", "decline_code"), DECLINES)
def test_a_declining_card_is_declined_when_charged_and_cannot_be_attached(
    shop: Shop, token: str, number: str, code: str, decline_code: str | None
) -> None:
    customer = shop.customer()
    by_number = shop.post(
        "/v1/payment_methods",
        {"type": "card", "card[number]": number, "card[exp_month]": "12", "card[exp_year]": "2040", "card[cvc]": "123"},
    ).json()["id"]
    for method in (token, by_number):
        with pytest.raises(stripe.CardError) as attaching:
            shop.stripe.v1.payment_methods.attach(method, {"customer": customer})
        assert attaching.value.code == code
        error = shop.declined(shop.intent(customer).id, method)
        assert error.error is not None
        assert (error.http_status, error.code) == (402, code)
        assert getattr(error.error, "decline_code", None) == decline_code


@pytest.mark.parametrize("code", ["generic_decline", "do_not_honor", "insufficient_funds"])
def test_a_card_of_our_own_attaches_and_then_declines_with_any_code(shop: Shop, code: str) -> None:
    customer = shop.customer()
    error = shop.declined(shop.intent(customer).id, shop.card(customer, f"pm_sandbox_fail_{code}"))
    assert error.error is not None and error.error.decline_code == code


def test_the_customer_fail_card_attaches_by_number_and_declines_every_charge(shop: Shop) -> None:
    customer = shop.customer()
    made = shop.post(
        "/v1/payment_methods",
        {"type": "card", "card[number]": "4000 0000 0000 0341", "card[exp_month]": "1", "card[exp_year]": "2040"},
    ).json()
    card = shop.card(customer, made["id"])
    error = shop.declined(shop.intent(customer).id, card)
    assert error.error is not None and error.error.decline_code == "generic_decline"


@pytest.mark.parametrize(
    ("number", "year", "code"),
    [
        ("4242424242424241", "2040", "incorrect_number"),
        ("4242424242424242", "2001", "invalid_expiry_year"),
        # Passes the check digit, but is no test card.
        ("4532015112830366", "2040", "card_declined"),
    ],
)
def test_a_number_that_is_no_valid_test_card_is_refused(shop: Shop, number: str, year: str, code: str) -> None:
    refused = shop.post(
        "/v1/payment_methods",
        {"type": "card", "card[number]": number, "card[exp_month]": "12", "card[exp_year]": year},
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (402, code)


def test_card_numbers_do_not_appear_in_answers(shop: Shop) -> None:
    made = shop.post(
        "/v1/payment_methods",
        {"type": "card", "card[number]": "4242424242424242", "card[exp_month]": "12", "card[exp_year]": "2040"},
    )
    assert made.status_code == 200
    assert "4242424242424242" not in made.text


def test_a_detached_payment_method_can_neither_be_attached_nor_charged_again(shop: Shop) -> None:
    customer = shop.customer()
    card = shop.card(customer)
    assert shop.stripe.v1.payment_methods.detach(card).customer is None
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        shop.card(customer, card)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        shop.confirm(shop.intent(customer).id, card)
    assert shop.stripe.v1.customers.payment_methods.list(customer).data == []


def test_a_customer_rule_declines_every_card_until_it_is_removed(shop: Shop) -> None:
    customer, other = shop.customer(), shop.customer()
    card, intent = shop.card(customer), shop.intent(customer).id
    shop.admin.decline_customer(customer, "insufficient_funds")
    for _ in range(2):
        error = shop.declined(intent, card)
        assert error.error is not None and error.error.decline_code == "insufficient_funds"
    assert shop.paid(other).status == "succeeded"
    shop.admin.accept_customer(customer)
    assert shop.confirm(intent, card).status == "succeeded"
    assert shop.captures(intent) == [1200]
