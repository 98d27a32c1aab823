"""What tests of the API are given: a clock, a gateway, wake-ups, and the headers and bodies they send."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import make_url, text

from api.wakeups import WakeupFailed
from gateways.payment import CreateIntent, GatewayError, GatewayEvent, Intent, PaymentMethodDetails
from gateways.stripe_webhooks import verified_event
from models.database import Database

PEPPER = "a pepper of thirty-two characters"
WEBHOOK_SECRET = "whsec_8w1Qd0f3Zk2LmN7x"


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class FakeGateway:
    """Keeps what it is asked for; `refuses` is raised by the next attachment."""

    clock: Clock
    customers: dict[str, str] = field(default_factory=dict)
    attached: list[tuple[str, str, str]] = field(default_factory=list)
    refuses: GatewayError | None = None

    def create_customer(self, reference: str, *, idempotency_key: str) -> str:
        return self.customers.setdefault(idempotency_key, f"cus_gateway_{len(self.customers) + 1}")

    def attach_payment_method(self, customer: str, token: str, *, idempotency_key: str) -> PaymentMethodDetails:
        if self.refuses is not None:
            refusal, self.refuses = self.refuses, None
            raise refusal
        self.attached.append((customer, token, idempotency_key))
        return PaymentMethodDetails(id=f"{token}_at_gateway", brand="visa", last4="4242", exp_month=4, exp_year=2030)

    def verify_webhook(self, raw: bytes, signature: str, secrets: Sequence[str]) -> GatewayEvent:
        return verified_event(raw, signature, secrets, now=self.clock())

    def create_intent(self, request: CreateIntent, *, key: str) -> Intent:
        raise AssertionError("the API never charges")

    def confirm_intent(self, intent_id: str, payment_method: str, *, key: str) -> Intent:
        raise AssertionError("the API never charges")

    def retrieve_intent(self, intent_id: str) -> Intent:
        raise AssertionError("the API never charges")

    def cancel_intent(self, intent_id: str, *, key: str) -> Intent:
        raise AssertionError("the API never charges")

    def refund_intent(self, intent_id: str, amount_minor: int, currency: str, *, reference: str, key: str) -> str:
        raise AssertionError("the API never charges")

    def find_intent_by_invoice(self, customer: str, invoice_id: str) -> Intent | None:
        raise AssertionError("the API never charges")


@dataclass
class RecordingWakeups:
    woken: list[str] = field(default_factory=list)
    unreachable: bool = False

    async def payment_method_changed(self, customer_id: str) -> None:
        if self.unreachable:
            raise WakeupFailed
        self.woken.append(customer_id)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def under(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.transaction() as session:
        return [tuple(row) for row in session.execute(text(query))]


def as_owner(database: Database, statement: str) -> None:
    """Do what the role of the product may not do."""
    dsn = make_url(database.url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


def event_body(event_id: str = "evt_1", *, livemode: bool = False, object_id: str = "pi_1") -> bytes:
    body = {
        "id": event_id,
        "type": "payment_intent.succeeded",
        "created": 1772366400,
        "api_version": "2026-10-28.endive",
        "livemode": livemode,
        "data": {"object": {"id": object_id, "object": "payment_intent"}},
    }
    return json.dumps(body).encode()


def signed(raw: bytes, at: datetime, *, secret: str = WEBHOOK_SECRET) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    signature = hmac.new(secret.encode(), stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={stamp},v1={signature}", "Content-Type": "application/json; charset=utf-8"}
