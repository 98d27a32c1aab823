"""One executing request: what a handler may do to the server's state, all inside one transaction."""

import secrets
from collections.abc import Callable
from typing import Any, Final

import orjson

from sandbox.stripe.errors import no_such
from sandbox.stripe.store import Json, Store

API_VERSION: Final = "2026-10-28.endive"
KIND_NAMES: Final = {"payment_method": "PaymentMethod", "webhook_endpoint": "webhook endpoint"}


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


def public(obj: Json) -> Json:
    """The object as the API shows it: fields that start with an underscore are the server's own."""
    return {name: value for name, value in obj.items() if not name.startswith("_")}


class Operation:
    """Reads and writes objects, emits events and keeps the journal, stamped with one instant of the server's clock."""

    def __init__(
        self,
        store: Store,
        *,
        now: int,
        queue_webhooks: Callable[[Json], int],
        request_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        self.store = store
        self.now = now
        self.request_id = request_id
        self.idempotency_key = idempotency_key
        self._queue_webhooks = queue_webhooks

    def find(self, kind: str, id_: str, *, param: str | None = None) -> Json:
        """The object, or Stripe's resource_missing: 404 for the object in the path, 400 for one named by `param`."""
        found = self.store.get(id_)
        if found is None or found["object"] != kind:
            name = KIND_NAMES.get(kind, kind)
            raise no_such(name, id_, param=param or "id", status=400 if param else 404)
        return found

    def insert(self, obj: Json) -> Json:
        self.store.insert(obj)
        return obj

    def update(self, obj: Json) -> Json:
        self.store.update(obj)
        return obj

    def emit(self, type_: str, obj: Json, previous: Json | None = None) -> None:
        """Stores the event with a snapshot of the object, and queues its webhooks."""
        data: Json = {"object": public(obj)}
        if previous is not None:
            data["previous_attributes"] = previous
        event: Json = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now,
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": type_,
        }
        event["pending_webhooks"] = self._queue_webhooks(event)
        self.store.insert(event)

    def record(self, kind: str, obj: Json, *, amount: int | None = None, **detail: Any) -> None:
        """Writes what truly happened into the journal."""
        charge = obj["id"] if obj["object"] == "charge" else obj.get("charge")
        intent = obj["id"] if obj["object"] == "payment_intent" else obj.get("payment_intent")
        self.store.sql.execute(
            "INSERT INTO journal (at, kind, object_id, payment_intent, charge, customer, amount, currency, request_id,"
            " idempotency_key, metadata, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.now,
                kind,
                obj["id"],
                intent,
                charge,
                obj.get("customer") or obj.get("_customer"),
                obj["amount"] if amount is None else amount,
                obj["currency"],
                self.request_id,
                self.idempotency_key,
                orjson.dumps(obj.get("metadata", {})).decode(),
                orjson.dumps(detail).decode(),
            ),
        )
