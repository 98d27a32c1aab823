from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from api.app import create_app
from api.credentials import mint
from api.routing import GuardedRoute, api_router, guarded_routes, needs
from api.scopes import ADMIN, SCOPES
from models.database import Database
from tests.api.given import PEPPER, WEBHOOK_SECRET, Clock, FakeGateway, bearer, rows

PUBLIC = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("POST", "/v1/webhooks/stripe"),
    ("GET", "/v1/public/quotes/{token}"),
    ("POST", "/v1/public/quotes/{token}/accept"),
    ("POST", "/v1/public/quotes/{token}/decline"),
}


def test_no_more_routes_than_these_are_open_to_all(app: FastAPI) -> None:
    routes = guarded_routes(app)
    found = {
        (method, route.path) for route in routes if route.guard.scope_needed is None for method in route.methods or ()
    }
    assert found == PUBLIC


async def test_every_route_lets_its_scope_and_admin_pass_and_no_other(
    app: FastAPI, anonymous: httpx.AsyncClient, key_with: Callable[..., str]
) -> None:
    routes = [route for route in guarded_routes(app) if route.guard.scope_needed is not None]
    assert len(routes) >= 13
    for scope in SCOPES:
        headers = bearer(key_with(scope))
        for route in routes:
            status = await _status(anonymous, route, headers)
            if scope in (route.guard.scope_needed, ADMIN):
                assert status not in (401, 403), (scope, route.path)
            else:
                assert status == 403, (scope, route.path)


async def test_every_route_refuses_a_caller_without_a_key(app: FastAPI, anonymous: httpx.AsyncClient) -> None:
    for route in guarded_routes(app):
        if route.guard.scope_needed is not None:
            assert await _status(anonymous, route, {}) == 401, route.path


async def _status(client: httpx.AsyncClient, route: GuardedRoute, headers: dict[str, str]) -> int:
    (method,) = route.methods or set()
    path = route.path
    for name in route.param_convertors:
        path = path.replace(f"{{{name}}}", "none")
    return (await client.request(method, path, headers=headers)).status_code


def test_a_route_without_a_scope_does_not_come_to_be() -> None:
    router = api_router("/v1/things", "Things")
    with pytest.raises(TypeError, match=r"/v1/things: declare one of needs\(scope\) or public\(\)"):
        router.get("")(lambda: None)


def test_a_scope_that_does_not_exist_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="there is no scope"):
        needs("things:read")  # type: ignore[arg-type]


def test_an_application_with_an_unguarded_route_does_not_start(database: Database, clock: Clock) -> None:

    unguarded = APIRouter()
    unguarded.get("/open")(lambda: None)
    with pytest.raises(TypeError, match="/open"):
        create_app(
            database=database,
            gateway=FakeGateway(clock),
            webhook_secrets=[WEBHOOK_SECRET],
            api_key_pepper=PEPPER,
            routers=[unguarded],
        )


async def test_whatever_is_wrong_with_a_key_the_answer_is_the_same(
    anonymous: httpx.AsyncClient, key_with: Callable[..., str], clock: Clock, admin_key: str
) -> None:
    expired = key_with("admin", expires_at=clock() - timedelta(seconds=1))
    headers = ["", "Bearer", f"Basic {admin_key}", "Bearer pr_test_x", f"Bearer {mint('test')}", f"Bearer {expired}"]
    bodies = set()
    for header in headers:
        response = await anonymous.get(
            "/v1/customers",
            headers={"Authorization": header, "X-Request-Id": "same"} if header else {"X-Request-Id": "same"},
        )
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        bodies.add(response.text)
    assert len(bodies) == 1


async def test_the_key_is_checked_before_the_body(anonymous: httpx.AsyncClient) -> None:
    response = await anonymous.post("/v1/customers", content=b"{" * 2_000_000)
    assert response.status_code == 401


async def test_a_live_key_does_not_open_a_test_service(anonymous: httpx.AsyncClient) -> None:
    response = await anonymous.get("/v1/customers", headers=bearer(mint("live")))
    assert response.status_code == 401


async def test_a_key_works_until_the_instant_it_expires(
    anonymous: httpx.AsyncClient, key_with: Callable[..., str], clock: Clock
) -> None:
    headers = bearer(key_with("customers:read", expires_at=clock() + timedelta(seconds=2)))

    assert (await anonymous.get("/v1/customers", headers=headers)).status_code == 200
    clock.advance(1.9)
    assert (await anonymous.get("/v1/customers", headers=headers)).status_code == 200
    clock.advance(0.1)
    assert (await anonymous.get("/v1/customers", headers=headers)).status_code == 401


async def test_a_key_is_looked_up_once_in_three_seconds(
    anonymous: httpx.AsyncClient, key_with: Callable[..., str], clock: Clock, database: Database
) -> None:
    """Its row is changed behind the service's back; the change shows after the cache has run out."""
    headers = bearer(key_with("customers:read"))
    assert (await anonymous.get("/v1/customers", headers=headers)).status_code == 200
    with database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE api_key SET revoked_at = now()")

    clock.advance(2.9)
    assert (await anonymous.get("/v1/customers", headers=headers)).status_code == 200
    clock.advance(0.1)
    assert (await anonymous.get("/v1/customers", headers=headers)).status_code == 401


async def test_the_last_use_of_a_key_is_noted_to_the_minute(
    anonymous: httpx.AsyncClient, key_with: Callable[..., str], clock: Clock, database: Database
) -> None:
    headers = bearer(key_with("customers:read"))
    noted = []
    for seconds in (0, 30, 31):
        clock.advance(seconds)
        await anonymous.get("/v1/customers", headers=headers)
        noted += rows(database, "SELECT last_used_at::text FROM api_key WHERE name = 'test'")
    assert noted == [("2026-03-01 12:00:00+00",), ("2026-03-01 12:00:00+00",), ("2026-03-01 12:01:01+00",)]


def test_a_short_pepper_does_not_start(database: Database, clock: Clock) -> None:
    with pytest.raises(ValueError, match="pepper"):
        create_app(
            database=database, gateway=FakeGateway(clock), webhook_secrets=[WEBHOOK_SECRET], api_key_pepper="short"
        )
