"""Every error as `application/problem+json` (RFC 9457); the only place that knows HTTP status codes of domain errors.

A problem says what is wrong, where (a JSON pointer into the body, or the name of a parameter) and what to do. It never
carries SQL, a stack trace or the value that was sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.pointers import pointer_of
from domain.errors import DomainError, RefusedChange, StaleVersion
from gateways.payment import GatewayUnavailable, GatewayUnknown
from models.database import is_transient

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:perennial:problem:"
FAULTS_SHOWN_MAX: Final = 50


class Fault(BaseModel):
    """One thing to correct."""

    detail: str = Field(description="What is wrong and what to do.")
    pointer: str | None = Field(default=None, description="JSON pointer into the request body.")
    parameter: str | None = Field(default=None, description="Name of the query, path or header parameter.")


class ProblemBody(BaseModel):
    """An error as RFC 9457 describes it."""

    type: str = Field(description="Stable identifier of the kind of problem.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status code.")
    detail: str = Field(description="What happened here and what to do.")
    request_id: str | None = Field(default=None, description="Quote this to support; it is in the logs.")
    errors: list[Fault] | None = Field(default=None, description="What to correct, one by one.")


@dataclass
class Problem(Exception):
    """An answer other than success, raised by a route. `members` are told beside what every problem tells."""

    status: int
    code: str
    detail: str
    faults: tuple[Fault, ...] = ()
    headers: Mapping[str, str] | None = None
    members: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.detail}"


def not_found(noun: str, object_id: str) -> Problem:
    return Problem(404, "not-found", f"There is no {noun} {object_id!r}. Check the id.")


def conflict(code: str, detail: str, pointer: str | None = None) -> Problem:
    return Problem(409, code, detail, _at(detail, pointer))


def invalid(detail: str, pointer: str | None = None, code: str = "invalid-request") -> Problem:
    return Problem(422, code, detail, _at(detail, pointer))


def malformed(detail: str) -> Problem:
    return Problem(400, "malformed-request", detail)


def too_large(bytes_max: int) -> Problem:
    detail = f"The body is larger than {bytes_max} bytes. Send less at a time."
    return Problem(413, "body-too-large", detail, headers={"Connection": "close"})


def unavailable(what: str) -> Problem:
    detail = f"{what} cannot be reached at the moment. Try again with the same Idempotency-Key."
    return Problem(503, "unavailable", detail, headers={"Retry-After": "2"})


def _at(detail: str, pointer: str | None) -> tuple[Fault, ...]:
    return (Fault(detail=detail, pointer=pointer),) if pointer is not None else ()


_DOMAIN_PROBLEMS: Final[Mapping[type[DomainError], tuple[int, str]]] = {
    StaleVersion: (409, "stale-version"),
    RefusedChange: (409, "refused-change"),
    DomainError: (422, "refused"),
}


def from_domain(error: DomainError) -> Problem:
    status, code = next(_DOMAIN_PROBLEMS[kind] for kind in type(error).__mro__ if kind in _DOMAIN_PROBLEMS)
    return Problem(status, code, error.message, _at(error.message, error.field or None))


def from_http(error: HTTPException) -> Problem:
    """The problem for what the framework itself refuses, such as an unknown path or method."""
    known = {
        404: ("not-found", "There is nothing at this path. See /docs for what there is."),
        405: ("method-not-allowed", "This path does not take this method. The Allow header names those it takes."),
    }
    fallback = (_slug(error.status_code), HTTPStatus(error.status_code).phrase + ".")
    code, detail = known.get(error.status_code, fallback)
    return Problem(error.status_code, code, detail, headers=error.headers)


def from_validation(error: RequestValidationError) -> Problem:
    faults = [_fault(item, error.body) for item in error.errors()]
    unique = list({(fault.pointer, fault.parameter, fault.detail): fault for fault in faults}.values())
    detail = "The request does not fit the schema. Correct what `errors` names and send it again."
    return Problem(422, "invalid-request", detail, tuple(unique[:FAULTS_SHOWN_MAX]))


def _fault(item: Mapping[str, Any], body: object) -> Fault:
    source, *path = item["loc"]
    detail = _advice(item)
    if source == "body":
        return Fault(detail=detail, pointer=pointer_of(path, body, missing=item["type"] == "missing"))
    return Fault(detail=detail, parameter=str(path[-1]) if path else str(source))


def _advice(item: Mapping[str, Any]) -> str:
    match item["type"]:
        case "missing":
            return "This is required; add it."
        case "extra_forbidden":
            return "There is no such field; remove it or correct its name."
        case "none_forbidden":
            return "This cannot be null; leave it out or give a value."
        case _ if item.get("input", ...) is None:
            return "This cannot be null; leave it out or give a value."
        case _:
            return str(item["msg"]).removeprefix("Value error, ").rstrip(".") + "."


def _slug(status: int) -> str:
    return HTTPStatus(status).phrase.lower().replace(" ", "-")


def as_problem(error: Exception) -> Problem | None:
    """The problem that an exception means to the caller; None where it is a mistake of ours."""
    match error:
        case Problem():
            return error
        case DomainError():
            return from_domain(error)
        case RequestValidationError():
            return from_validation(error)
        case HTTPException():
            return from_http(error)
        case DBAPIError() if is_transient(error):
            return unavailable("The database")
        case PoolTimeout():
            return unavailable("The database")
        case GatewayUnavailable() | GatewayUnknown():
            return unavailable("The payment gateway")
        case _:
            return None


def problem_response(problem: Problem, request_id: str | None) -> Response:
    body = ProblemBody(
        type=TYPE_PREFIX + problem.code,
        title=problem.code.replace("-", " ").capitalize(),
        status=problem.status,
        detail=problem.detail,
        request_id=request_id,
        errors=list(problem.faults) or None,
    )
    content = orjson.dumps({**body.model_dump(exclude_none=True), **problem.members})
    return Response(content, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def request_id_of(request: Request) -> str | None:
    return getattr(request.state, "request_id", None)
