"""Setup intents: a card made ready for charges in its owner's absence."""

from typing import Final

from sandbox.stripe import cards
from sandbox.stripe.attempts import needs_authentication, usable_method
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.forms import Params
from sandbox.stripe.lists import page
from sandbox.stripe.operation import Operation, new_id, public
from sandbox.stripe.payment_methods import attach_to, card_behind, declined, from_parameters
from sandbox.stripe.store import Json

PAYING: Final = frozenset({"payment_method", "payment_method_data", "payment_method_options", "return_url", "expand"})
CONFIRMS: Final = PAYING | {"mandate_data", "use_stripe_sdk", "allowed_payment_method_types"}
CREATES: Final = CONFIRMS | {
    "confirm", "customer", "description", "metadata", "usage", "automatic_payment_methods",
    "excluded_payment_method_types",
}  # fmt: skip
CANCELS: Final = frozenset({"cancellation_reason", "expand"})
CONFIRMABLE: Final = ("requires_payment_method", "requires_confirmation", "requires_action")


def create(op: Operation, params: Params) -> Json:
    customer = params.text("customer")
    if customer:
        op.find("customer", customer, param="customer")
    intent = _build(op, params, customer)
    method = _given_method(op, params, customer)
    if method:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    op.insert(intent)
    op.emit("setup_intent.created", intent)
    if params.boolean("confirm"):
        _confirm(op, intent, method)
    return public(intent)


def retrieve(op: Operation, params: Params, id_: str) -> Json:
    return public(op.find("setup_intent", id_))


def list_(op: Operation, params: Params) -> Json:
    return page(op, params, "setup_intent", "/v1/setup_intents", {"customer": params.text("customer")})


def confirm(op: Operation, params: Params, id_: str) -> Json:
    intent = op.find("setup_intent", id_)
    if intent["status"] not in CONFIRMABLE:
        raise _unexpected_state(intent, "confirm")
    method = _given_method(op, params, intent["customer"])
    if method is None and intent["payment_method"]:
        method = usable_method(op, intent["customer"], intent["payment_method"])
    _confirm(op, intent, method)
    return public(intent)


def cancel(op: Operation, params: Params, id_: str) -> Json:
    reason = params.choice("cancellation_reason", ("abandoned", "duplicate", "requested_by_customer"), "abandoned")
    intent = op.find("setup_intent", id_)
    if intent["status"] not in CONFIRMABLE:
        raise _unexpected_state(intent, "cancel")
    intent |= {"status": "canceled", "cancellation_reason": reason, "next_action": None}
    op.update(intent)
    op.emit("setup_intent.canceled", intent)
    return public(intent)


def complete_action(op: Operation, intent: Json, *, succeeds: bool) -> None:
    """The payer has authenticated the card, or has not."""
    if intent["status"] != "requires_action":
        raise _unexpected_state(intent, "authenticate")
    method = op.find("payment_method", intent["payment_method"])
    if succeeds:
        _succeed(op, intent, method)
    else:
        message = "We are unable to authenticate your payment method. Please choose a different one and try again."
        error = StripeError(402, "card_error", message, commits=True, code="setup_intent_authentication_failure")
        _fail(op, intent, method, error)


def _confirm(op: Operation, intent: Json, method: Json | None) -> None:
    if method is None:
        raise invalid("You cannot confirm this SetupIntent because it's missing a payment method.")
    intent |= {"payment_method": method["id"], "last_setup_error": None}
    card = card_behind(method)
    if card.decline_code and not card.attaches:
        reason = cards.decline(card.decline_code)
        raise _fail(op, intent, method, declined(reason.decline_code or reason.code))
    # Setting a card up authenticates it, also one that wants to be authenticated on each payment again.
    if needs_authentication(card, method):
        intent |= {
            "status": "requires_action",
            "next_action": {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}},
        }
        op.update(intent)
        op.emit("setup_intent.requires_action", intent)
    else:
        _succeed(op, intent, method)


def _succeed(op: Operation, intent: Json, method: Json) -> None:
    method["_set_up"] = True
    if intent["customer"] and method["customer"] is None:
        attach_to(op, method, intent["customer"])
    else:
        op.update(method)
    intent |= {"status": "succeeded", "next_action": None}
    op.update(intent)
    op.emit("setup_intent.succeeded", intent)


def _fail(op: Operation, intent: Json, method: Json, error: StripeError) -> StripeError:
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_setup_error": dict(error.error) | {"payment_method": public(method)},
    }
    op.update(intent)
    op.emit("setup_intent.setup_failed", intent)
    error.error["setup_intent"] = public(intent)
    return error


def _given_method(op: Operation, params: Params, customer: str | None) -> Json | None:
    described = params.mapping("payment_method_data")
    if described is not None:
        return from_parameters(op, Params(described))
    id_ = params.text("payment_method")
    return usable_method(op, customer, id_) if id_ else None


def _unexpected_state(intent: Json, verb: str) -> StripeError:
    return invalid(
        f"You cannot {verb} this SetupIntent because it has a status of {intent['status']}.",
        code="setup_intent_unexpected_state",
        setup_intent=public(intent),
    )


def _build(op: Operation, params: Params, customer: str | None) -> Json:
    id_ = new_id("seti")
    return {
        "id": id_,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{id_}_{new_id('secret')}",
        "created": op.now,
        "customer": customer,
        "customer_account": None,
        "description": params.text("description"),
        "excluded_payment_method_types": params.texts("excluded_payment_method_types"),
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": params.metadata({}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": params.choice("usage", ("off_session", "on_session"), "off_session"),
    }
