"""Refunds, together never more than what was captured."""

from typing import Final

from sandbox.stripe import balance
from sandbox.stripe.errors import bad_parameter, invalid, missing_parameter
from sandbox.stripe.forms import Params
from sandbox.stripe.lists import page
from sandbox.stripe.operation import Operation, new_id, public
from sandbox.stripe.payment_methods import card_behind
from sandbox.stripe.store import Json

CREATES: Final = frozenset({"charge", "payment_intent", "amount", "reason", "metadata", "expand"})
UPDATES: Final = frozenset({"metadata", "expand"})
REASONS: Final = ("duplicate", "fraudulent", "requested_by_customer")


def create(op: Operation, params: Params) -> Json:
    amount = params.integer("amount")
    if amount is not None and amount < 1:
        raise bad_parameter("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    reason = params.choice("reason", REASONS, "requested_by_customer") if params.text("reason") else None
    charge = _charge(op, params)
    if not charge["captured"] or charge["status"] != "succeeded":
        raise invalid(f"Charge {charge['id']} has not been captured and cannot be refunded.")
    if charge["disputed"]:
        raise invalid(f"Charge {charge['id']} has been charged back.", code="charge_disputed")
    left = charge["amount_captured"] - charge["amount_refunded"]
    if left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount is not None and amount > left:
        raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount")
    method = op.find("payment_method", charge["payment_method"])
    refund = _build(op, charge, left if amount is None else amount, card_behind(method).refund_status)
    refund |= {"reason": reason, "metadata": params.metadata({})}
    _take(op, charge, refund)
    return public(refund)


def complete(op: Operation, refund: Json, *, succeeds: bool) -> Json:
    """Ends a pending refund; a failed one gives the money back to the balance and to the charge."""
    if refund["status"] != "pending":
        raise invalid(f"This refund is {refund['status']}, not pending.")
    refund["status"] = "succeeded" if succeeds else "failed"
    if succeeds:
        op.record("refund", refund)
    else:
        refund["failure_reason"] = "lost_or_stolen_card"
        moved = balance.move(
            op,
            refund,
            type_="refund_failure",
            category="refund_failure",
            amount=refund["amount"],
            fee=0,
            description="REFUND FAILED",
        )
        refund["failure_balance_transaction"] = moved["id"]
        charge = op.find("charge", refund["charge"])
        charge |= {"amount_refunded": charge["amount_refunded"] - refund["amount"], "refunded": False}
        op.update(charge)
        op.record("refund_failed", refund)
    op.update(refund)
    for type_ in ("refund.updated", "charge.refund.updated", *(() if succeeds else ("refund.failed",))):
        op.emit(type_, refund, {"status": "pending"} if type_.endswith("updated") else None)
    return refund


def retrieve(op: Operation, params: Params, id_: str) -> Json:
    return public(op.find("refund", id_))


def update(op: Operation, params: Params, id_: str) -> Json:
    refund = op.find("refund", id_)
    previous = {"metadata": refund["metadata"]}
    refund["metadata"] = params.metadata(refund["metadata"])
    op.update(refund)
    op.emit("refund.updated", refund, previous)
    return public(refund)


def list_(op: Operation, params: Params, charge: str | None = None) -> Json:
    filters = {"charge": charge or params.text("charge"), "payment_intent": params.text("payment_intent")}
    url = f"/v1/charges/{charge}/refunds" if charge else "/v1/refunds"
    return page(op, params, "refund", url, filters)


def _charge(op: Operation, params: Params) -> Json:
    """The charge to refund, named directly or by its payment intent."""
    charge, intent = params.text("charge"), params.text("payment_intent")
    if charge is None and intent is None:
        raise missing_parameter("charge")
    if charge is None and intent is not None:
        charge = op.find("payment_intent", intent, param="payment_intent")["latest_charge"]
        if charge is None:
            raise invalid("This PaymentIntent does not have a successful charge to refund.", param="payment_intent")
    return op.find("charge", charge or "", param="charge")


def _take(op: Operation, charge: Json, refund: Json) -> None:
    moved = balance.move(
        op,
        refund,
        type_="refund",
        category="refund",
        amount=-refund["amount"],
        fee=0,
        description=f"REFUND FOR CHARGE ({charge['id']})",
    )
    refund["balance_transaction"] = moved["id"]
    op.insert(refund)
    previous = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    charge["amount_refunded"] += refund["amount"]
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    op.update(charge)
    op.record("refund" if refund["status"] == "succeeded" else "refund_pending", refund)
    op.emit("refund.created", refund)
    op.emit("charge.refunded", charge, previous)


def _build(op: Operation, charge: Json, amount: int, status: str) -> Json:
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": op.now,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }
