"""Gives money back at the gateway."""

from temporalio import activity

from activities.failures import visible
from activities.signatures import RefundIntent, RefundSteps
from gateways.payment import PaymentGateway


class Refunding(RefundSteps):
    """Only speaks with the gateway: what is recorded of a refund is the correction's."""

    def __init__(self, gateway: PaymentGateway) -> None:
        self._gateway = gateway

    @activity.defn(name="refund_intent")
    def refund_intent(self, request: RefundIntent) -> str:
        with visible():
            return self._gateway.refund_intent(
                request.intent_id, request.amount_minor, request.currency, reference=request.correction_id
            )
