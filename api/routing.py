"""How a route is declared: its scope, its idempotency and its body limit, all in one dependency.

    router = api_router("/v1/things", "Things")

    @router.post("", status_code=201, dependencies=[needs("things:write", idempotency="required")])
    def create_thing(body: NewThing, call: CurrentCall) -> ThingOut: ...

Key and scope are checked before a byte of the body is read.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from fastapi import APIRouter, FastAPI, params
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response

from api.authentication import authenticate, authorise
from api.bodies import BODY_BYTES_MAX, JSON, BoundedRequest
from api.calls import Call, current_call
from api.idempotency import Attempt, answer_once, begin, key_of, required_key
from api.parts import parts_of
from api.scopes import SCOPES, Scope

Idempotency = Literal["accepted", "required", "exempt"]


@dataclass(frozen=True)
class Guard(params.Security):
    """The dependency by which a route declares what it takes to be called. Without a scope it is open to all."""

    idempotency: Idempotency = "accepted"
    body_bytes_max: int = BODY_BYTES_MAX
    media_types: tuple[str, ...] = (JSON,)
    takes_gzip: bool = False
    secret_field: str | None = None

    @property
    def scope_needed(self) -> Scope | None:
        return cast("Scope", self.scopes[0]) if self.scopes else None


def needs(
    scope: Scope,
    *,
    idempotency: Idempotency = "accepted",
    body_bytes_max: int = BODY_BYTES_MAX,
    media_types: tuple[str, ...] = (JSON,),
    takes_gzip: bool = False,
    secret_field: str | None = None,
) -> Guard:
    """A guard that lets keys with `scope` pass; `secret_field` of the answer is shown once and never saved."""
    if scope not in SCOPES:
        raise ValueError(f"there is no scope {scope!r}")
    return Guard(
        current_call,
        scopes=[scope],
        idempotency=idempotency,
        body_bytes_max=body_bytes_max,
        media_types=media_types,
        takes_gzip=takes_gzip,
        secret_field=secret_field,
    )


def public(*, body_bytes_max: int = BODY_BYTES_MAX) -> Guard:
    """A guard that lets everybody pass: for health and for callers that prove themselves by a signature."""
    return Guard(_nobody, idempotency="exempt", body_bytes_max=body_bytes_max)


def _nobody() -> None:
    return None


class GuardedRoute(APIRoute):
    """A route that declares exactly one `Guard` and is held to it."""

    @property
    def guard(self) -> Guard:
        guards = [dependency for dependency in self.dependencies if isinstance(dependency, Guard)]
        if len(guards) != 1:
            raise TypeError(f"{self.path}: declare one of needs(scope) or public() in dependencies")
        return guards[0]

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle, guard = super().get_route_handler(), self.guard

        async def guarded(request: Request) -> Response:
            # Only this request's `receive` counts bytes, so the original must not be read any more.
            bounded = BoundedRequest(
                request.scope,
                request.receive,
                body_bytes_max=guard.body_bytes_max,
                media_types=guard.media_types,
                takes_gzip=guard.takes_gzip,
            )
            bounded.check_address()
            if guard.scope_needed is None:
                await self._read_body(bounded)
                return await handle(bounded)
            return await self._authorised(bounded, guard, guard.scope_needed, handle)

        return guarded

    async def _authorised(
        self, request: Request, guard: Guard, scope: Scope, handle: Callable[[Request], Coroutine[Any, Any, Response]]
    ) -> Response:
        parts = parts_of(request)
        actor = await authenticate(request, parts.keys)
        request.state.actor_id = actor.key_id
        authorise(actor, scope)
        route = f"{request.method} {self.path}"
        await self._read_body(request)
        call = Call(actor=actor, parts=parts, request_id=request.state.request_id, route=route, at=parts.clock())
        attempt = await self._attempt(request, guard, actor.key_id)
        if attempt is None:
            request.state.call = call
            return await handle(request)
        request.state.call = replace(call, once=attempt.once)
        return await answer_once(request, parts, attempt, handle, secret_field=guard.secret_field)

    async def _read_body(self, request: Request) -> None:
        # FastAPI would turn a problem with the body into an error without a reason; it finds what is read here.
        if self.body_field is not None and await request.body():
            await request.json()

    async def _attempt(self, request: Request, guard: Guard, api_key_id: str) -> Attempt | None:
        if request.method != "POST" or guard.idempotency == "exempt":
            return None
        key = key_of(request)
        if key is None and guard.idempotency == "required":
            raise required_key()
        return None if key is None else await begin(request, key, api_key_id)


def guarded_routes(app: FastAPI) -> list[GuardedRoute]:
    """Every route of an application, with its full path.

    Raises:
        TypeError: a route is not guarded.
    """
    found = []
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if not isinstance(route, GuardedRoute):
            raise TypeError(f"{context.path}: make its router with api_router, so that it declares a scope")
        found.append(route)
    return found


def api_router(prefix: str, tag: str) -> APIRouter:
    """A router whose routes refuse to exist without a guard."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=GuardedRoute)
