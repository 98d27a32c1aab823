"""A client of the admin routes, for tests, the demo and the fault exam."""

from datetime import datetime
from typing import Any

import requests


class StripeAdmin:
    """Plays Stripe's other side: cards that start to decline, faults, the clock, payers and issuers."""

    def __init__(self, url: str, *, timeout_seconds: float = 10.0) -> None:
        self._base = f"{url.rstrip('/')}/_admin"
        self._timeout_seconds = timeout_seconds
        self._session = requests.Session()
        # The server is on this machine: a proxy from the environment would only be in the way.
        self._session.trust_env = False

    def close(self) -> None:
        self._session.close()

    def health(self) -> dict[str, Any]:
        return self._call("GET", "/health")

    def decline_customer(self, customer: str, code: str) -> None:
        """Every charge of the customer declines with `code` until `accept_customer`."""
        self._call("PUT", f"/customers/{customer}/decline", {"code": code})

    def accept_customer(self, customer: str) -> None:
        self._call("DELETE", f"/customers/{customer}/decline")

    def take_any_amount(self, *, allowed: bool = True) -> None:
        """From now on any positive amount is charged, also one below Stripe's minimum; or no longer."""
        self._call("PUT", "/amounts", {"any": allowed})

    def add_fault(
        self,
        kind: str,
        *,
        match: dict[str, Any] | None = None,
        after: int = 0,
        times: int | None = 1,
        **settings: Any,
    ) -> str:
        """Adds a fault rule and returns its id; `sandbox.stripe.fault_rules` lists the kinds and their settings."""
        rule = {"kind": kind, "match": match or {}, "after": after, "times": times, **settings}
        return str(self._call("POST", "/faults", rule)["id"])

    def faults(self) -> list[dict[str, Any]]:
        """Every rule with how often it was seen and how often it hit."""
        found: list[dict[str, Any]] = self._call("GET", "/faults")["faults"]
        return found

    def remove_fault(self, id_: str) -> None:
        self._call("DELETE", f"/faults/{id_}")

    def clear_faults(self) -> None:
        self._call("DELETE", "/faults")

    def set_clock(self, *, fixed: datetime | None = None, offset_seconds: int | None = None) -> dict[str, Any]:
        """Fixes the clock at an instant, moves it by an offset, or (with neither) sets it back to real time."""
        if fixed is not None:
            return self._call("PUT", "/clock", {"fixed": fixed.isoformat()})
        if offset_seconds is not None:
            return self._call("PUT", "/clock", {"offset_seconds": offset_seconds})
        return self._call("PUT", "/clock", {"real": True})

    def clock(self) -> dict[str, Any]:
        return self._call("GET", "/clock")

    def journal(self, *, kind: str | None = None, **filters: str) -> list[dict[str, Any]]:
        """What truly happened, oldest first: captures, declines, refunds, disputes, cancels; amounts as Stripe counts.

        Filters are payment_intent, charge, customer, object_id and currency.
        """
        if kind is not None:
            filters["kind"] = kind
        entries: list[dict[str, Any]] = []
        more = True
        while more:
            after = str(entries[-1]["seq"]) if entries else "0"
            page = self._call("GET", "/journal", params={**filters, "after": after})
            entries += page["entries"]
            more = page["has_more"]
        return entries

    def open_dispute(
        self, *, payment_intent: str, amount: int | None = None, reason: str = "fraudulent"
    ) -> dict[str, Any]:
        return self._call("POST", "/disputes", {"payment_intent": payment_intent, "amount": amount, "reason": reason})

    def decide_dispute(self, dispute: str, status: str) -> dict[str, Any]:
        """Closes a dispute as `won` or `lost`."""
        return self._call("POST", f"/disputes/{dispute}/decide", {"status": status})

    def complete_refund(self, refund: str, *, succeeds: bool = True) -> dict[str, Any]:
        return self._call("POST", f"/refunds/{refund}/complete", {"succeeds": succeeds})

    def complete_action(
        self, payment_intent: str, *, succeeds: bool = True, decline_code: str | None = None
    ) -> dict[str, Any]:
        """The payer authenticated (or not); for an intent in processing, the bank paid (or not)."""
        body = {"succeeds": succeeds, "decline_code": decline_code}
        return self._call("POST", f"/payment_intents/{payment_intent}/complete_action", body)

    def complete_setup(self, setup_intent: str, *, succeeds: bool = True) -> dict[str, Any]:
        return self._call("POST", f"/setup_intents/{setup_intent}/complete_action", {"succeeds": succeeds})

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, params: dict[str, str] | None = None
    ) -> dict[str, Any]:
        answer = self._session.request(
            method, self._base + path, json=body, params=params, timeout=self._timeout_seconds
        )
        if not answer.ok:
            raise ValueError(f"{method} {path}: {answer.status_code} {answer.text}")
        found: dict[str, Any] = answer.json()
        return found
