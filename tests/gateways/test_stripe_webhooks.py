"""Only what Stripe signed, recently, counts as a webhook."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from gateways.payment import GatewayEvent, InvalidSignature
from gateways.stripe import StripeGateway
from gateways.stripe_webhooks import verified_event

SECRET = "whsec_right"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RAW = json.dumps(
    {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "api_version": "2026-10-28.endive",
        "created": 1_772_366_340,
        "livemode": False,
        "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
    }
).encode()


def header(raw: bytes = RAW, secret: str = SECRET, at: datetime = NOW, scheme: str = "v1") -> str:
    stamp = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()
    return f"t={stamp},{scheme}={digest}"


def test_a_signed_event_is_read() -> None:
    assert verified_event(RAW, header(), [SECRET], now=NOW) == GatewayEvent(
        id="evt_1",
        type="payment_intent.succeeded",
        object_id="pi_1",
        created_at=datetime(2026, 3, 1, 11, 59, tzinfo=UTC),
        api_version="2026-10-28.endive",
        livemode=False,
    )


def test_the_signature_the_sdk_would_make_is_accepted() -> None:
    made = stripe.WebhookSignature.generate_signature_header(RAW.decode(), SECRET, int(NOW.timestamp()))
    assert verified_event(RAW, made, [SECRET], now=NOW).id == "evt_1"


def test_during_a_rotation_either_secret_and_either_signature_will_do() -> None:
    both = header(secret="whsec_old") + "," + header().partition(",")[2]
    for secrets in ([SECRET], ["whsec_old"], ["whsec_new", SECRET]):
        assert verified_event(RAW, both, secrets, now=NOW).id == "evt_1"


@pytest.mark.parametrize("seconds", [-300, 300])
def test_a_timestamp_within_300_seconds_either_way_is_accepted(seconds: int) -> None:
    assert verified_event(RAW, header(at=NOW + timedelta(seconds=seconds)), [SECRET], now=NOW).id == "evt_1"


@pytest.mark.parametrize("seconds", [-301, 301, 10**9])
def test_a_timestamp_further_away_either_way_is_refused(seconds: int) -> None:
    with pytest.raises(InvalidSignature):
        verified_event(RAW, header(at=NOW + timedelta(seconds=seconds)), [SECRET], now=NOW)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "nonsense",
        header(secret="whsec_other"),
        header(scheme="v0"),
        header().partition(",")[0],
        header().partition(",")[2],
        header()[:-1],
        header().replace("t=", "t=1,t="),
        header().replace("t=", "t=-"),
        header().replace("t=17", "t=٣7"),
        header().replace("v1=", "v1=\udcff"),
        header(raw=b" " + RAW),
    ],
)
def test_a_forged_or_mangled_signature_is_refused(signature: str) -> None:
    with pytest.raises(InvalidSignature):
        verified_event(RAW, signature, [SECRET], now=NOW)


def test_the_same_json_in_other_bytes_is_refused() -> None:
    reserialised = json.dumps(json.loads(RAW), separators=(",", ":")).encode()
    with pytest.raises(InvalidSignature):
        verified_event(reserialised, header(), [SECRET], now=NOW)


@pytest.mark.parametrize("secrets", [[], [""], ["  "], [SECRET, ""]])
def test_an_empty_secret_verifies_nothing(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="empty secret"):
        verified_event(RAW, header(secret=""), secrets, now=NOW)


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"null", b"{}", b'{"id": "evt_1", "type": "x", "created": "soon", "livemode": false, "data": {}}'],
)
def test_signed_bytes_that_are_no_event_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidSignature):
        verified_event(raw, header(raw=raw), [SECRET], now=NOW)


@given(st.binary(max_size=100), st.text(max_size=100))
def test_nothing_that_was_not_signed_gets_through(raw: bytes, signature: str) -> None:
    with pytest.raises(InvalidSignature):
        verified_event(raw, signature, [SECRET], now=NOW)


def test_the_gateway_verifies_by_its_own_clock() -> None:
    gateway = StripeGateway("sk_test_1", now=lambda: NOW)
    try:
        assert gateway.verify_webhook(RAW, header(), [SECRET]).object_id == "pi_1"
        with pytest.raises(InvalidSignature):
            gateway.verify_webhook(RAW, header(at=NOW - timedelta(hours=1)), [SECRET])
    finally:
        gateway.close()
