"""A payment gateway in memory that goes wrong as told, for charging tested without a server."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from gateways.payment import (
    CreateIntent,
    GatewayEvent,
    GatewayRefused,
    GatewayUnavailable,
    GatewayUnknown,
    Intent,
    IntentStatus,
    PaymentMethodDetails,
    RefundRefused,
)

Fault = Literal[
    "dropped",  # not executed, no answer
    "executed_no_answer",
    "error_saved",  # 500, not executed, repeated for the same key
    "error_executed",  # 500 although executed, repeated for the same key
    "limited",  # 429
    "refused",  # 400
    "crash_before",  # our own process dies
    "crash_after",
]
CHANGEABLE = (IntentStatus.REQUIRES_PAYMENT_METHOD, IntentStatus.REQUIRES_CONFIRMATION, IntentStatus.REQUIRES_ACTION)


class Crash(BaseException):
    """Our process is gone: nothing that follows in it is executed."""


@dataclass
class FakeGateway:
    """`outcomes` are those of the coming charges (a decline code, "processing", "action" or "ok"), then all succeed.

    `faults` hit the coming calls of a method; `captures` is the money that was really taken.
    """

    outcomes: list[str] = field(default_factory=list)
    refunds: dict[str, tuple[str, int]] = field(default_factory=dict)
    faults: dict[str, list[Fault | None]] = field(default_factory=dict)
    intents: dict[str, Intent] = field(default_factory=dict)
    captures: list[tuple[str, int]] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    during: Callable[[str], None] = lambda _: None
    _saved: dict[str, Intent | GatewayUnknown] = field(default_factory=dict)

    def create_intent(self, request: CreateIntent, *, key: str) -> Intent:
        def execute() -> Intent:
            intent = Intent(
                id=f"pi_{len(self.intents) + 1}",
                status=IntentStatus.REQUIRES_PAYMENT_METHOD,
                amount_minor=request.amount_minor,
                currency=request.currency,
                received_minor=0,
                invoice_id=request.invoice_id,
            )
            self.intents[intent.id] = intent
            return intent

        return self._call("create", key, execute)

    def confirm_intent(self, intent_id: str, payment_method: str, *, key: str) -> Intent:
        return self._call("confirm", key, lambda: self._charge(intent_id))

    def retrieve_intent(self, intent_id: str) -> Intent:
        return self._call("retrieve", "", lambda: self.intents[intent_id])

    def cancel_intent(self, intent_id: str, *, key: str) -> Intent:
        def execute() -> Intent:
            if self.intents[intent_id].status in CHANGEABLE:
                self.intents[intent_id] = replace(self.intents[intent_id], status=IntentStatus.CANCELED)
            return self.intents[intent_id]

        return self._call("cancel", key, execute)

    def refund_intent(self, intent_id: str, amount_minor: int, currency: str, *, reference: str, key: str) -> str:
        """Like the gateway's: what stands under the reference is found; more than is left is refused."""
        if reference in self.refunds:
            return f"re_{reference}"

        def execute() -> Intent:
            intent = self.intents[intent_id]
            left = intent.received_minor - sum(
                minor for refunded, minor in self.refunds.values() if refunded == intent_id
            )
            if amount_minor > left:
                raise RefundRefused(f"{amount_minor} is more than {left}", code="charge_already_refunded")
            self.refunds[reference] = (intent_id, amount_minor)
            return intent

        self._call("refund", key, execute)
        return f"re_{reference}"

    def find_intent_by_invoice(self, customer: str, invoice_id: str) -> Intent | None:
        newest_first = reversed(self.intents.values())
        return next((intent for intent in newest_first if intent.invoice_id == invoice_id), None)

    def create_customer(self, reference: str, *, idempotency_key: str) -> str:
        raise NotImplementedError

    def attach_payment_method(self, customer: str, token: str, *, idempotency_key: str) -> PaymentMethodDetails:
        raise NotImplementedError

    def verify_webhook(self, raw: bytes, signature: str, secrets: Sequence[str]) -> GatewayEvent:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is held open."""

    def named(self, method: str) -> list[str]:
        """The keys that a method was called with."""
        return [key for called, key in self.calls if called == method]

    def _charge(self, intent_id: str) -> Intent:
        intent = self.intents[intent_id]
        if intent.status not in CHANGEABLE:
            return intent
        outcome = self.outcomes.pop(0) if self.outcomes else "ok"
        changed = replace(intent, latest_charge_id=f"ch_{len(self.calls)}", decline_code=None)
        if outcome == "ok":
            changed = replace(changed, status=IntentStatus.SUCCEEDED, received_minor=intent.amount_minor)
            self.captures.append((intent_id, intent.amount_minor))
        elif outcome in ("processing", "action"):
            status = IntentStatus.PROCESSING if outcome == "processing" else IntentStatus.REQUIRES_ACTION
            changed = replace(changed, status=status)
        else:
            status = IntentStatus.REQUIRES_PAYMENT_METHOD
            changed = replace(changed, status=status, decline_code=outcome, decline_message="declined")
        self.intents[intent_id] = changed
        return changed

    def _call(self, method: str, key: str, execute: Callable[[], Intent]) -> Intent:
        self.calls.append((method, key))
        waiting = self.faults.get(method, [])
        fault = waiting.pop(0) if waiting else None
        if fault in ("limited", "refused", "crash_before", "dropped"):
            raise _never_executed(fault)
        self.during(method)
        if key in self._saved:
            answer = self._saved[key]
        elif fault == "error_saved":
            answer = GatewayUnknown("server error", code="api_error")
        else:
            answer = execute()
            if fault == "error_executed":
                answer = GatewayUnknown("server error", code="api_error")
        if key:
            self._saved[key] = answer
        if fault == "executed_no_answer":
            raise GatewayUnknown("timed out", code="no_answer")
        if fault == "crash_after":
            raise Crash
        if isinstance(answer, GatewayUnknown):
            raise answer
        return answer


def _never_executed(fault: Fault) -> BaseException:
    if fault == "limited":
        return GatewayUnavailable("slow down", retry_after_seconds=7.0)
    if fault == "refused":
        return GatewayRefused("no such payment method", code="resource_missing", param="payment_method")
    return Crash() if fault == "crash_before" else GatewayUnknown("reset", code="no_answer")
