import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from fastapi import FastAPI

from api.app import ROUTERS, create_app
from api.calls import CurrentCall
from api.idempotency import forget_old_answers
from api.routing import api_router, needs
from gateways.payment import GatewayUnknown, PaymentMethodDetails
from models.database import Database
from tests.api.given import (
    PEPPER,
    WEBHOOK_SECRET,
    Clock,
    FakeGateway,
    RecordingWakeups,
    bearer,
    rows,
    under,
)

UNITED = {"key": "airline-UA", "name": "United Air Lines"}
CARD = {"token": "pm_card_visa"}


class HeldGateway(FakeGateway):
    """Holds every attachment until it is let go."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.entered = threading.Semaphore(0)
        self.let_go = threading.Event()

    def attach_payment_method(self, customer: str, token: str, *, idempotency_key: str) -> PaymentMethodDetails:
        self.entered.release()
        assert self.let_go.wait(30)
        return super().attach_payment_method(customer, token, idempotency_key=idempotency_key)

    async def is_entered(self) -> None:
        assert await asyncio.to_thread(self.entered.acquire, timeout=30)


@pytest.fixture
def gateway(clock: Clock) -> HeldGateway:
    return HeldGateway(clock)


@pytest.fixture
async def methods_url(client: httpx.AsyncClient) -> AsyncIterator[str]:
    created = await client.post("/v1/customers", json=UNITED)
    yield f"{created.headers['location']}/payment-methods"


async def test_a_repeat_gets_the_first_answer_word_for_word(client: httpx.AsyncClient, database: Database) -> None:
    first = await client.post("/v1/customers", json=UNITED, headers=under("one"))
    again = await client.post("/v1/customers", json=UNITED, headers=under("one"))

    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["content-type"] == first.headers["content-type"]
    assert rows(database, "SELECT count(*) FROM customer") == [(1,)]


async def test_twenty_at_once_have_one_effect(client: httpx.AsyncClient, database: Database) -> None:
    requests = [client.post("/v1/customers", json=UNITED, headers=under("one")) for _ in range(20)]
    responses = await asyncio.gather(*requests)

    assert {response.status_code for response in responses} <= {201, 409}
    created = {response.content for response in responses if response.status_code == 201}
    assert len(created) == 1
    for response in responses:
        if response.status_code == 409:
            assert response.json()["type"] == "urn:perennial:problem:request-in-flight"
    assert rows(database, "SELECT count(*) FROM customer") == [(1,)]
    assert rows(database, "SELECT count(*) FROM audit_log") == [(1,)]
    assert {(await client.post("/v1/customers", json=UNITED, headers=under("one"))).content} == created


async def test_the_same_key_with_another_body_path_or_query_is_422(
    client: httpx.AsyncClient, database: Database, methods_url: str
) -> None:
    await client.post("/v1/customers", json=UNITED | {"key": "other"}, headers=under("one"))

    for path, body in (
        ("/v1/customers", UNITED | {"key": "another"}),
        ("/v1/customers?x=1", UNITED | {"key": "other"}),
        (methods_url, CARD),
    ):
        response = await client.post(path, json=body, headers=under("one"))
        assert response.status_code == 422
        assert response.json()["type"] == "urn:perennial:problem:idempotency-key-reused"
    assert rows(database, "SELECT key FROM customer ORDER BY sequence") == [("airline-UA",), ("other",)]


async def test_two_callers_may_use_the_same_key(
    client: httpx.AsyncClient, key_with: Callable[..., str], database: Database
) -> None:
    mine = await client.post("/v1/customers", json=UNITED, headers=under("one"))
    theirs = await client.post(
        "/v1/customers", json=UNITED | {"key": "theirs"}, headers=under("one") | bearer(key_with("customers:write"))
    )

    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json()["id"] != theirs.json()["id"]


async def test_without_a_key_every_request_counts(client: httpx.AsyncClient, database: Database) -> None:
    first = await client.post("/v1/customers", json=UNITED)
    second = await client.post("/v1/customers", json=UNITED)

    assert (first.status_code, second.status_code) == (201, 409)
    assert rows(database, "SELECT count(*) FROM idempotency_record") == [(0,)]


async def test_a_refusal_is_an_answer_too(client: httpx.AsyncClient) -> None:
    refused = await client.post("/v1/customers/cus_none/payment-methods", json=CARD, headers=under("one"))
    again = await client.post("/v1/customers/cus_none/payment-methods", json=CARD, headers=under("one"))

    assert (refused.status_code, again.status_code) == (404, 404)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == refused.content


async def test_an_outage_is_no_answer(
    client: httpx.AsyncClient, methods_url: str, gateway: HeldGateway, wakeups: RecordingWakeups, database: Database
) -> None:
    """The card is attached, but nobody could be woken: the repeat wakes without a second effect."""
    gateway.let_go.set()
    wakeups.unreachable = True
    failed = await client.post(methods_url, json=CARD, headers=under("one"))
    wakeups.unreachable = False
    again = await client.post(methods_url, json=CARD, headers=under("one"))

    assert (failed.status_code, failed.headers["retry-after"]) == (503, "2")
    assert again.status_code == 201
    assert "idempotency-replayed" not in again.headers
    assert len(wakeups.woken) == 1
    assert rows(database, "SELECT count(*) FROM payment_method") == [(1,)]
    assert len({key for _, _, key in gateway.attached}) == 1


async def test_an_unknown_outcome_at_the_gateway_is_tried_again_with_the_same_gateway_key(
    client: httpx.AsyncClient, methods_url: str, gateway: HeldGateway
) -> None:
    gateway.let_go.set()
    gateway.refuses = GatewayUnknown("timeout")

    failed = await client.post(methods_url, json=CARD, headers=under("one"))
    again = await client.post(methods_url, json=CARD, headers=under("one"))

    assert (failed.status_code, again.status_code) == (503, 201)


async def test_a_request_in_flight_is_409_until_it_is_answered(
    client: httpx.AsyncClient, methods_url: str, gateway: HeldGateway
) -> None:
    first = asyncio.create_task(client.post(methods_url, json=CARD, headers=under("one")))
    await gateway.is_entered()

    meanwhile = await client.post(methods_url, json=CARD, headers=under("one"))
    gateway.let_go.set()
    answered = await first
    again = await client.post(methods_url, json=CARD, headers=under("one"))

    assert (meanwhile.status_code, meanwhile.headers["retry-after"]) == (409, "5")
    assert meanwhile.json()["type"] == "urn:perennial:problem:request-in-flight"
    assert (answered.status_code, again.content) == (201, answered.content)
    assert len(gateway.attached) == 1


async def test_a_request_whose_process_died_is_taken_over_after_a_minute_with_one_effect(
    client: httpx.AsyncClient, methods_url: str, gateway: HeldGateway, clock: Clock, database: Database
) -> None:
    """The request is cut off after its effect at the gateway and before its answer is saved."""
    cut_off = asyncio.create_task(client.post(methods_url, json=CARD, headers=under("one")))
    await gateway.is_entered()
    cut_off.cancel()
    gateway.let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await cut_off
    while rows(database, "SELECT count(*) FROM payment_method") != [(1,)]:
        await asyncio.sleep(0.01)

    clock.advance(59)
    too_early = await client.post(methods_url, json=CARD, headers=under("one"))
    clock.advance(1)
    taken_over = await client.post(methods_url, json=CARD, headers=under("one"))

    assert (too_early.status_code, too_early.headers["retry-after"]) == (409, "1")
    assert taken_over.status_code == 201
    assert rows(database, "SELECT count(*) FROM payment_method") == [(1,)]
    assert len({key for _, _, key in gateway.attached}) == 1
    again = await client.post(methods_url, json=CARD, headers=under("one"))
    assert again.content == taken_over.content


async def test_a_key_that_is_no_key_is_400(client: httpx.AsyncClient) -> None:
    for key in (b"", b"k" * 256, b"caf\xe9", b"a\tb"):
        response = await client.post("/v1/customers", json=UNITED, headers=[(b"Idempotency-Key", key)])
        assert response.status_code == 400, key
        assert response.json()["type"] == "urn:perennial:problem:invalid-idempotency-key"


async def test_a_route_may_insist_on_a_key(database: Database, clock: Clock, admin_key: str) -> None:
    router = api_router("/v1/things", "Things")

    @router.post("", dependencies=[needs("contracts:write", idempotency="required")])
    def create_thing(call: CurrentCall) -> dict[str, str]:
        return {"id": call.new_id("thing")}

    app = create_app(
        database=database,
        gateway=FakeGateway(clock),
        webhook_secrets=[WEBHOOK_SECRET],
        api_key_pepper=PEPPER,
        bootstrap_api_key=admin_key,
        routers=[*ROUTERS, router],
        clock=clock,
    )
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=bearer(admin_key)) as client:
            without = await client.post("/v1/things")
            first = await client.post("/v1/things", headers=under("one"))
            second = await client.post("/v1/things", headers=under("two"))

    assert (without.status_code, without.json()["type"]) == (400, "urn:perennial:problem:idempotency-key-required")
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["id"] != second.json()["id"]


async def test_a_mistake_of_ours_is_500_without_a_trace_and_can_be_repeated(
    database: Database, clock: Clock, admin_key: str, app: FastAPI
) -> None:
    router = api_router("/v1/things", "Things")
    asked: list[str] = []

    @router.post("", dependencies=[needs("contracts:write")])
    def create_thing(call: CurrentCall) -> dict[str, str]:
        asked.append(call.new_id("thing"))
        if len(asked) == 1:
            with call.parts.database.transaction() as session:
                session.connection().exec_driver_sql("SELECT secret_column FROM secret_table")
        return {}

    app.include_router(router)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://x", headers=bearer(admin_key)
    ) as client:
        failed = await client.post("/v1/things", headers=under("one"))
        again = await client.post("/v1/things", headers=under("one"))

    assert failed.status_code == 500
    assert failed.headers["content-type"] == "application/problem+json"
    for word in ("secret", "SELECT", "Traceback", "psycopg"):
        assert word not in failed.text
    assert again.status_code == 200
    assert asked[0] == asked[1]


async def test_an_answer_is_kept_for_31_days(
    app: FastAPI, client: httpx.AsyncClient, clock: Clock, database: Database
) -> None:
    await client.post("/v1/customers", json=UNITED, headers=under("old"))
    clock.advance(1)
    await client.post("/v1/customers", json=UNITED | {"key": "k"}, headers=under("young"))
    clock.advance(31 * 24 * 3600)

    stopping = asyncio.Event()
    pruning = asyncio.create_task(forget_old_answers(app.state.parts, stopping))
    while rows(database, "SELECT key FROM idempotency_record") != [("young",)]:
        assert not pruning.done()
        await asyncio.sleep(0.01)
    stopping.set()
    await pruning
