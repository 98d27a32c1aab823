"""Carries a POST out once for each Idempotency-Key, and gives every repeat the same answer.

The answer is saved after the effect has been committed. A process that dies in between leaves the key in flight until
its lease ends; the next request then carries it out again, which is harmless because every id it creates is derived
from the key (`Call.new_id`) and writes insert or fetch.
"""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api.parts import Parts
from api.problems import Problem, as_problem, problem_response, request_id_of
from domain import keys
from models.idempotency import Claim, Claimed, InFlight, Saved, claim, prune, release, save

HEADER: Final = "Idempotency-Key"
REPLAYED_HEADER: Final = "Idempotency-Replayed"
LEASE: Final = timedelta(seconds=60)
KEPT: Final = timedelta(days=31)
PRUNE_SECONDS: Final = 3600
KEY_LENGTH_MAX: Final = 255
KEPT_HEADERS: Final = ("content-type", "location")

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one process to answer a request under its key."""

    api_key_id: str
    key: str
    request_hash: str
    token: str

    @property
    def once(self) -> str:
        """What ids are derived from: the key, its owner, and what was asked."""
        return keys.derived("once", self.api_key_id, self.key, self.request_hash)


def key_of(request: Request) -> str | None:
    """The idempotency key of a request.

    Raises:
        Problem: 400, the key is empty, too long or not printable ASCII.
    """
    key = request.headers.get(HEADER)
    if key is not None and not (0 < len(key) <= KEY_LENGTH_MAX and key.isascii() and key.isprintable()):
        detail = f"{HEADER} must be 1 to {KEY_LENGTH_MAX} printable ASCII characters. A UUID is a good choice."
        raise Problem(400, "invalid-idempotency-key", detail)
    return key


def required_key() -> Problem:
    detail = f"Send the header {HEADER}, a new UUID for each new operation and the same one for each retry."
    return Problem(400, "idempotency-key-required", detail)


async def begin(request: Request, key: str, api_key_id: str) -> Attempt:
    """The attempt that this request is; it reads the whole body to tell it from other requests."""
    target = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    request_hash = hashlib.sha256(target + await request.body()).hexdigest()
    return Attempt(api_key_id, key, request_hash, uuid4().hex)


async def forget_old_answers(parts: Parts, stopping: asyncio.Event) -> None:
    """Delete what is older than `KEPT`, now and every hour, until the process stops."""
    while not stopping.is_set():
        with contextlib.suppress(SQLAlchemyError):  # the next hour is soon enough
            await run_in_threadpool(parts.database.run, lambda session: prune(session, parts.clock() - KEPT))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), PRUNE_SECONDS)


async def answer_once(
    request: Request, parts: Parts, attempt: Attempt, handle: Handler, *, secret_field: str | None
) -> Response:
    """The answer to a request: from `handle` the first time, as it was saved from then on.

    Answers of 429 and from 500 are not saved, so the request can be sent again at once. `secret_field` of the answer is
    replaced by null before it is saved.
    """
    claimed = await run_in_threadpool(_claim, parts, attempt)
    if not isinstance(claimed, Claimed):
        return _repeated(request, parts, claimed)
    try:
        response = await _handled(request, handle)
    except Exception:
        await run_in_threadpool(_release, parts, attempt)
        raise
    if response.status_code >= 500 or response.status_code == 429:
        await run_in_threadpool(_release, parts, attempt)
    else:
        await run_in_threadpool(_save, parts, attempt, response, secret_field)
    return response


async def _handled(request: Request, handle: Handler) -> Response:
    try:
        return await handle(request)
    except Exception as error:
        problem = as_problem(error)
        if problem is None:
            raise
        return problem_response(problem, request_id_of(request))


def _repeated(request: Request, parts: Parts, claimed: Claim) -> Response:
    match claimed:
        case Saved(status, headers, body):
            return Response(body, status, headers={**json.loads(headers), REPLAYED_HEADER: "true"})
        case InFlight(leased_until):
            wait_seconds = max(1, min(5, round((leased_until - parts.clock()).total_seconds())))
            detail = "A request with this Idempotency-Key is being carried out. Repeat it after a moment."
            problem = Problem(409, "request-in-flight", detail, headers={"Retry-After": str(wait_seconds)})
        case _:
            detail = f"This {HEADER} was used for a different request. Use a new one for a new operation."
            problem = Problem(422, "idempotency-key-reused", detail)
    return problem_response(problem, request_id_of(request))


def _claim(parts: Parts, attempt: Attempt) -> Claim:
    return parts.database.run(
        lambda session: claim(
            session,
            api_key_id=attempt.api_key_id,
            key=attempt.key,
            request_hash=attempt.request_hash,
            token=attempt.token,
            at=parts.clock(),
            lease=LEASE,
        )
    )


def _release(parts: Parts, attempt: Attempt) -> None:
    parts.database.run(
        lambda session: release(session, api_key_id=attempt.api_key_id, key=attempt.key, token=attempt.token)
    )


def _save(parts: Parts, attempt: Attempt, response: Response, secret_field: str | None) -> None:
    headers = json.dumps({name: response.headers[name] for name in KEPT_HEADERS if name in response.headers})
    body = _without_secret(bytes(response.body), secret_field)
    parts.database.run(
        lambda session: save(
            session,
            api_key_id=attempt.api_key_id,
            key=attempt.key,
            token=attempt.token,
            status=response.status_code,
            headers=headers,
            body=body,
        )
    )


def _without_secret(body: bytes, secret_field: str | None) -> bytes:
    if secret_field is None:
        return body
    content = json.loads(body)
    if secret_field in content:
        content[secret_field] = None
    return json.dumps(content).encode()
