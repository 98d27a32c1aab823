import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from gateways.payment import GatewayError, GatewayRefused, GatewayUnavailable, PaymentMethodDeclined
from models.database import Database
from tests.api.given import FakeGateway, RecordingWakeups, rows, under


@pytest.fixture
async def customer_id(client: httpx.AsyncClient) -> AsyncIterator[str]:
    created = await client.post("/v1/customers", json={"key": "airline-UA", "name": "United Air Lines"})
    yield created.json()["id"]


@pytest.fixture
def url(customer_id: str) -> str:
    return f"/v1/customers/{customer_id}/payment-methods"


async def defaults(client: httpx.AsyncClient, url: str) -> dict[str, bool]:
    items = (await client.get(url)).json()["items"]
    return {item["id"]: item["is_default"] for item in items}


async def test_the_first_method_is_the_default_and_wakes_who_waits(
    client: httpx.AsyncClient, url: str, customer_id: str, wakeups: RecordingWakeups, gateway: FakeGateway
) -> None:
    response = await client.post(url, json={"token": "pm_card_visa", "make_default": False})

    assert response.status_code == 201
    attached = response.json()
    assert attached == {
        "id": attached["id"],
        "customer_id": customer_id,
        "brand": "visa",
        "last4": "4242",
        "exp_month": 4,
        "exp_year": 2030,
        "is_default": True,
        "created_at": "2026-03-01T12:00:00Z",
    }
    assert attached["id"].startswith("pme_")
    assert (await client.get(url)).json() == {"items": [attached], "next_cursor": None}
    assert wakeups.woken == [customer_id]
    assert [(customer, token) for customer, token, _ in gateway.attached] == [("cus_gateway_1", "pm_card_visa")]


async def test_the_gateway_knows_a_customer_from_its_first_method_on(
    client: httpx.AsyncClient, url: str, gateway: FakeGateway, database: Database
) -> None:
    assert gateway.customers == {}
    await client.post(url, json={"token": "pm_one"})
    await client.post(url, json={"token": "pm_two"})

    assert list(gateway.customers.values()) == ["cus_gateway_1"]
    assert rows(database, "SELECT gateway_customer_id FROM customer") == [("cus_gateway_1",)]


async def test_a_new_method_takes_over_as_default_unless_told_otherwise(client: httpx.AsyncClient, url: str) -> None:
    one = (await client.post(url, json={"token": "pm_one"})).json()["id"]
    two = (await client.post(url, json={"token": "pm_two"})).json()["id"]
    three = (await client.post(url, json={"token": "pm_three", "make_default": False})).json()["id"]

    assert await defaults(client, url) == {three: False, two: True, one: False}


async def test_a_method_can_be_made_default_again(
    client: httpx.AsyncClient, url: str, customer_id: str, wakeups: RecordingWakeups, database: Database
) -> None:
    one = (await client.post(url, json={"token": "pm_one"})).json()["id"]
    two = (await client.post(url, json={"token": "pm_two"})).json()["id"]

    response = await client.post(f"{url}/{one}/make-default")

    assert (response.status_code, response.json()["is_default"]) == (200, True)
    assert await defaults(client, url) == {one: True, two: False}
    assert wakeups.woken == [customer_id] * 3
    actions = rows(database, "SELECT action, object_id FROM audit_log ORDER BY sequence")
    assert actions[1:] == [
        ("payment_method.attached", one),
        ("payment_method.made_default", one),
        ("payment_method.attached", two),
        ("payment_method.made_default", two),
        ("payment_method.made_default", one),
    ]


async def test_two_at_once_leave_one_default(client: httpx.AsyncClient, url: str, database: Database) -> None:
    requests = [client.post(url, json={"token": f"pm_{number}"}) for number in range(8)]
    assert {response.status_code for response in await asyncio.gather(*requests)} == {201}
    assert rows(database, "SELECT count(*) FROM payment_method WHERE is_default") == [(1,)]
    assert rows(database, "SELECT count(*) FROM payment_method") == [(8,)]


async def test_the_same_token_again_is_the_same_method(client: httpx.AsyncClient, url: str, database: Database) -> None:
    first = await client.post(url, json={"token": "pm_one"}, headers=under("one"))
    again = await client.post(url, json={"token": "pm_one"}, headers=under("two"))

    assert again.json() == first.json()
    assert rows(database, "SELECT count(*) FROM payment_method") == [(1,)]


async def test_a_method_of_another_customer_is_not_found_and_not_taken(client: httpx.AsyncClient, url: str) -> None:
    mine = (await client.post(url, json={"token": "pm_one"})).json()["id"]
    other = (await client.post("/v1/customers", json={"key": "k", "name": "Other"})).json()["id"]
    other_url = f"/v1/customers/{other}/payment-methods"

    taken = await client.post(other_url, json={"token": "pm_one"})
    made_default = await client.post(f"{other_url}/{mine}/make-default")

    assert (taken.status_code, taken.json()["type"]) == (409, "urn:perennial:problem:payment-method-taken")
    assert made_default.status_code == 404
    assert (await client.get(other_url)).json()["items"] == []
    assert await defaults(client, url) == {mine: True}


async def test_a_customer_that_is_not_there_is_404_and_unknown_to_the_gateway(
    client: httpx.AsyncClient, gateway: FakeGateway
) -> None:
    url = "/v1/customers/cus_none/payment-methods"
    responses = [
        await client.post(url, json={"token": "pm_one"}),
        await client.get(url),
        await client.post(f"{url}/pme_none/make-default"),
    ]
    assert [response.status_code for response in responses] == [404, 404, 404]
    assert gateway.customers == {}


async def test_only_a_token_of_the_gateway_is_taken(client: httpx.AsyncClient, url: str, gateway: FakeGateway) -> None:
    for token in ("tok_visa", "pm_", "pm_a b", "4242424242424242", "pm_4242424242424242", "", None, 7):
        response = await client.post(url, json={"token": token})
        assert response.status_code == 422, token
        assert response.json()["errors"][0]["pointer"] == "/token"
    assert gateway.attached == []


async def test_what_the_gateway_says_becomes_a_problem(
    client: httpx.AsyncClient, url: str, gateway: FakeGateway, wakeups: RecordingWakeups
) -> None:
    refusals: list[tuple[GatewayError, int, str]] = [
        (PaymentMethodDeclined("Your card was declined.", code="generic_decline"), 422, "payment-method-declined"),
        (GatewayRefused("No such PaymentMethod", code="resource_missing"), 422, "payment-method-refused"),
        (GatewayUnavailable("connection refused"), 503, "unavailable"),
    ]
    for refusal, status, code in refusals:
        gateway.refuses = refusal
        response = await client.post(url, json={"token": "pm_one"})
        assert (response.status_code, response.json()["type"]) == (status, f"urn:perennial:problem:{code}")
    assert (await client.get(url)).json()["items"] == []
    assert wakeups.woken == []


async def test_methods_come_in_pages(client: httpx.AsyncClient, url: str) -> None:
    ids = [(await client.post(url, json={"token": f"pm_{number}"})).json()["id"] for number in range(3)]

    first = (await client.get(url, params={"limit": 2})).json()
    second = (await client.get(url, params={"limit": 2, "cursor": first["next_cursor"]})).json()

    assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None
