"""What every payment gateway does for us, and the outcomes it can have.

A decline is a value: an `Intent` back in `requires_payment_method` that carries its `decline_code`. Everything
else that is not an answer is an exception:

    GatewayError
    ├── GatewayUnknown         sent, but the answer is missing: read the intent before anything else
    ├── GatewayUnavailable     not executed: retry with the same key
    ├── GatewayRefused         understood and refused: a mistake of ours
    │   └── RefundRefused      there is not as much left to give back, or it is in dispute
    └── PaymentMethodDeclined  the issuer did not let a payment method be attached
    InvalidSignature           a webhook that the gateway did not sign

Amounts are in the minor units of ISO 4217; an implementation converts where its gateway counts otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

# The events that tell what became of a payment: what a webhook endpoint has to be registered for.
PAYMENT_EVENTS = frozenset(
    f"payment_intent.{news}" for news in ("succeeded", "payment_failed", "canceled", "processing", "requires_action")
)


class GatewayError(Exception):
    """A gateway call that gave no usable answer; `code` is the gateway's own word for why."""

    def __init__(self, message: str, *, code: str | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.request_id = request_id


class GatewayUnknown(GatewayError):
    """The call may or may not have been executed (timeout, reset, 5xx): resolve it by reading, never by a new key."""


class GatewayUnavailable(GatewayError):
    """The call was not executed (no connection, throttled, same key in flight): send it again with the same key."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message, code=code, request_id=request_id)
        self.retry_after_seconds = retry_after_seconds


class GatewayRefused(GatewayError):
    """The gateway refused the call as wrong (parameters, credentials, a key reused for something else)."""

    def __init__(
        self, message: str, *, code: str | None = None, request_id: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message, code=code, request_id=request_id)
        self.param = param


class RefundRefused(GatewayRefused):
    """The gateway does not give that much back of what the intent collected, and will not later."""


class PaymentMethodDeclined(GatewayError):
    """The issuer declined the payment method while it was being attached; `code` is the decline code."""


class InvalidSignature(Exception):
    """A webhook whose signature, timestamp or body is not what the gateway would have sent."""


class IntentStatus(StrEnum):
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    CANCELED = "canceled"
    SUCCEEDED = "succeeded"


@dataclass(frozen=True, slots=True)
class CreateIntent:
    """One invoice to be paid by one gateway customer; `contract_id` and `invoice_id` travel as metadata."""

    invoice_id: str
    contract_id: str
    customer: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Intent:
    """One attempt-carrying payment at the gateway: at most one of its attempts ever succeeds.

    `decline_code` and `decline_message` describe the last attempt if it failed; `received_minor` is what was captured.
    """

    id: str
    status: IntentStatus
    amount_minor: int
    currency: str
    received_minor: int
    invoice_id: str | None
    latest_charge_id: str | None = None
    decline_code: str | None = None
    decline_message: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentMethodDetails:
    id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """The envelope of a verified webhook. Its object is a hint: read it again at the gateway."""

    id: str
    type: str
    object_id: str
    created_at: datetime
    api_version: str | None
    livemode: bool


class PaymentGateway(Protocol):
    """Synchronous and stateless; it never retries, since only the caller knows what is safe.

    Writes raise `GatewayUnknown`, `GatewayUnavailable` or `GatewayRefused`; reads, which change nothing, raise
    `GatewayUnavailable` in place of `GatewayUnknown`.
    """

    def create_customer(self, reference: str, *, idempotency_key: str) -> str:
        """The gateway's id of a new customer that stands for our `reference`."""
        ...

    def attach_payment_method(self, customer: str, token: str, *, idempotency_key: str) -> PaymentMethodDetails:
        """The payment method behind `token`, attached to the customer for charges in their absence.

        Raises:
            PaymentMethodDeclined: the issuer declined; the customer has to offer another one.
        """
        ...

    def create_intent(self, request: CreateIntent, *, key: str) -> Intent:
        """An unconfirmed intent: it moves no money until `confirm_intent`."""
        ...

    def confirm_intent(self, intent_id: str, payment_method: str, *, key: str) -> Intent:
        """The intent after one attempt to charge it in the customer's absence.

        An intent that can no longer be confirmed (succeeded, processing, canceled) comes back as it is.
        """
        ...

    def retrieve_intent(self, intent_id: str) -> Intent:
        """The intent as it is now."""
        ...

    def cancel_intent(self, intent_id: str, *, key: str) -> Intent:
        """The intent after an attempt to cancel it; one that can no longer be canceled comes back as it is."""
        ...

    def refund_intent(self, intent_id: str, amount_minor: int, currency: str, *, reference: str, key: str) -> str:
        """The id of the refund of so much of what the intent collected; the same `reference` never refunds twice.

        Another `key` for the same reference is safe once the gateway has answered to the one before.

        Raises:
            RefundRefused: there is not as much left to give back.
        """
        ...

    def find_intent_by_invoice(self, customer: str, invoice_id: str) -> Intent | None:
        """The customer's intent for that invoice, or None; read-after-write, unlike a search."""
        ...

    def verify_webhook(self, raw: bytes, signature: str, secrets: Sequence[str]) -> GatewayEvent:
        """The event in `raw` if one of `secrets` signed these very bytes within 300 seconds of now.

        Raises:
            InvalidSignature: forged, altered, too old, from the future, or not an event.
            ValueError: `secrets` is empty or holds an empty secret.
        """
        ...
