"""The OpenAPI document: what FastAPI derives, with our problems in place of its errors, and the idempotency header."""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.idempotency import HEADER, KEY_LENGTH_MAX, REPLAYED_HEADER
from api.problems import MEDIA_TYPE, ProblemBody
from api.routing import Guard, GuardedRoute, guarded_routes

TITLE: Final = "Perennial"
DESCRIPTION: Final = """\
Durable revenue orchestration: every customer contract is one long-running workflow.

**Authentication.** `Authorization: Bearer pr_...`. Each operation names the scope its key must have.

**Idempotency.** Send an `Idempotency-Key` with each POST. A repeat gets the first answer, with
`Idempotency-Replayed: true`. The same key with another request is 422, one that is still being carried out 409.
Keys are kept for 31 days.

**Errors** are `application/problem+json` (RFC 9457). `type` is stable; `errors` points at what to correct.

**Lists** are newest first. `next_cursor` of one page is `cursor` of the next.

**Money** is always `{"amount_minor": 3800000, "amount": "38000.00", "currency": "USD"}`: an integer of the currency's
minor unit, and the same as a decimal of its major unit. Instants are UTC. Periods end before their `period_end`.
"""
_MEANING: Final = {
    400: "The request is malformed.",
    401: "The API key is missing or not valid.",
    403: "The API key lacks the scope.",
    404: "There is no such object.",
    409: "The request conflicts with the present state, or its Idempotency-Key is in flight.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "The request cannot be carried out as it is; `errors` says why.",
    503: "A part of the service cannot be reached; repeat the request.",
}
_SCHEMA_REF: Final = {"$ref": "#/components/schemas/Problem"}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an application whose routes are all guarded."""
    found = get_openapi(
        title=TITLE,
        version=app.version,
        openapi_version=app.openapi_version,
        description=DESCRIPTION,
        routes=app.routes,
    )
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    for operation, guard, route in _operations(app, found):
        _describe(operation, guard, route)
    return found


def _operations(app: FastAPI, found: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Guard, GuardedRoute]]:
    for route in guarded_routes(app):
        for operation in found["paths"].get(route.path_format, {}).items():
            if operation[0].upper() in (route.methods or ()):
                yield operation[1], route.guard, route


def _describe(operation: dict[str, Any], guard: Guard, route: GuardedRoute) -> None:
    for status in _statuses(guard, route):
        content = {MEDIA_TYPE: {"schema": _SCHEMA_REF}}
        operation["responses"][str(status)] = {"description": _MEANING[status], "content": content}
    if guard.scope_needed is not None:
        scope_line = f"Needs the scope `{guard.scope_needed}`."
        operation["description"] = "\n\n".join(filter(None, [operation.get("description"), scope_line]))
    if _takes_key(guard, route):
        operation.setdefault("parameters", []).append(_idempotency_parameter(guard))
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                answer["headers"] = _REPLAYED


def _statuses(guard: Guard, route: GuardedRoute) -> list[int]:
    statuses = {400, 422}
    if guard.scope_needed is not None:
        statuses |= {401, 403, 503}
    if route.param_convertors:
        statuses.add(404)
    if (route.methods or set()) & {"POST", "PUT", "PATCH"}:
        statuses |= {413, 415}
    if _takes_key(guard, route):
        statuses.add(409)
    return sorted(statuses)


def _takes_key(guard: Guard, route: GuardedRoute) -> bool:
    return "POST" in (route.methods or ()) and guard.idempotency != "exempt"


def _idempotency_parameter(guard: Guard) -> dict[str, Any]:
    return {
        "name": HEADER,
        "in": "header",
        "required": guard.idempotency == "required",
        "description": "A new UUID for each new operation, the same one for each retry.",
        "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX},
    }


_REPLAYED: Final = {
    REPLAYED_HEADER: {
        "description": "Present where this is the saved answer to an earlier request.",
        "schema": {"type": "string", "const": "true"},
    }
}
