import httpx
import psycopg
import pytest
from fastapi import FastAPI
from temporalio.client import Client

from api.app import create_app
from api.credentials import mint
from models.database import Database
from tests.api.given import PEPPER, WEBHOOK_SECRET, Clock, FakeGateway, as_owner, rows


async def test_a_service_with_all_its_parts_is_ready(anonymous: httpx.AsyncClient) -> None:
    response = await anonymous.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "checks": {"database": "ok", "migrations": "ok", "temporal": "not used"},
    }


async def test_an_older_schema_is_not_ready(anonymous: httpx.AsyncClient, database: Database) -> None:
    as_owner(database, "UPDATE alembic_version SET version_num = '0001'")
    older = await anonymous.get("/readyz")
    as_owner(database, "DROP TABLE alembic_version")
    none = await anonymous.get("/readyz")

    for response in (older, none):
        assert response.status_code == 503
        assert response.json()["checks"] == {"database": "ok", "migrations": "behind", "temporal": "not used"}


def without_servers(clock: Clock, temporal: Client) -> FastAPI:
    return create_app(
        database=Database("postgresql+psycopg://somebody:hidden-word@127.0.0.1:1/nowhere"),
        gateway=FakeGateway(clock),
        webhook_secrets=[WEBHOOK_SECRET],
        api_key_pepper=PEPPER,
        temporal=temporal,
    )


@pytest.fixture
async def stranded(clock: Clock) -> FastAPI:
    """A service whose database and Temporal cannot be reached."""
    return without_servers(clock, await Client.connect("127.0.0.1:1", lazy=True))


async def test_without_its_servers_a_service_lives_and_is_not_ready(stranded: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(stranded), base_url="http://x") as client:
        alive, ready = await client.get("/healthz"), await client.get("/readyz")

    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (
        503,
        {
            "status": "not ready",
            "checks": {"database": "unreachable", "migrations": "unreachable", "temporal": "unreachable"},
        },
    )


async def test_an_unreachable_database_is_503_and_says_nothing_of_it(stranded: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(stranded), base_url="http://x") as client:
        response = await client.get("/v1/customers", headers={"Authorization": f"Bearer {mint('test')}"})

    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    for word in ("psycopg", "127.0.0.1", "hidden-word", "somebody"):
        assert word not in response.text


async def test_the_audit_log_only_grows(database: Database, client: httpx.AsyncClient) -> None:
    await client.post("/v1/customers", json={"key": "k", "name": "N"})
    for statement in ("UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"):
        with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
            as_owner(database, statement)
    assert rows(database, "SELECT action FROM audit_log") == [("customer.created",)]
