"""One JSON line for each request, a request id on each answer, and nothing but a problem for what went wrong."""

import re
import time
from typing import Any, Final, cast
from uuid import uuid4

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem, problem_response

REQUEST_ID_HEADER: Final = "X-Request-Id"
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class RequestLog:
    """The outermost layer: names the request, logs it, and answers 500 where a mistake of ours got this far.

    Logged are ids, the route and times: no body, no query, no header.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._log = structlog.get_logger("api")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, _request_id(scope))
        scope.setdefault("state", {})["request_id"] = answer.request_id
        started_at = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            self._log.exception("request failed", request_id=answer.request_id, method=scope["method"])
            if answer.status is not None:
                raise
            await _internal_error(answer.request_id)(scope, receive, answer.send)
        finally:
            self._log.info("request", **_line(scope, answer, time.perf_counter() - started_at))


class _Answer:
    """Passes the answer on and remembers its status."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers[REQUEST_ID_HEADER] = self.request_id
            headers["X-Content-Type-Options"] = "nosniff"
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)


def _request_id(scope: Scope) -> str:
    """The caller's own id for the request if it is harmless, else a new one."""
    given = dict(scope["headers"]).get(REQUEST_ID_HEADER.lower().encode(), b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else f"req_{uuid4().hex}"


def _internal_error(request_id: str) -> ASGIApp:
    detail = "Something went wrong on our side. Try again with the same Idempotency-Key, and quote the request_id."
    return problem_response(Problem(500, "internal-error", detail), request_id)


def _line(scope: Scope, answer: _Answer, seconds: float) -> dict[str, Any]:
    state = cast("dict[str, Any]", scope["state"])
    return {
        "request_id": answer.request_id,
        "method": scope["method"],
        "route": getattr(scope.get("route"), "path", None),
        "status": answer.status,
        "duration_ms": round(seconds * 1000, 2),
        "actor": state.get("actor_id"),
    }
