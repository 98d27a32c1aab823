"""Stripe's test cards and what happens when they are attached and charged: https://docs.stripe.com/testing

`pm_sandbox_fail_<decline code>` and `pm_sandbox_processing` are this server's own: they attach, then decline every
charge with that code, or leave it in processing until an admin call settles it.
"""

from dataclasses import dataclass
from typing import Final, Literal

Authentication = Literal["none", "required", "until_set_up"]


@dataclass(frozen=True, slots=True)
class Card:
    number: str
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    decline_code: str | None = None
    attaches: bool = True
    authentication: Authentication = "none"
    dispute_reason: str | None = None
    refund_status: Literal["succeeded", "pending"] = "succeeded"
    processing: bool = False
    cvc_check: str = "pass"


@dataclass(frozen=True, slots=True)
class Decline:
    """An issuer's refusal: the error code, its decline code if Stripe reports one, and the sentence for the payer."""

    code: str
    decline_code: str | None
    message: str


# Declines that are reported as an error code of their own; every other decline code comes with card_declined.
OWN_CODES: Final = {
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
}
MESSAGES: Final = {
    "insufficient_funds": "Your card has insufficient funds.",
    "card_velocity_exceeded": "Your card was declined for making repeated attempts too frequently.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}
DECLINE_CODES: Final = frozenset({
    "approve_with_id", "authentication_required", "call_issuer", "card_not_supported", "card_velocity_exceeded",
    "currency_not_supported", "do_not_honor", "do_not_try_again", "duplicate_transaction", "expired_card",
    "fraudulent", "generic_decline", "highest_risk_level", "incorrect_address", "incorrect_cvc",
    "incorrect_number", "incorrect_pin", "incorrect_zip", "insufficient_funds", "invalid_account",
    "invalid_amount", "invalid_cvc", "invalid_expiry_month", "invalid_expiry_year", "invalid_number",
    "invalid_pin", "issuer_not_available", "lost_card", "merchant_blacklist",
    "new_account_information_available", "no_action_taken", "not_permitted", "offline_pin_required",
    "online_or_offline_pin_required", "pickup_card", "pin_try_exceeded", "processing_error",
    "reenter_transaction", "restricted_card", "revocation_of_all_authorizations", "revocation_of_authorization",
    "security_violation", "service_not_allowed", "stolen_card", "stop_payment_order", "test_mode_decline",
    "testmode_decline", "transaction_not_allowed", "try_again_later", "withdrawal_count_limit_exceeded",
})  # fmt: skip


def decline(decline_code: str) -> Decline:
    """How Stripe reports that decline code."""
    if decline_code in OWN_CODES:
        return Decline(decline_code, None, OWN_CODES[decline_code])
    code = "authentication_required" if decline_code == "authentication_required" else "card_declined"
    return Decline(code, decline_code, MESSAGES.get(decline_code, "Your card was declined."))


def _declining(number: str, decline_code: str) -> Card:
    return Card(number, decline_code=decline_code, attaches=False)


BY_NAME: Final[dict[str, Card]] = {
    "visa": Card("4242424242424242"),
    "visa_debit": Card("4000056655665556", funding="debit"),
    "mastercard": Card("5555555555554444", "mastercard"),
    "mastercard_debit": Card("5200828282828210", "mastercard", "debit"),
    "mastercard_prepaid": Card("5105105105105100", "mastercard", "prepaid"),
    "amex": Card("378282246310005", "amex"),
    "discover": Card("6011111111111117", "discover"),
    "diners": Card("3056930009020004", "diners"),
    "jcb": Card("3566002020360505", "jcb", country="JP"),
    "unionpay": Card("6200000000000005", "unionpay", country="CN"),
    "br": Card("4000000760000002", country="BR"),
    "ca": Card("4000001240000000", country="CA"),
    "de": Card("4000002760000016", country="DE"),
    "fr": Card("4000002500000003", country="FR"),
    "gb": Card("4000008260000000", country="GB"),
    "bypassPending": Card("4000000000000077"),
    "chargeDeclined": _declining("4000000000000002", "generic_decline"),
    "chargeDeclinedInsufficientFunds": _declining("4000000000009995", "insufficient_funds"),
    "chargeDeclinedLostCard": _declining("4000000000009987", "lost_card"),
    "chargeDeclinedStolenCard": _declining("4000000000009979", "stolen_card"),
    "chargeDeclinedVelocityLimitExceeded": _declining("4000000000006975", "card_velocity_exceeded"),
    "chargeDeclinedExpiredCard": _declining("4000000000000069", "expired_card"),
    "chargeDeclinedIncorrectCvc": Card(
        "4000000000000127", decline_code="incorrect_cvc", attaches=False, cvc_check="fail"
    ),
    "chargeDeclinedProcessingError": _declining("4000000000000119", "processing_error"),
    "chargeDeclinedFraudulent": _declining("4100000000000019", "fraudulent"),
    "radarBlock": _declining("4100000000000019", "fraudulent"),
    "cvcCheckFail": Card("4000000000000101", cvc_check="fail"),
    "chargeCustomerFail": Card("4000000000000341", decline_code="generic_decline"),
    "authenticationRequired": Card("4000002760003184", authentication="required"),
    "authenticationRequiredOnSetup": Card("4000002500003155", authentication="until_set_up"),
    "authenticationRequiredSetupForOffSession": Card("4000003800000446", authentication="until_set_up"),
    "authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        "4000008260003178", decline_code="insufficient_funds", authentication="required"
    ),
    "threeDSecure2Required": Card("4000000000003220", authentication="required"),
    "threeDSecureRequired": Card("4000000000003063", authentication="required"),
    "threeDSecureRequiredChargeDeclined": Card(
        "4000008400001629", decline_code="generic_decline", authentication="required"
    ),
    "threeDSecureRequiredProcessingError": Card(
        "4000008400001280", decline_code="processing_error", authentication="required"
    ),
    "threeDSecureOptional": Card("4000000000003055"),
    "createDispute": Card("4000000000000259", dispute_reason="fraudulent"),
    "createDisputeProductNotReceived": Card("4000000000002685", dispute_reason="product_not_received"),
    "pendingRefund": Card("4000000000007726", refund_status="pending"),
    "sandbox_processing": Card("4000000000000903", processing=True),
}
BY_NUMBER: Final[dict[str, Card]] = {
    **{card.number: card for card in BY_NAME.values()},
    "4012888888881881": Card("4012888888881881"),
    "5454545454545454": Card("5454545454545454", "mastercard"),
    "371449635398431": Card("371449635398431", "amex"),
    "6011000990139424": Card("6011000990139424", "discover"),
    "36227206271667": Card("36227206271667", "diners"),
}
OWN_FAILING: Final = "sandbox_fail_"


def named(token: str) -> tuple[str, Card] | None:
    """The name and card behind a test token such as `pm_card_visa`, `tok_chargeDeclined` or `pm_sandbox_processing`."""
    for prefix in ("pm_card_", "tok_", "pm_"):
        if token.startswith(prefix):
            name = token.removeprefix(prefix)
            card = by_name(name)
            return (name, card) if card else None
    return None


def by_name(name: str) -> Card | None:
    """The card of that name; some of Stripe's names exist with and without the brand in front."""
    if name.startswith(OWN_FAILING):
        code = name.removeprefix(OWN_FAILING)
        return Card("4000000000000341", decline_code=code) if code in DECLINE_CODES else None
    return BY_NAME.get(name) or BY_NAME.get(name.removeprefix("visa_")) or BY_NAME.get(name.removeprefix("us_"))


def passes_luhn(number: str) -> bool:
    """Whether the check digit is right."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
