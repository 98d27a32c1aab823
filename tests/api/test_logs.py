from collections.abc import Iterator

import httpx
import pytest
from structlog.testing import capture_logs

from logs import configure_logging


@pytest.fixture
def talkative_log() -> Iterator[None]:
    configure_logging(level="info", as_json=True)
    yield
    configure_logging(level="error", as_json=True)


@pytest.mark.usefixtures("talkative_log")
async def test_each_request_is_one_line_of_ids_and_times(client: httpx.AsyncClient) -> None:
    with capture_logs() as lines:
        response = await client.post("/v1/customers", json={"key": "airline-UA", "name": "Secret Name"})

    (line,) = lines
    assert line["duration_ms"] > 0
    assert line["actor"].startswith("key_")
    assert {name: line[name] for name in ("event", "method", "route", "status", "request_id")} == {
        "event": "request",
        "method": "POST",
        "route": "/v1/customers",
        "status": 201,
        "request_id": response.headers["x-request-id"],
    }
    assert "Secret Name" not in str(lines)


async def test_a_harmless_request_id_of_the_caller_is_kept(client: httpx.AsyncClient) -> None:
    kept = await client.get("/v1/customers", headers={"X-Request-Id": "mine-1"})
    assert kept.headers["x-request-id"] == "mine-1"


async def test_any_other_request_id_is_replaced(anonymous: httpx.AsyncClient) -> None:
    for request_id in ("a b", "x" * 65, "", '{"a":1}'):
        response = await anonymous.get("/v1/customers", headers={"X-Request-Id": request_id})
        assert response.headers["x-request-id"].startswith("req_")
        assert response.json()["request_id"] == response.headers["x-request-id"]


async def test_answers_are_neither_sniffed_nor_stored(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/customers")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
