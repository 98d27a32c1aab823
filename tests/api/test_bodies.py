"""What every body is held to, over the route that creates a customer."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal

import httpx
from hypothesis import given
from hypothesis import strategies as st

from api.bodies import DEPTH_MAX, parse_json
from api.problems import Problem
from models.database import Database
from tests.api.given import rows, under

JSON = {"Content-Type": "application/json"}
UNITED: dict[str, object] = {"key": "airline-UA", "name": "United Air Lines"}


async def refused(client: httpx.AsyncClient, raw: bytes, media_type: str = "application/json") -> httpx.Response:
    response = await client.post("/v1/customers", content=raw, headers={"Content-Type": media_type})
    assert response.headers["content-type"] == "application/problem+json"
    return response


async def test_a_body_of_exactly_one_mebibyte_is_read(client: httpx.AsyncClient) -> None:
    raw = json.dumps(UNITED).encode()
    response = await client.post("/v1/customers", content=raw + b" " * (1024 * 1024 - len(raw)), headers=JSON)
    assert response.status_code == 201


async def test_a_body_that_declares_more_than_one_mebibyte_is_413(client: httpx.AsyncClient) -> None:
    response = await refused(client, b" " * (1024 * 1024 + 1))
    assert (response.status_code, response.json()["type"]) == (413, "urn:perennial:problem:body-too-large")


async def test_bytes_are_counted_as_they_are_read_and_reading_stops(client: httpx.AsyncClient) -> None:
    """Without a declared length, the body ends as soon as the limit is passed, not when the sender is done."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b" " * 65_536

    response = await client.post("/v1/customers", content=endless(), headers=JSON)

    assert response.status_code == 413
    assert sent == 17 * 65_536


NOT_JSON = [
    b"{",
    b"not json",
    b'{"key": NaN}',
    b'{"key": Infinity}',
    b'{"key": 1e}',
    b'{"key": "\xff"}',
    b"1" * 5000,
    b"1e99999999999999999999",
    b"\xef\xbb\xbf{}",
    '{"key": "x"}'.encode("utf-16"),
]


async def test_what_is_not_json_in_utf_8_is_400(client: httpx.AsyncClient) -> None:
    for raw in NOT_JSON:
        response = await refused(client, raw)
        assert response.status_code == 400, raw[:20]
        assert response.json()["type"] == "urn:perennial:problem:malformed-request", raw[:20]


async def test_a_deep_body_is_422(client: httpx.AsyncClient) -> None:
    for raw in (b"[" * 100_000, b'{"a":' * 100_000, b"[" * 33 + b"]" * 33):
        response = await refused(client, raw)
        assert response.status_code == 422
        assert response.json()["detail"] == "The body is nested deeper than 32 levels. Flatten it."


def test_a_body_of_32_levels_is_read() -> None:
    assert DEPTH_MAX == 32
    assert json.dumps(parse_json(b"[" * 32 + b"]" * 32)) == "[" * 32 + "]" * 32


async def test_only_json_is_taken(client: httpx.AsyncClient) -> None:
    for media_type in ("multipart/form-data; boundary=x", "application/x-www-form-urlencoded", ""):
        assert (await refused(client, b"--x", media_type)).status_code == 415, media_type


async def test_a_body_that_is_no_object_is_422(client: httpx.AsyncClient) -> None:
    for raw in (b"", b"null", b"[]", b'"text"', b"1"):
        assert (await refused(client, raw)).status_code == 422, raw


async def test_every_mistake_is_named_by_its_pointer(client: httpx.AsyncClient) -> None:
    body = {"key": "has space", "email": "nobody", "metadata": {"a/b": "x", "ok": 1}, "extra": True}
    response = await client.post("/v1/customers", json=body)

    assert response.status_code == 422
    found = {fault["pointer"]: fault["detail"] for fault in response.json()["errors"]}
    assert found == {
        "/key": "String should match pattern '^[!-~]+$'.",
        "/name": "This is required; add it.",
        "/email": "String should match pattern '^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$'.",
        "/metadata/a~1b": "String should match pattern '^[A-Za-z0-9_.-]+$'.",
        "/metadata/ok": "Input should be a valid string.",
        "/extra": "There is no such field; remove it or correct its name.",
    }


