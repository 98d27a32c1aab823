"""What becomes of usage when more comes than can be stored."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import make_url

from api.admission import Admission
from api.app import create_app
from api.problems import Problem
from models.database import Database
from tests.api.conftest import BASE_URL
from tests.api.given import PEPPER, WEBHOOK_SECRET, FakeGateway, bearer, rows

URL = "/v1/usage"


def batch(name: str) -> list[dict[str, object]]:
    event: dict[str, object] = {"customer": "airline-UA", "event": "departure", "at": "2013-01-15T12:00:00Z"}
    return [event | {"id": f"{name}{number}"} for number in range(10)]


@contextmanager
def storing_stands_still(database: Database) -> Iterator[None]:
    """Nothing more is written to the table of usage until the block ends."""
    dsn = make_url(database.url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(dsn) as connection:
        connection.execute("LOCK TABLE usage_event IN SHARE MODE")
        yield


async def until_none_is_free(app: FastAPI) -> None:
    async with asyncio.timeout(10):
        while app.state.parts.usage_batches.free:
            await asyncio.sleep(0)


@pytest.fixture
async def small(database: Database, gateway: FakeGateway, admin_key: str) -> AsyncIterator[FastAPI]:
    """An API that stores two batches at once."""
    app = create_app(
        database=database,
        gateway=gateway,
        webhook_secrets=[WEBHOOK_SECRET],
        api_key_pepper=PEPPER,
        bootstrap_api_key=admin_key,
        usage_batches_max=2,
    )
    async with app.router.lifespan_context(app):
        yield app


async def test_a_batch_beyond_what_can_be_stored_at_once_is_turned_away_and_none_is_lost(
    small: FastAPI, database: Database, admin_key: str
) -> None:
    """Two batches hang in the database; the third is refused without being begun, and stored when it is sent again."""
    transport = httpx.ASGITransport(small)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=bearer(admin_key)) as client:
        with storing_stands_still(database):
            held = [asyncio.create_task(client.post(URL, json=batch(name))) for name in ("a", "b")]
            await until_none_is_free(small)
            refused = await client.post(URL, json=batch("c"))
            elsewhere = await client.get("/v1/customers")
        answers = await asyncio.gather(*held)
        again = await client.post(URL, json=batch("c"))

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["type"] == "urn:perennial:problem:overloaded"
    assert elsewhere.status_code == 200
    assert [answer.json()["accepted"] for answer in answers] == [10, 10]
    assert (again.status_code, again.json()["accepted"], again.json()["duplicate"]) == (200, 10, 0)
    assert rows(database, "SELECT count(*) FROM usage_event") == [(30,)]
    assert small.state.parts.usage_batches.free == 2


async def test_a_place_is_free_again_after_every_answer(small: FastAPI, admin_key: str) -> None:
    transport = httpx.ASGITransport(small)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=bearer(admin_key)) as client:
        for body in (b"[", b"{}", b"[7]", b"[]"):
            headers = {"Content-Type": "application/json"}
            for atomic in ("false", "true"):
                await client.post(URL, content=body, headers=headers, params={"atomic": atomic})
    assert small.state.parts.usage_batches.free == 2


def test_places_are_given_out_until_none_is_left() -> None:
    admission = Admission(1)
    with admission.place(), pytest.raises(Problem) as refused, admission.place():
        pass
    assert refused.value.status == 429
    assert admission.free == 1
