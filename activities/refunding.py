"""Gives money back at the gateway."""

from temporalio import activity

from activities.failures import NO_ANSWER, visible
from activities.signatures import Refunded, RefundIntent, RefundSteps
from gateways.payment import GatewayUnknown, PaymentGateway, RefundRefused

# The gateway repeats an error for the key that met it; each try looks first whether the refund was made.
KEYS_MAX = 3


class Refunding(RefundSteps):
    """Only speaks with the gateway: what is recorded of a refund is the correction's."""

    def __init__(self, gateway: PaymentGateway) -> None:
        self._gateway = gateway

    @activity.defn(name="refund_intent")
    def refund_intent(self, request: RefundIntent) -> Refunded:
        with visible():
            try:
                return Refunded(self._refund(request))
            except RefundRefused as error:
                return Refunded(refused=error.message)

    def _refund(self, request: RefundIntent) -> str:
        """The id of the refund, which is made once.

        Raises:
            GatewayError: nobody knows yet whether it was made, or it was not.
        """
        for number in range(1, KEYS_MAX):
            try:
                return self._under(request, number)
            except GatewayUnknown as error:
                # Without any answer the call may still be under way, and its key is the only safe one.
                if error.code == NO_ANSWER:
                    raise
        return self._under(request, KEYS_MAX)

    def _under(self, request: RefundIntent, number: int) -> str:
        key = f"refund/{request.correction_id}" + (f":{number}" if number > 1 else "")
        return self._gateway.refund_intent(
            request.intent_id, request.amount_minor, request.currency, reference=request.correction_id, key=key
        )
