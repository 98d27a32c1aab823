from typing import Any

import httpx

from models.database import Database
from tests.api.given import Clock, rows, under

UNITED = {"key": "airline-UA", "name": "United Air Lines", "email": "billing@example.com", "metadata": {"tier": "1"}}


async def create(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    response = await client.post("/v1/customers", json=UNITED | changes)
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created


async def test_a_created_customer_can_be_read_at_its_location(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/customers", json=UNITED)

    assert response.status_code == 201
    created = response.json()
    assert created == UNITED | {
        "id": created["id"],
        "created_at": "2026-03-01T12:00:00Z",
        "updated_at": "2026-03-01T12:00:00Z",
    }
    assert created["id"].startswith("cus_")
    read = await client.get(response.headers["location"])
    assert (read.status_code, read.json()) == (200, created)


async def test_a_key_belongs_to_one_customer(client: httpx.AsyncClient, database: Database) -> None:
    await create(client)

    response = await client.post("/v1/customers", json=UNITED | {"name": "Impostor"})

    assert response.status_code == 409
    assert response.json()["type"] == "urn:perennial:problem:customer-key-taken"
    assert response.json()["errors"][0]["pointer"] == "/key"
    assert rows(database, "SELECT name FROM customer") == [("United Air Lines",)]


async def test_a_customer_that_is_not_there_is_404(client: httpx.AsyncClient) -> None:
    for response in (
        await client.get("/v1/customers/cus_none"),
        await client.patch("/v1/customers/cus_none", json={"name": "Anybody"}),
    ):
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["detail"] == "There is no customer 'cus_none'. Check the id."


async def test_what_a_change_leaves_out_stays_as_it_is(client: httpx.AsyncClient, clock: Clock) -> None:
    created = await create(client)
    clock.advance(1)

    response = await client.patch(f"/v1/customers/{created['id']}", json={"name": "United Airlines"})

    assert response.status_code == 200
    assert response.json() == created | {"name": "United Airlines", "updated_at": "2026-03-01T12:00:01Z"}


async def test_null_removes_the_email_and_is_refused_where_a_value_is_needed(client: httpx.AsyncClient) -> None:
    created = await create(client)
    address = f"/v1/customers/{created['id']}"

    removed = await client.patch(address, json={"email": None})
    assert (removed.status_code, removed.json()["email"]) == (200, None)

    for name in ("name", "metadata"):
        refused = await client.patch(address, json={name: None})
        assert refused.status_code == 422
        assert refused.json()["errors"] == [
            {"detail": "This cannot be null; leave it out or give a value.", "pointer": f"/{name}"}
        ]


async def test_what_the_server_sets_cannot_be_changed(client: httpx.AsyncClient) -> None:
    created = await create(client)

    for name in ("id", "key", "created_at", "updated_at", "gateway_customer_id"):
        response = await client.patch(f"/v1/customers/{created['id']}", json={name: "x"})
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == f"/{name}"


async def test_pages_are_newest_first_and_stable_while_customers_are_added(client: httpx.AsyncClient) -> None:
    for number in range(5):
        await create(client, key=f"k{number}")

    first = (await client.get("/v1/customers", params={"limit": 2})).json()
    await create(client, key="k5")
    second = (await client.get("/v1/customers", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    third = (await client.get("/v1/customers", params={"limit": 2, "cursor": second["next_cursor"]})).json()

    keys = [[item["key"] for item in page["items"]] for page in (first, second, third)]
    assert keys == [["k4", "k3"], ["k2", "k1"], ["k0"]]
    assert third["next_cursor"] is None


async def test_a_full_last_page_has_no_next_cursor(client: httpx.AsyncClient) -> None:
    await create(client, key="k0")
    await create(client, key="k1")

    page = (await client.get("/v1/customers", params={"limit": 2})).json()

    assert (len(page["items"]), page["next_cursor"]) == (2, None)


async def test_a_customer_is_found_by_its_key(client: httpx.AsyncClient) -> None:
    created = await create(client)
    await create(client, key="airline-DL")

    page = (await client.get("/v1/customers", params={"key": "airline-UA"})).json()

    assert page == {"items": [created], "next_cursor": None}


async def test_a_wrong_cursor_or_limit_is_named(client: httpx.AsyncClient) -> None:
    for parameters in ("cursor=nonsense", "cursor=c-1", "cursor=%C3%A9", "limit=101", "limit=0", "limit=x"):
        response = await client.get(f"/v1/customers?{parameters}")
        assert response.status_code == 422, parameters
        assert response.json()["errors"][0]["parameter"] == parameters.split("=")[0]


async def test_every_change_leaves_one_row_in_the_audit_log(client: httpx.AsyncClient, database: Database) -> None:
    created = await create(client)
    await client.patch(f"/v1/customers/{created['id']}", json={"email": None}, headers={"X-Request-Id": "mine-1"})
    await client.post("/v1/customers", json=UNITED)

    log = rows(database, "SELECT route, action, object_id FROM audit_log ORDER BY sequence")
    assert log == [
        ("POST /v1/customers", "customer.created", created["id"]),
        ("PATCH /v1/customers/{customer_id}", "customer.changed", created["id"]),
    ]
    assert rows(database, "SELECT request_id FROM audit_log WHERE action = 'customer.changed'") == [("mine-1",)]


async def test_a_repeat_after_its_record_is_gone_finds_what_it_created(
    client: httpx.AsyncClient, database: Database
) -> None:
    first = await client.post("/v1/customers", json=UNITED, headers=under("one"))
    with database.transaction() as session:
        session.connection().exec_driver_sql("DELETE FROM idempotency_record")

    again = await client.post("/v1/customers", json=UNITED, headers=under("one"))

    assert (again.status_code, again.json()) == (201, first.json())
    assert rows(database, "SELECT count(*) FROM customer") == [(1,)]
    assert rows(database, "SELECT count(*) FROM audit_log") == [(1,)]
