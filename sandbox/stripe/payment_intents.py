"""Payment intents: at most one of an intent's attempts ever succeeds."""

from typing import Any, Final

from sandbox.stripe import charges
from sandbox.stripe.amounts import ANY_AMOUNT, checked_amount, checked_currency
from sandbox.stripe.attempts import attempt, finish, usable_method
from sandbox.stripe.errors import StripeError, bad_parameter, invalid
from sandbox.stripe.forms import Params
from sandbox.stripe.lists import page
from sandbox.stripe.operation import Operation, new_id, public
from sandbox.stripe.payment_methods import from_parameters
from sandbox.stripe.store import Json

CONFIRM_ONLY: Final = frozenset(
    {"off_session", "error_on_requires_action", "return_url", "use_stripe_sdk", "mandate_data", "mandate"}
)
PAYING: Final = frozenset({"payment_method", "payment_method_data", "payment_method_options"})
DETAILS: Final = (
    "description", "receipt_email", "setup_future_usage", "statement_descriptor", "statement_descriptor_suffix",
    "transfer_group",
)  # fmt: skip
TYPES: Final = frozenset(
    {"allowed_payment_method_types", "excluded_payment_method_types", "automatic_payment_methods", "capture_method"}
)
UPDATES: Final = PAYING | TYPES | {*DETAILS, "amount", "currency", "customer", "metadata", "shipping", "expand"}
CREATES: Final = UPDATES | CONFIRM_ONLY | {"confirm", "confirmation_method"}
CONFIRMS: Final = PAYING | TYPES | CONFIRM_ONLY | {"receipt_email", "setup_future_usage", "shipping", "expand"}
CAPTURES: Final = frozenset({"amount_to_capture", "metadata", "final_capture", "expand"})
CANCELS: Final = frozenset({"cancellation_reason", "expand"})
CANCEL_REASONS: Final = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
CAPTURE_METHODS: Final = ("automatic", "automatic_async", "manual")
CONFIRMABLE: Final = ("requires_payment_method", "requires_confirmation", "requires_action")


def create(op: Operation, params: Params) -> Json:
    confirms = params.boolean("confirm") or False
    stray = None if confirms else next((name for name in ("off_session", "mandate") if name in params.values), None)
    if stray:
        raise bad_parameter(
            f"{stray} is only for a PaymentIntent that is confirmed now: set confirm=true.", param=stray
        )
    currency = checked_currency(params.needed("currency"))
    amount = checked_amount(params, currency, any_amount=bool(op.store.setting(ANY_AMOUNT)))
    customer = params.text("customer")
    if customer:
        op.find("customer", customer, param="customer")
    intent = _build(op, params, amount, currency, customer)
    method = _given_method(op, params, customer)
    if method:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    op.insert(intent)
    op.emit("payment_intent.created", intent)
    if confirms:
        _confirm(op, params, intent, method)
    return public(intent)


def retrieve(op: Operation, params: Params, id_: str) -> Json:
    return public(op.find("payment_intent", id_))


def list_(op: Operation, params: Params) -> Json:
    return page(op, params, "payment_intent", "/v1/payment_intents", {"customer": params.text("customer")})


def update(op: Operation, params: Params, id_: str) -> Json:
    intent = op.find("payment_intent", id_)
    if intent["status"] not in CONFIRMABLE and set(params.values) - {"metadata", "description", "expand"}:
        raise unexpected_state(intent, "update")
    intent |= {name: params.text(name) for name in DETAILS if name in params.values}
    if "currency" in params.values:
        intent["currency"] = checked_currency(params.needed("currency"))
    if "amount" in params.values:
        any_amount = bool(op.store.setting(ANY_AMOUNT))
        intent["amount"] = checked_amount(params, intent["currency"], any_amount=any_amount)
    if params.text("customer"):
        intent["customer"] = op.find("customer", params.needed("customer"), param="customer")["id"]
    method = _given_method(op, params, intent["customer"])
    if method:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    intent["metadata"] = params.metadata(intent["metadata"])
    return public(op.update(intent))


