from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from api.credentials import mint, mode_of
from api.keys import store_key
from models.database import Database
from tests.api.given import Clock, bearer, rows, under

READER = {"name": "reader", "scopes": ["customers:read"]}


async def test_a_new_key_works_and_can_do_what_it_was_given(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/keys", json=READER)

    assert response.status_code == 201
    created = response.json()
    assert mode_of(created["key"]) == "test"
    headers = bearer(created["key"])
    assert (await client.get("/v1/customers", headers=headers)).status_code == 200
    assert (await client.get("/v1/keys", headers=headers)).status_code == 403


async def test_the_key_is_shown_once(client: httpx.AsyncClient) -> None:
    first = (await client.post("/v1/keys", json=READER, headers=under("k"))).json()
    again = await client.post("/v1/keys", json=READER, headers=under("k"))

    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first | {"key": None}
    assert all("key" not in item for item in (await client.get("/v1/keys")).json()["items"])


async def test_the_database_holds_no_usable_key(client: httpx.AsyncClient, database: Database, admin_key: str) -> None:
    created = (await client.post("/v1/keys", json=READER, headers=under("k"))).json()["key"]

    tables = [name for (name,) in rows(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    assert "api_key" in tables
    dump = "".join(str(rows(database, f'SELECT t::text FROM "{table}" t')) for table in tables)
    bodies = str(rows(database, "SELECT convert_from(body, 'UTF8') FROM idempotency_record"))
    assert "reader" in dump
    assert "reader" in bodies
    for key in (created, admin_key):
        assert key not in dump + bodies


async def test_a_key_cannot_pass_on_more_than_it_has(
    client: httpx.AsyncClient, key_with: Callable[..., str], database: Database
) -> None:
    headers = bearer(key_with("keys:write", "customers:read"))
    for scopes in (["admin"], ["customers:write"], ["keys:write", "ledger:read"]):
        response = await client.post("/v1/keys", json={"name": "more", "scopes": scopes}, headers=headers)
        assert response.status_code == 403
    assert rows(database, "SELECT count(*) FROM api_key WHERE name = 'more'") == [(0,)]


async def test_a_key_cannot_make_one_that_outlives_it(
    client: httpx.AsyncClient, key_with: Callable[..., str], clock: Clock
) -> None:
    ends_at = clock() + timedelta(hours=1)
    headers = bearer(key_with("keys:write", "customers:read", expires_at=ends_at))

    for_ever = await client.post("/v1/keys", json=READER, headers=headers)
    longer = await client.post("/v1/keys", json=READER | {"expires_at": "2026-03-01T13:00:01Z"}, headers=headers)
    as_long = await client.post("/v1/keys", json=READER | {"expires_at": "2026-03-01T13:00:00Z"}, headers=headers)

    assert [for_ever.status_code, longer.status_code, as_long.status_code] == [403, 403, 201]


async def test_a_wrong_request_is_told_where(client: httpx.AsyncClient) -> None:
    mistakes: list[tuple[dict[str, object], str]] = [
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["everything"]}, "/scopes/0"),
        ({"name": None}, "/name"),
        ({"expires_at": "2026-03-01T12:00:00Z"}, "/expires_at"),
        ({"expires_at": "2026-03-02T12:00:00"}, "/expires_at"),
        ({"digest": "0"}, "/digest"),
    ]
    for changes, pointer in mistakes:
        response = await client.post("/v1/keys", json=READER | changes)
        assert response.status_code == 422, changes
        assert response.json()["errors"][0]["pointer"] == pointer


async def test_a_revoked_key_stops_within_three_seconds_and_stays_listed(
    client: httpx.AsyncClient, clock: Clock, database: Database
) -> None:
    created = (await client.post("/v1/keys", json=READER)).json()
    headers = bearer(created["key"])
    assert (await client.get("/v1/customers", headers=headers)).status_code == 200

    revoked = await client.post(f"/v1/keys/{created['id']}/revoke")
    clock.advance(3)

    assert (revoked.status_code, revoked.json()["revoked_at"]) == (200, "2026-03-01T12:00:00Z")
    assert (await client.get("/v1/customers", headers=headers)).status_code == 401
    again = await client.post(f"/v1/keys/{created['id']}/revoke")
    assert again.json()["revoked_at"] == "2026-03-01T12:00:00Z"
    listed = {item["id"]: item["revoked_at"] for item in (await client.get("/v1/keys")).json()["items"]}
    assert listed[created["id"]] == "2026-03-01T12:00:00Z"
    assert rows(database, "SELECT action FROM audit_log ORDER BY sequence") == [("key.created",), ("key.revoked",)]


async def test_revoking_a_key_that_is_not_there_is_404(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/keys/key_none/revoke")).status_code == 404


def test_a_bootstrap_key_that_was_revoked_stays_revoked(app: FastAPI, database: Database, clock: Clock) -> None:
    ring, key = app.state.parts.keys, mint("test")
    for _ in range(2):
        with database.transaction() as session:
            store_key(session, ring, key, name="mine", at=clock())
        with database.transaction() as session:
            session.connection().exec_driver_sql("UPDATE api_key SET revoked_at = now() WHERE name = 'mine'")

    found = rows(database, "SELECT scopes, revoked_at IS NOT NULL FROM api_key WHERE name = 'mine'")
    assert found == [(["admin"], True)]


def test_only_a_key_of_this_service_can_be_a_bootstrap_key(app: FastAPI, database: Database, clock: Clock) -> None:
    for key in ("", "admin", mint("live")):
        with database.transaction() as session, pytest.raises(ValueError, match="must be an API key for test use"):
            store_key(session, app.state.parts.keys, key, name="mine", at=clock())