async def test_null_is_no_value(client: httpx.AsyncClient) -> None:
    for name in ("key", "name", "metadata"):
        response = await client.post("/v1/customers", json=UNITED | {name: None})
        assert response.status_code == 422
        assert response.json()["errors"] == [
            {"detail": "This cannot be null; leave it out or give a value.", "pointer": f"/{name}"}
        ]


async def test_a_card_number_is_refused_wherever_it_is_and_never_repeated(
    client: httpx.AsyncClient, database: Database
) -> None:
    bodies: dict[str, dict[str, object]] = {
        "/key": UNITED | {"key": "4242424242424242"},
        "/name": UNITED | {"name": "card 4242 4242 4242 4242"},
        "/email": UNITED | {"email": "4242424242424242@example.com"},
        "/metadata/note": UNITED | {"metadata": {"note": "5555-5555-5555-4444"}},
        "/metadata": UNITED | {"metadata": {"378282246310005": "x"}},
        "/unknown/0": UNITED | {"unknown": [4242424242424242]},
    }
    for pointer, body in bodies.items():
        response = await client.post("/v1/customers", json=body, headers=under(pointer))
        assert response.status_code == 422
        assert response.json()["type"] == "urn:perennial:problem:card-number-refused"
        assert response.json()["errors"][0]["pointer"] == pointer
        assert not any(digits in response.text for digits in ("424242", "5555-5555", "378282"))
    assert rows(database, "SELECT count(*) FROM customer") == [(0,)]
    assert rows(database, "SELECT count(*) FROM idempotency_record") == [(0,)]


async def test_a_card_number_in_an_address_is_refused(client: httpx.AsyncClient) -> None:
    for path in ("/v1/customers?key=4242424242424242", "/v1/customers/4242424242424242"):
        assert (await client.get(path)).status_code == 422


async def test_text_that_cannot_be_stored_is_422(client: httpx.AsyncClient) -> None:
    for value in ("\0", "a\0b", "\ud800"):
        response = await refused(client, json.dumps(UNITED | {"metadata": {"note": value}}).encode())
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/metadata/note")


async def test_an_address_with_such_text_is_422(client: httpx.AsyncClient) -> None:
    for path in ("/v1/customers/a%00b", "/v1/customers?key=a%00b", "/v1/customers?key=" + "k" * 501):
        assert (await client.get(path)).status_code == 422, path


async def test_hostile_and_foreign_text_is_only_text(client: httpx.AsyncClient) -> None:
    for value in ("'; DROP TABLE customer; --", "%' OR '1'='1", "<script>alert(1)</script>", "Zürich 東京 ✈"):
        response = await client.post("/v1/customers", json={"key": f"k{len(value)}", "name": value})
        assert response.status_code == 201
        assert (await client.get(response.headers["location"])).json()["name"] == value


async def test_an_unknown_path_or_method_is_a_problem_too(client: httpx.AsyncClient) -> None:
    unknown = await client.get("/v1/nothing")
    method = await client.delete("/v1/customers")

    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:perennial:problem:not-found")
    assert (method.status_code, method.json()["type"]) == (405, "urn:perennial:problem:method-not-allowed")
    assert set(method.headers["allow"].split(", ")) <= {"GET", "POST"}


def test_decimals_keep_every_digit() -> None:
    assert parse_json(b'{"price": 0.1000000000000000055}') == {"price": Decimal("0.1000000000000000055")}


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:0123456789eE.-ntf\\u ', max_size=60).map(str.encode))
def test_no_bytes_break_the_parser(raw: bytes) -> None:
    try:
        parse_json(raw)
    except Problem as problem:
        assert problem.status in (400, 422)
