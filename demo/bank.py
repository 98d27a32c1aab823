"""Plays the bank of the airlines, at the payment gateway of the stack."""

from decimal import Decimal

import stripe

from sandbox.plan import Plan
from sandbox.stripe.admin import StripeAdmin


class Bank:
    """Cards that decline for a while, and what was truly captured."""

    def __init__(self, plan: Plan) -> None:
        url = plan.address("stripe")
        self._admin = StripeAdmin(url)
        self._stripe = stripe.StripeClient(plan.credentials.stripe_api_key, base_addresses={"api": url})

    def decline(self, customer_id: str, code: str) -> None:
        """Every charge of the customer declines from now on."""
        self._admin.decline_customer(self._at_gateway(customer_id), code)

    def accept(self, customer_id: str) -> None:
        """Charges of the customer work again."""
        self._admin.accept_customer(self._at_gateway(customer_id))

    def captured(self) -> Decimal:
        """All that was captured, in dollars."""
        cents = sum(int(entry["amount"]) for entry in self._admin.journal(kind="capture"))
        return Decimal(cents).scaleb(-2)

    def close(self) -> None:
        self._admin.close()

    def _at_gateway(self, customer_id: str) -> str:
        """The gateway's id of a customer, who carries ours as a reference."""
        for found in self._stripe.v1.customers.list({"limit": 100}).auto_paging_iter():
            if found.metadata is not None and found.metadata["reference"] == customer_id:
                return found.id
        raise LookupError(f"the gateway does not know customer {customer_id}")
