"""What a payer or a bank does with an intent that waits for them."""

from sandbox.stripe import cards
from sandbox.stripe.attempts import attempt, fail, reject, succeed
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.operation import Operation, public
from sandbox.stripe.store import Json

REFUSED = "We are unable to authenticate your payment method. Please choose a different payment method and try again."


def complete_action(op: Operation, intent: Json, *, succeeds: bool, decline_code: str | None = None) -> None:
    """Ends a `requires_action` (the payer authenticated, or did not) or a `processing` (the bank paid, or did not)."""
    status = intent["status"]
    if status not in ("requires_action", "processing"):
        raise invalid(f"This PaymentIntent waits for nobody: its status is {status}.", payment_intent=public(intent))
    method = op.find("payment_method", intent["payment_method"])
    if decline_code or (status == "processing" and not succeeds):
        fail(op, intent, method, cards.decline(decline_code or "generic_decline"))
    elif status == "processing":
        succeed(op, intent, method)
    elif succeeds:
        _authenticated(op, intent, method)
    else:
        code = "payment_intent_authentication_failure"
        reject(op, intent, StripeError(402, "card_error", REFUSED, code=code, payment_method=public(method)))


def _authenticated(op: Operation, intent: Json, method: Json) -> None:
    """Charges the authenticated card; a decline is the intent's new state, not a failure of the payer's act."""
    try:
        attempt(op, intent, method, off_session=False, authenticated=True)
    except StripeError as error:
        if not error.commits:
            raise