def confirm(op: Operation, params: Params, id_: str) -> Json:
    intent = op.find("payment_intent", id_)
    if intent["status"] not in CONFIRMABLE:
        raise unexpected_state(intent, "confirm")
    intent |= {name: params.text(name) for name in ("receipt_email", "setup_future_usage") if name in params.values}
    _confirm(op, params, intent, _given_method(op, params, intent["customer"]))
    return public(intent)


def capture(op: Operation, params: Params, id_: str) -> Json:
    intent = op.find("payment_intent", id_)
    if intent["status"] != "requires_capture":
        raise unexpected_state(intent, "capture")
    asked = params.integer("amount_to_capture")
    amount = intent["amount_capturable"] if asked is None else asked
    if not 0 < amount <= intent["amount_capturable"]:
        raise invalid(f"You can capture up to {intent['amount_capturable']}.", param="amount_to_capture")
    charge = op.find("charge", intent["latest_charge"])
    charges.settle(op, charge, amount)
    op.update(charge)
    op.emit("charge.captured", charge)
    intent["metadata"] = params.metadata(intent["metadata"])
    finish(op, intent, amount)
    return public(intent)


def cancel(op: Operation, params: Params, id_: str) -> Json:
    reason = params.choice("cancellation_reason", CANCEL_REASONS, "requested_by_customer")
    intent = op.find("payment_intent", id_)
    if intent["status"] not in (*CONFIRMABLE, "requires_capture"):
        raise unexpected_state(intent, "cancel")
    if intent["status"] == "requires_capture":
        charge = op.find("charge", intent["latest_charge"])
        charge |= {"amount_refunded": charge["amount"], "refunded": True}
        op.update(charge)
        op.record("release", charge)
    intent |= {
        "status": "canceled",
        "canceled_at": op.now,
        "cancellation_reason": reason if "cancellation_reason" in params.values else None,
        "amount_capturable": 0,
        "next_action": None,
    }
    op.update(intent)
    op.record("cancel", intent)
    op.emit("payment_intent.canceled", intent)
    return public(intent)


def unexpected_state(intent: Json, verb: str) -> StripeError:
    return invalid(
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
        payment_intent=public(intent),
    )


def _confirm(op: Operation, params: Params, intent: Json, given: Json | None) -> None:
    method = given
    if method is None and intent["payment_method"]:
        method = usable_method(op, intent["customer"], intent["payment_method"])
    if method is None:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            code="payment_intent_unexpected_state",
            payment_intent=public(intent),
        )
    if params.text("return_url"):
        intent["_return_url"] = params.text("return_url")
    away = params.text("off_session") in ("true", "one_off", "recurring")
    attempt(op, intent, method, off_session=away or bool(params.boolean("error_on_requires_action")))


def _given_method(op: Operation, params: Params, customer: str | None) -> Json | None:
    """The payment method named or described in the request."""
    described = params.mapping("payment_method_data")
    if described is not None:
        return from_parameters(op, Params(described))
    id_ = params.text("payment_method")
    return usable_method(op, customer, id_) if id_ else None


def _build(op: Operation, params: Params, amount: int, currency: str, customer: str | None) -> Json:
    id_ = new_id("pi")
    allowed = params.texts("allowed_payment_method_types")
    details: dict[str, Any] = {name: params.text(name) for name in DETAILS}
    return details | {
        "id": id_,
        "object": "payment_intent",
        "allowed_payment_method_types": allowed,
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None if allowed else {"allow_redirects": "always", "enabled": True},
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.choice("capture_method", CAPTURE_METHODS, "automatic"),
        "client_secret": f"{id_}_{new_id('secret')}",
        "confirmation_method": params.choice("confirmation_method", ("automatic", "manual"), "automatic"),
        "created": op.now,
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "excluded_payment_method_types": params.texts("excluded_payment_method_types"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": params.metadata({}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "processing": None,
        "review": None,
        "shipping": params.mapping("shipping"),
        "source": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "_return_url": None,
    }
