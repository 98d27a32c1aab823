"""Balance transactions: what each movement did to the balance, with the fee taken."""

from typing import Final

from sandbox.stripe.forms import Params
from sandbox.stripe.lists import page
from sandbox.stripe.operation import Operation, new_id, public
from sandbox.stripe.store import Json

# Stripe's standard US pricing: 2.9 % and 30 minor units for a charge, 1,500 for a dispute.
CHARGE_PER_MILLE: Final = 29
CHARGE_FIXED: Final = 30
DISPUTE_FEE: Final = 1500


def charge_fee(amount: int) -> int:
    """The fee for a charge in minor units, a half rounded up."""
    return (amount * CHARGE_PER_MILLE + 500) // 1000 + CHARGE_FIXED


def move(op: Operation, source: Json, *, type_: str, category: str, amount: int, fee: int, description: str) -> Json:
    """A new balance transaction of `amount` (negative takes money out), less `fee`."""
    details = [{"amount": fee, "application": None, "currency": source["currency"], "type": "stripe_fee"}]
    if fee:
        details[0]["description"] = "Stripe processing fees"
    return op.insert(
        {
            "id": new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": op.now,
            "balance_type": "payments",
            "created": op.now,
            "currency": source["currency"],
            "description": description,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": details if fee else [],
            "net": amount - fee,
            "reporting_category": category,
            "source": source["id"],
            "status": "available",
            "type": type_,
        }
    )


def retrieve(op: Operation, params: Params, id_: str) -> Json:
    return public(op.find("balance_transaction", id_))


def list_(op: Operation, params: Params) -> Json:
    filters = {name: params.text(name) for name in ("source", "type", "currency")}
    return page(op, params, "balance_transaction", "/v1/balance_transactions", filters)
