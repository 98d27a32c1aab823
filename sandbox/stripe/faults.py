"""The rules in force, and how often each has matched; they survive a restart."""

import time
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from sandbox.stripe.fault_rules import (
    RULE,
    Delay,
    Dropped,
    ExecutedNoAnswer,
    RateLimit,
    RequestRule,
    ServerError,
    WebhookRule,
)
from sandbox.stripe.operation import new_id
from sandbox.stripe.store import Json, Store

Kind = TypeVar("Kind")


@dataclass
class _Entry:
    id: str
    rule: RequestRule | WebhookRule
    seen: int = 0
    hits: int = 0
    tokens: float = 1.0
    refilled_at: float = 0.0

    def describe(self) -> Json:
        return {"id": self.id, "rule": self.rule.model_dump(mode="json"), "seen": self.seen, "hits": self.hits}


class Faults:
    """Rules by id. A request or webhook that matches a rule counts for it whether or not another rule hits it too."""

    def __init__(self, store: Store) -> None:
        self._store = store
        rows = store.sql.execute("SELECT id, body FROM fault ORDER BY id").fetchall()
        self._entries = {id_: self._load(id_, orjson.loads(body)) for id_, body in rows}

    def add(self, rule: RequestRule | WebhookRule) -> Json:
        entry = _Entry(new_id("fault"), rule)
        self._entries[entry.id] = entry
        self._save(entry)
        return entry.describe()

    def remove(self, id_: str) -> bool:
        self._store.sql.execute("DELETE FROM fault WHERE id = ?", (id_,))
        return self._entries.pop(id_, None) is not None

    def clear(self) -> None:
        self._store.sql.execute("DELETE FROM fault")
        self._entries.clear()

    def describe(self) -> list[Json]:
        return [entry.describe() for entry in self._entries.values()]

    def for_request(self, method: str, path: str, ids: tuple[str, ...], sent: dict[str, Any]) -> list[RequestRule]:
        """The request rules that hit this request."""
        hits: list[RequestRule] = []
        for entry in self._entries.values():
            rule = entry.rule
            if not isinstance(rule, RequestRule) or not rule.match.covers_request(method, path):
                continue
            if rule.match.looks_inside and not rule.match.covers_objects(*self._facts(ids, sent)):
                continue
            if self._counts(entry) and (not isinstance(rule, RateLimit) or _over(entry, rule)):
                hits.append(rule)
        return hits

    def for_event(self, event: Json) -> list[WebhookRule]:
        """The webhook rules that hit this event."""
        obj = event["data"]["object"]
        ids = {obj["id"], *(obj[name] for name in ("payment_intent", "charge") if isinstance(obj.get(name), str))}
        hits: list[WebhookRule] = []
        for entry in self._entries.values():
            rule = entry.rule
            if isinstance(rule, RequestRule) or not rule.match.covers_event(event["type"]):
                continue
            customer = obj["id"] if obj["object"] == "customer" else obj.get("customer")
            if rule.match.covers_objects(ids, customer, obj.get("metadata") or {}) and self._counts(entry):
                hits.append(rule)
        return hits

    def _facts(self, ids: tuple[str, ...], sent: dict[str, Any]) -> tuple[set[str], str | None, dict[str, Any]]:
        """Every object a request names, the customer concerned, and the metadata it sends or its object has."""
        stored = (self._store.get(ids[0]) if ids else None) or {}
        named = {value for value in sent.values() if isinstance(value, str)}
        customer = stored.get("id") if stored.get("object") == "customer" else stored.get("customer")
        own = sent.get("metadata")
        metadata = (stored.get("metadata") or {}) | (own if isinstance(own, dict) else {})
        return {*ids, *named}, sent.get("customer") or customer, metadata

    def _counts(self, entry: _Entry) -> bool:
        """Counts a match; whether it is one that the rule hits."""
        entry.seen += 1
        hit = entry.seen > entry.rule.after and (entry.rule.times is None or entry.hits < entry.rule.times)
        entry.hits += hit
        self._save(entry)
        return hit

    def _save(self, entry: _Entry) -> None:
        self._store.sql.execute(
            "INSERT OR REPLACE INTO fault VALUES (?, ?)", (entry.id, orjson.dumps(entry.describe()))
        )

    @staticmethod
    def _load(id_: str, saved: Json) -> _Entry:
        return _Entry(id_, RULE.validate_python(saved["rule"]), seen=saved["seen"], hits=saved["hits"])


def first(rules: list[RequestRule], kind: type[Kind]) -> Kind | None:
    """The first rule of that kind."""
    return next((rule for rule in rules if isinstance(rule, kind)), None)


def _over(entry: _Entry, rule: RateLimit) -> bool:
    """Whether this request finds the bucket empty; a bucket holds one second's worth."""
    now = time.monotonic()
    capacity = max(1.0, rule.per_second)
    entry.tokens = min(capacity, entry.tokens + (now - entry.refilled_at) * rule.per_second)
    entry.refilled_at = now
    if entry.tokens < 1.0:
        return True
    entry.tokens -= 1.0
    return False


__all__ = ["Delay", "Dropped", "ExecutedNoAnswer", "Faults", "RateLimit", "ServerError", "first"]
