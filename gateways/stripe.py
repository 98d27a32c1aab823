"""The payment gateway on Stripe, through its SDK."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import stripe

from gateways.payment import (
    CreateIntent,
    GatewayEvent,
    GatewayUnknown,
    Intent,
    IntentStatus,
    PaymentMethodDeclined,
    PaymentMethodDetails,
    RefundRefused,
)
from gateways.stripe_amounts import from_stripe, to_stripe
from gateways.stripe_errors import code_of, translated
from gateways.stripe_webhooks import verified_event

# Pinned: the SDK and our reading of its objects belong to this version of the API.
API_VERSION: Final = "2026-10-28.endive"
BAD_REQUEST: Final = 400
UNCHANGEABLE: Final = frozenset(
    {IntentStatus.SUCCEEDED, IntentStatus.CANCELED, IntentStatus.PROCESSING, IntentStatus.REQUIRES_CAPTURE}
)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a call may take. Reading is long: giving up early turns an answer into an unknown outcome."""

    connect_seconds: float = 5.0
    read_seconds: float = 30.0


def _now() -> datetime:
    return datetime.now(UTC)


class StripeGateway:
    """Implements `gateways.payment.PaymentGateway`. Safe to share between threads."""

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str | None = None,
        timeouts: Timeouts | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        limits = timeouts or Timeouts()
        self._now = now
        self._transport = stripe.RequestsClient(timeout=(limits.connect_seconds, limits.read_seconds))
        self._stripe = stripe.StripeClient(
            api_key,
            stripe_version=API_VERSION,
            base_addresses={"api": base_url.rstrip("/")} if base_url else {},
            # Only the caller knows whether trying again is safe, and with which key.
            max_network_retries=0,
            http_client=self._transport,
        )

    def close(self) -> None:
        """Closes the connection of the calling thread; each thread has one of its own."""
        self._transport.close()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped

    def create_customer(self, reference: str, *, idempotency_key: str) -> str:
        with translated(reads=False):
            customer = self._stripe.v1.customers.create(
                {"description": reference, "metadata": {"reference": reference}},
                {"idempotency_key": idempotency_key},
            )
        return customer.id

    def attach_payment_method(self, customer: str, token: str, *, idempotency_key: str) -> PaymentMethodDetails:
        with translated(reads=False):
            try:
                attached = self._attach(customer, token, idempotency_key)
            except stripe.CardError as error:
                raise PaymentMethodDeclined(
                    error.user_message or "the card was declined", code=code_of(error), request_id=error.request_id
                ) from error
        card = attached.card
        if card is None:
            raise GatewayUnknown(f"payment method {attached.id} is not a card", code="not_a_card")
        return PaymentMethodDetails(
            id=attached.id, brand=card.brand, last4=card.last4 or "", exp_month=card.exp_month, exp_year=card.exp_year
        )

    def _attach(self, customer: str, token: str, key: str) -> stripe.PaymentMethod:
        methods = self._stripe.v1.payment_methods
        method = token
        if token.startswith("tok_"):
            made = methods.create({"type": "card", "card": {"token": token}}, {"idempotency_key": f"{key}:create"})
            method = made.id
        return methods.attach(method, {"customer": customer}, {"idempotency_key": key})

    def create_intent(self, request: CreateIntent, *, key: str) -> Intent:
        amount = to_stripe(request.amount_minor, request.currency)
        with translated(reads=False):
            created = self._stripe.v1.payment_intents.create(
                {
                    "amount": amount,
                    "currency": request.currency.lower(),
                    "customer": request.customer,
                    "allowed_payment_method_types": ["card"],
                    "metadata": {"invoice_id": request.invoice_id, "contract_id": request.contract_id},
                },
                {"idempotency_key": key},
            )
        return _intent(created)

    def confirm_intent(self, intent_id: str, payment_method: str, *, key: str) -> Intent:
        with translated(reads=False):
            try:
                confirmed = self._stripe.v1.payment_intents.confirm(
                    intent_id, {"payment_method": payment_method, "off_session": True}, {"idempotency_key": key}
                )
            except stripe.CardError as error:
                declined: stripe.PaymentIntent | None = getattr(error.error, "payment_intent", None)
                return _intent(declined) if declined is not None else self.retrieve_intent(intent_id)
            except stripe.InvalidRequestError as error:
                return self._unchangeable(intent_id, error)
        return _intent(confirmed)

    def retrieve_intent(self, intent_id: str) -> Intent:
        with translated(reads=True):
            return _intent(self._stripe.v1.payment_intents.retrieve(intent_id))

    def cancel_intent(self, intent_id: str, *, key: str) -> Intent:
        with translated(reads=False):
            try:
                return _intent(self._stripe.v1.payment_intents.cancel(intent_id, {}, {"idempotency_key": key}))
            except stripe.InvalidRequestError as error:
                return self._unchangeable(intent_id, error)

    def _unchangeable(self, intent_id: str, error: stripe.InvalidRequestError) -> Intent:
        """The intent as it is now, if the refusal was only about its state.

        It is read again: the refusal may be an old one, replayed for the same key.
        """
        if code_of(error) == "payment_intent_unexpected_state":
            intent = self.retrieve_intent(intent_id)
            if intent.status in UNCHANGEABLE:
                return intent
        raise error

    def refund_intent(self, intent_id: str, amount_minor: int, currency: str, *, reference: str, key: str) -> str:
        # A key may be forgotten after a day, so that a refund is looked for by our own reference first.
        with translated(reads=True):
            made = self._stripe.v1.refunds.list({"payment_intent": intent_id, "limit": 100})
            for refund in made.auto_paging_iter():
                if _metadata(refund, "reference") == reference:
                    return refund.id
        amount = to_stripe(amount_minor, currency)
        with translated(reads=False):
            try:
                created = self._stripe.v1.refunds.create(
                    {"payment_intent": intent_id, "amount": amount, "metadata": {"reference": reference}},
                    {"idempotency_key": key},
                )
            except stripe.InvalidRequestError as error:
                if error.http_status != BAD_REQUEST:
                    raise
                message = error.user_message or str(error)
                raise RefundRefused(message, code=code_of(error), request_id=error.request_id) from error
        return created.id

    def find_intent_by_invoice(self, customer: str, invoice_id: str) -> Intent | None:
        with translated(reads=True):
            page = self._stripe.v1.payment_intents.list({"customer": customer, "limit": 100})
            for candidate in page.auto_paging_iter():
                if _metadata(candidate, "invoice_id") == invoice_id:
                    return _intent(candidate)
        return None

    def verify_webhook(self, raw: bytes, signature: str, secrets: Sequence[str]) -> GatewayEvent:
        return verified_event(raw, signature, secrets, now=self._now())


def _intent(found: stripe.PaymentIntent) -> Intent:
    failure = found.last_payment_error
    charge = found.latest_charge
    return Intent(
        id=found.id,
        status=IntentStatus(found.status),
        amount_minor=from_stripe(found.amount, found.currency),
        currency=found.currency.upper(),
        received_minor=from_stripe(found.amount_received, found.currency),
        invoice_id=_metadata(found, "invoice_id"),
        latest_charge_id=charge if charge is None or isinstance(charge, str) else charge.id,
        decline_code=_either(failure, "decline_code", "code"),
        decline_message=_either(failure, "message"),
    )


def _either(failure: stripe.StripeObject | None, *fields: str) -> str | None:
    """The first of the fields that is there: a decline without an issuer's reason has only a code."""
    return next((word for field in fields if isinstance(word := getattr(failure, field, None), str)), None)


def _metadata(found: stripe.PaymentIntent | stripe.Refund, name: str) -> str | None:
    # Stripe's objects are no mappings: they have no `get`.
    noted = found.metadata
    return noted[name] if noted is not None and name in noted else None
