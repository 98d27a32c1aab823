"""Stripe's webhook signature: an HMAC-SHA256 over the timestamp and the raw body."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from gateways.payment import GatewayEvent, InvalidSignature

# Stripe's own tolerance; applied to the future too, since a stamp from there would stay valid for longer.
TOLERANCE_SECONDS: Final = 300


def verified_event(raw: bytes, signature: str, secrets: Sequence[str], *, now: datetime) -> GatewayEvent:
    """The event in `raw` if one of `secrets` signed it within 300 seconds of `now`.

    Raises:
        InvalidSignature: forged, altered, too old, from the future, or not an event.
        ValueError: `secrets` is empty or holds an empty secret.
    """
    if not secrets or not all(secret.strip() for secret in secrets):
        raise ValueError("a webhook cannot be verified with an empty secret")
    stamp, offered = _header(signature)
    payload = stamp.encode() + b"." + raw
    expected = [hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest().encode() for secret in secrets]
    # Every pair is compared, so the time taken tells nothing about which one matched.
    matches = [hmac.compare_digest(mine, theirs) for mine in expected for theirs in offered]
    if not any(matches):
        raise InvalidSignature("no signature matches")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE_SECONDS:
        raise InvalidSignature(f"the timestamp is more than {TOLERANCE_SECONDS} seconds away")
    return _event(raw)


def _header(signature: str) -> tuple[str, list[bytes]]:
    """The timestamp as it was signed and the v1 signatures; other schemes are ignored."""
    stamps: list[str] = []
    offered: list[bytes] = []
    for item in signature.split(","):
        scheme, _, value = item.strip().partition("=")
        if scheme == "t":
            stamps.append(value)
        elif scheme == "v1":
            offered.append(value.encode("utf-8", "surrogatepass"))
    if len(stamps) != 1 or not (stamps[0].isascii() and stamps[0].isdigit() and len(stamps[0]) <= 12):
        raise InvalidSignature("the signature header has no single timestamp")
    if not offered:
        raise InvalidSignature("the signature header has no v1 signature")
    return stamps[0], offered


def _event(raw: bytes) -> GatewayEvent:
    try:
        body = json.loads(raw)
        event = GatewayEvent(
            id=_text(body["id"]),
            type=_text(body["type"]),
            object_id=_text(body["data"]["object"]["id"]),
            created_at=datetime.fromtimestamp(int(body["created"]), UTC),
            api_version=body.get("api_version"),
            livemode=body["livemode"] is True,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidSignature("the body is not an event") from error
    return event


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("expected a text")
    return value
