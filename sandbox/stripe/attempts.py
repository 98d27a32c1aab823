"""One attempt to take an intent's money: what the card, the customer's rule and the session make of it."""

from typing import Final

from sandbox.stripe import cards, charges, disputes
from sandbox.stripe.cards import Card, Decline
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.operation import Operation, new_id, public
from sandbox.stripe.payment_methods import USED_UP, attach_to, card_behind, declined, resolve
from sandbox.stripe.store import Json

DECLINE_RULE: Final = "decline:"


def usable_method(op: Operation, customer: str | None, id_: str) -> Json:
    """The payment method, if it may pay for this customer."""
    method = resolve(op, id_, param="payment_method")
    owner = method["customer"]
    if owner is not None and owner != customer:
        raise invalid(
            "The provided PaymentMethod belongs to another Customer, or to a Customer while none was given.",
            code="payment_method_unexpected_state",
            param="payment_method",
        )
    if method["_used_up"]:
        raise invalid(USED_UP, code="payment_method_unexpected_state", param="payment_method")
    return method


def needs_authentication(card: Card, method: Json) -> bool:
    return card.authentication == "required" or (card.authentication == "until_set_up" and not method["_set_up"])


def attempt(op: Operation, intent: Json, method: Json, *, off_session: bool, authenticated: bool = False) -> None:
    """Charges the intent with the payment method, or leaves it waiting for its payer or the bank.

    Raises:
        StripeError: the 402 of a decline; the failed charge stays.
    """
    card = card_behind(method)
    intent |= {"payment_method": method["id"], "last_payment_error": None, "next_action": None}
    rule = op.store.setting(DECLINE_RULE + intent["customer"]) if intent["customer"] else None
    if rule:
        raise fail(op, intent, method, cards.decline(rule))
    if card.processing:
        _wait_for_bank(op, intent)
    elif needs_authentication(card, method) and not authenticated:
        if off_session:
            raise fail(op, intent, method, cards.decline("authentication_required"))
        _wait_for_payer(op, intent)
    elif card.decline_code:
        raise fail(op, intent, method, cards.decline(card.decline_code))
    else:
        succeed(op, intent, method)


def succeed(op: Operation, intent: Json, method: Json) -> None:
    """Authorizes the charge and, unless capture is manual, takes the money."""
    manual = intent["capture_method"] == "manual"
    charge = charges.build(op, intent, method, decline=None, captured=not manual)
    if not manual:
        charges.settle(op, charge, charge["amount"])
    op.insert(charge)
    op.emit("charge.succeeded", charge)
    intent |= {"latest_charge": charge["id"], "processing": None}
    if manual:
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        op.update(intent)
        op.emit("payment_intent.amount_capturable_updated", intent)
    else:
        finish(op, intent, charge["amount"])
    _keep_or_use_up(op, intent, method)
    dispute_reason = card_behind(method).dispute_reason
    if dispute_reason and not manual:
        disputes.open_on(op, charge, reason=dispute_reason)


def finish(op: Operation, intent: Json, received: int) -> None:
    """The intent has its money: nothing but refunds can happen to it now."""
    intent |= {"status": "succeeded", "amount_received": received, "amount_capturable": 0, "next_action": None}
    op.update(intent)
    op.emit("payment_intent.succeeded", intent)


def fail(op: Operation, intent: Json, method: Json, reason: Decline) -> StripeError:
    """Leaves a failed charge behind, and the intent waiting for another payment method; returns the 402 to raise."""
    charge = op.insert(charges.build(op, intent, method, decline=reason, captured=False))
    op.record("decline", charge, code=reason.decline_code or reason.code)
    op.emit("charge.failed", charge)
    error = declined(reason.decline_code or reason.code, charge=charge["id"], payment_method=public(method))
    advice = charge["outcome"]["advice_code"]
    if advice:
        error.error["advice_code"] = advice
    intent |= {"latest_charge": charge["id"], "processing": None}
    return reject(op, intent, error)


def reject(op: Operation, intent: Json, error: StripeError) -> StripeError:
    """Puts the intent back to requires_payment_method with the error as its last one."""
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "last_payment_error": dict(error.error),
        "next_action": None,
    }
    op.update(intent)
    op.emit("payment_intent.payment_failed", intent)
    error.error["payment_intent"] = public(intent)
    return error


def _wait_for_bank(op: Operation, intent: Json) -> None:
    intent |= {"status": "processing", "processing": {"card": {}, "type": "card"}}
    op.update(intent)
    op.emit("payment_intent.processing", intent)


def _wait_for_payer(op: Operation, intent: Json) -> None:
    back_to = intent["_return_url"]
    if back_to:
        url = f"https://hooks.stripe.invalid/3d_secure/{new_id('src')}"
        action: Json = {"type": "redirect_to_url", "redirect_to_url": {"return_url": back_to, "url": url}}
    else:
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
    intent |= {"status": "requires_action", "next_action": action}
    op.update(intent)
    op.emit("payment_intent.requires_action", intent)


def _keep_or_use_up(op: Operation, intent: Json, method: Json) -> None:
    """A payment method nobody owns is kept for the customer if asked, else good for one payment only."""
    if method["customer"] is not None:
        return
    if intent["customer"] and intent["setup_future_usage"]:
        attach_to(op, method, intent["customer"])
    else:
        method["_used_up"] = True
        op.update(method)
