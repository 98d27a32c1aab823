"""Charges: one for each attempt to take money."""

from typing import Final

from sandbox.stripe import balance
from sandbox.stripe.cards import Decline
from sandbox.stripe.forms import Params
from sandbox.stripe.lists import page
from sandbox.stripe.operation import Operation, new_id, public
from sandbox.stripe.store import Json

ADVICE: Final = {
    "insufficient_funds": "try_again_later",
    "processing_error": "try_again_later",
    "card_velocity_exceeded": "try_again_later",
    "expired_card": "confirm_card_data",
    "incorrect_cvc": "confirm_card_data",
    "lost_card": "do_not_try_again",
    "stolen_card": "do_not_try_again",
    "pickup_card": "do_not_try_again",
}


def build(op: Operation, intent: Json, method: Json, *, decline: Decline | None, captured: bool) -> Json:
    """A charge for the intent, not yet stored: succeeded, or failed with `decline`."""
    amount = intent["amount"]
    reason = (decline.decline_code or decline.code) if decline else None
    return {
        "id": new_id("ch"),
        "object": "charge",
        "amount": amount,
        "amount_captured": amount if captured else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": intent["statement_descriptor"],
        "captured": captured,
        "created": op.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": {
            "advice_code": ADVICE.get(reason or ""),
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "declined_by_network" if decline else "approved_by_network",
            "reason": reason,
            "risk_level": "normal",
            "seller_message": "The bank declined the payment." if decline else "Payment complete.",
            "type": "issuer_declined" if decline else "authorized",
        },
        "paid": decline is None,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"card": _card_details(intent, method), "type": "card"},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "refunds": None,
        "review": None,
        "shipping": intent["shipping"],
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "failed" if decline else "succeeded",
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }


def _card_details(intent: Json, method: Json) -> Json:
    card = method["card"]
    copied = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "wallet")
    unavailable = {"status": "unavailable"}
    return {name: card[name] for name in copied} | {
        "amount_authorized": intent["amount"],
        "authorization_code": None,
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": unavailable,
        "installments": None,
        "mandate": None,
        "multicapture": unavailable,
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": None,
        "transaction_link_id": None,
    }


def settle(op: Operation, charge: Json, amount: int) -> None:
    """Takes the money of a successful charge: its balance transaction and its line in the journal."""
    fee = balance.charge_fee(amount)
    description = charge["description"] or "Payment"
    moved = balance.move(op, charge, type_="charge", category="charge", amount=amount, fee=fee, description=description)
    charge |= {"balance_transaction": moved["id"], "captured": True, "amount_captured": amount}
    op.record("capture", charge, amount=amount, fee=fee, balance_transaction=moved["id"])


def retrieve(op: Operation, params: Params, id_: str) -> Json:
    return public(op.find("charge", id_))


def list_(op: Operation, params: Params) -> Json:
    filters = {name: params.text(name) for name in ("customer", "payment_intent")}
    return page(op, params, "charge", "/v1/charges", filters)
