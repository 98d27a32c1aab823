"""A request read off the wire, and the answer that goes back."""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from typing import Final

import orjson
from starlette.types import Receive, Scope, Send

from sandbox.stripe import routes
from sandbox.stripe.errors import StripeError, bad_parameter, unauthorized
from sandbox.stripe.forms import Params, nested, parse_pairs
from sandbox.stripe.operation import API_VERSION, new_id

BODY_BYTES_MAX: Final = 1_000_000
KEY_LENGTH_MAX: Final = 255
DOCS: Final = (
    "See your keys at https://dashboard.stripe.com/apikeys; this server takes any key that starts with sk_test_."
)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    saved: bool = True
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """An authorized request for a known endpoint. `key` is its idempotency key if it is a POST with one."""

    method: str
    path: str
    route: routes.Route
    ids: tuple[str, ...]
    params: Params
    request_hash: bytes
    request_id: str
    key: str | None


@dataclass(slots=True)
class Head:
    """What every answer repeats of its request."""

    request_id: str = field(default_factory=lambda: new_id("req"))
    api_version: str = API_VERSION
    key: str | None = None


async def read_body(receive: Receive) -> bytes:
    """The whole body; what exceeds the limit is read but not kept."""
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        if len(body) <= BODY_BYTES_MAX:
            body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def read_head(scope: Scope) -> tuple[Head, dict[bytes, bytes]]:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    head = Head(key=headers.get(b"idempotency-key", b"").decode("latin-1") or None)
    head.api_version = headers.get(b"stripe-version", b"").decode("latin-1") or API_VERSION
    return head, headers


def read_call(scope: Scope, head: Head, headers: dict[bytes, bytes], body: bytes) -> Call:
    """The call, if it is authorized, known, readable and asks for nothing unknown.

    Raises:
        StripeError: 401, 404 or 400; none of them is saved under the key.
    """
    _authorize(headers.get(b"authorization", b"").decode("latin-1"))
    method, path = scope["method"], scope["path"]
    found = routes.find(method, path)
    if found is None:
        message = f"Unrecognized request URL ({method}: {path})."
        raise StripeError(404, "invalid_request_error", message, saved=False)
    if len(body) > BODY_BYTES_MAX:
        raise StripeError(413, "invalid_request_error", "The request is too large.", saved=False)
    if head.key and len(head.key) > KEY_LENGTH_MAX:
        raise bad_parameter(f"Idempotency keys have up to {KEY_LENGTH_MAX} characters.", param="Idempotency-Key")
    pairs = parse_pairs(scope["query_string"] if method == "GET" else body)
    params = Params(nested(pairs))
    route, ids = found
    params.allow(route[1])
    params.texts("expand")
    key = head.key if method == "POST" else None
    request_hash = hashlib.sha256(orjson.dumps([method, path, sorted(pairs)])).digest() if key else b""
    return Call(method, path, route, ids, params, request_hash, head.request_id, key)


def answer_of(error: StripeError, request_id: str) -> Answer:
    url = f"https://dashboard.stripe.com/test/logs/{request_id}"
    body = orjson.dumps({"error": error.error | {"request_log_url": url}})
    return Answer(error.status, body, saved=error.saved, headers=error.headers)


async def send_answer(send: Send, head: Head, answer: Answer) -> None:
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(answer.body))),
        ("Request-Id", head.request_id),
        ("Stripe-Version", head.api_version),
        *([("Idempotency-Key", head.key)] if head.key else []),
        *answer.headers,
    ]
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": answer.body})


def _authorize(header: str) -> None:
    scheme, _, credentials = header.partition(" ")
    key = credentials.strip()
    if scheme.lower() == "basic":
        key = _user_of(key)
    elif scheme.lower() != "bearer":
        raise unauthorized(f"You did not provide an API key. {DOCS}")
    if not key.startswith("sk_test_") or len(key) <= len("sk_test_"):
        raise unauthorized(f"Invalid API Key provided: {key[:7]}****. {DOCS}")


def _user_of(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise unauthorized(f"The Authorization header could not be read. {DOCS}") from error
