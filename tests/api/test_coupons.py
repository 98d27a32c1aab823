"""Coupons through the API: made, redeemed as contracts are signed, never more often than they allow."""

import asyncio
from typing import Any

import httpx
import pytest

from models.database import Database
from tests.api.given import Clock, as_owner, rows, under
from tests.api.live import add_customer, created, got, new_clock, terms
from tests.api.offers import done, new_plan, plan_terms, published

SPRING = {"code": "SPRING", "percent": "20", "periods": 3}


@pytest.fixture(autouse=True)
def customers(database: Database) -> None:
    add_customer(database)
    add_customer(database, "ua")


async def sign(client: httpx.AsyncClient, *codes: str, customer: str = "b6", **body: Any) -> httpx.Response:
    asked = {"customer": customer, "terms": terms(), "coupons": codes, **body}
    return await client.post("/v1/contracts", json=asked)


async def refused(client: httpx.AsyncClient, *codes: str, **body: Any) -> tuple[int, str, str]:
    answer = await sign(client, *codes, **body)
    fault = answer.json()["errors"][0]
    return answer.status_code, fault["detail"], fault["pointer"]


def used(database: Database) -> list[tuple[Any, ...]]:
    """Each coupon with how often it says it was redeemed, and how often it was."""
    count = "(SELECT count(*) FROM coupon_redemption r WHERE r.code = c.code)"
    return rows(database, f"SELECT code, redeemed, {count} FROM coupon c ORDER BY code")


async def test_a_coupon_is_read_where_it_was_made_whatever_the_case(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/coupons", json=SPRING | {"code": "spring"})
    assert (answer.status_code, answer.headers["Location"]) == (201, "/v1/coupons/SPRING")
    assert answer.json() == SPRING | {
        **{"amount": None, "currency": None, "lines": [], "valid_from": None, "valid_until": None},
        **{"max_redemptions": None, "once_per_customer": False},
        **{"redeemed": 0, "active": True, "created_at": "2026-03-01T12:00:00Z"},
    }
    assert await got(client, "/v1/coupons/Spring") == answer.json()
    assert (await client.get("/v1/coupons/none")).status_code == 404
    assert (await client.post("/v1/coupons/none/deactivate")).status_code == 404


async def test_a_code_means_one_coupon(client: httpx.AsyncClient, database: Database) -> None:
    await created(client, "/v1/coupons", SPRING)
    await created(client, "/v1/coupons", SPRING)
    answer = await client.post("/v1/coupons", json=SPRING | {"percent": "50"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:perennial:problem:coupon-exists")
    assert rows(database, "SELECT percent::text FROM coupon") == [("20",)]
    assert rows(database, "SELECT action FROM audit_log WHERE object_id = 'SPRING'") == [("coupon.created",)]


async def test_coupons_are_listed_newest_first_by_page(client: httpx.AsyncClient) -> None:
    for code in ("A", "B", "C"):
        await created(client, "/v1/coupons", {"code": code, "percent": "5"})
    page = await got(client, "/v1/coupons", limit="2")
    assert [item["code"] for item in page["items"]] == ["C", "B"]
    page = await got(client, "/v1/coupons", limit="2", cursor=page["next_cursor"])
    assert ([item["code"] for item in page["items"]], page["next_cursor"]) == (["A"], None)


async def test_a_coupon_becomes_a_discount_of_the_contract_and_is_counted(
    client: httpx.AsyncClient, database: Database
) -> None:
    await created(client, "/v1/coupons", SPRING)
    agreed = {"id": "partner", "percent": "10"}
    answer = await sign(client, "spring", terms=terms(discounts=[agreed]))
    assert answer.status_code == 201, answer.text
    assert answer.json()["terms"]["discounts"] == [
        {"id": "partner", "percent": "10", "amount": None, "lines": [], "periods": None},
        {"id": "SPRING", "percent": "20", "amount": None, "lines": [], "periods": 3},
    ]
    found = rows(database, "SELECT code, contract_id, customer_id FROM coupon_redemption")
    assert found == [("SPRING", answer.json()["id"], "cus_b6")]
    assert used(database) == [("SPRING", 1, 1)]
    assert (await got(client, "/v1/coupons/SPRING"))["redeemed"] == 1


async def test_a_contract_on_a_plan_takes_coupons_too(client: httpx.AsyncClient) -> None:
    await new_plan(client)
    await published(client, "pro", plan_terms())
    await created(client, "/v1/coupons", {"code": "SEATS", "amount": "5.00", "currency": "USD", "lines": ["seats"]})
    body = {"customer": "b6", "plan": {"id": "pro"}, "terms": {"start": "2026-04-01"}, "coupons": ["SEATS"]}
    [found] = (await created(client, "/v1/contracts", body))["terms"]["discounts"]
    assert (found["id"], found["amount"], found["lines"]) == ("SEATS", "5.00", ["seats"])


async def test_a_contract_signed_twice_under_one_key_redeems_once(
    client: httpx.AsyncClient, database: Database
) -> None:
    """The last redemption is its own, also where the answer was lost and the request is carried out again."""
    await created(client, "/v1/coupons", SPRING | {"max_redemptions": 1, "once_per_customer": True})
    body = {"customer": "b6", "terms": terms(), "coupons": ["SPRING"]}
    for _ in range(2):
        assert (await client.post("/v1/contracts", json=body, headers=under("key-1"))).status_code == 201
        as_owner(database, "DELETE FROM idempotency_record")
    assert used(database) == [("SPRING", 1, 1)]


async def test_many_at_the_last_redemptions_get_no_more_than_there_are(
    client: httpx.AsyncClient, database: Database
) -> None:
    await created(client, "/v1/coupons", SPRING | {"max_redemptions": 3})
    await created(client, "/v1/coupons", {"code": "AUTUMN", "percent": "5"})
    orders = [("SPRING", "AUTUMN"), ("AUTUMN", "SPRING")] * 4
    answers = await asyncio.gather(*(sign(client, *codes) for codes in orders))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    assert used(database) == [("AUTUMN", 3, 3), ("SPRING", 3, 3)]
    assert rows(database, "SELECT count(*) FROM contract") == [(3,)]


async def test_a_customer_at_two_tills_uses_a_coupon_once(client: httpx.AsyncClient, database: Database) -> None:
    await created(client, "/v1/coupons", SPRING | {"once_per_customer": True})
    answers = await asyncio.gather(*(sign(client, "SPRING") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert (await sign(client, "SPRING", customer="ua")).status_code == 201
    assert used(database) == [("SPRING", 2, 2)]


async def test_a_contract_that_is_refused_redeems_nothing(client: httpx.AsyncClient, database: Database) -> None:
    await created(client, "/v1/coupons", SPRING)
    await created(client, "/v1/coupons", {"code": "EURO", "amount": "5.00", "currency": "EUR"})
    assert await refused(client, "SPRING", "EURO") == (
        422,
        "coupon EURO is EUR, the contract is in USD",
        "/coupons/1",
    )
    assert used(database) == [("EURO", 0, 0), ("SPRING", 0, 0)]


async def test_a_deactivated_coupon_is_refused_and_discounts_stay(
    client: httpx.AsyncClient, database: Database
) -> None:
    await created(client, "/v1/coupons", SPRING)
    signed = (await sign(client, "SPRING")).json()
    for _ in range(2):
        assert (await done(client, "/v1/coupons/spring/deactivate"))["active"] is False
    assert await refused(client, "SPRING") == (409, "coupon SPRING was withdrawn", "/coupons/0")
    assert (await got(client, f"/v1/contracts/{signed['id']}"))["terms"]["discounts"][0]["id"] == "SPRING"
    actions = rows(database, "SELECT action FROM audit_log WHERE object_id = 'SPRING' ORDER BY sequence")
    assert actions == [("coupon.created",), ("coupon.deactivated",)]


async def test_a_coupon_is_good_by_the_clock_that_the_contract_lives_on(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    """It is March 2026; on the test clock it is January 2013."""
    await created(client, "/v1/coupons", SPRING | {"valid_until": "2014-01-01T00:00:00Z"})
    status, detail, pointer = await refused(client, "SPRING")
    assert (status, pointer) == (409, "/coupons/0")
    assert detail.startswith("coupon SPRING was valid until 2014-01-01")
    assert (await sign(client, "SPRING", clock=await new_clock(client))).status_code == 201


@pytest.mark.parametrize(
    ("codes", "detail", "pointer"),
    [
        (["NONE"], "There is no coupon 'NONE'. Check the code.", "/coupons/0"),
        (["SPRING", "spring"], "a coupon stands here twice; it can be used once.", "/coupons"),
        (["ROOMS"], "coupon ROOMS is for rooms; the contract has none of these lines", "/coupons/0"),
    ],
)
async def test_what_is_wrong_with_a_code_is_named_by_its_place(
    client: httpx.AsyncClient, codes: list[str], detail: str, pointer: str
) -> None:
    await created(client, "/v1/coupons", SPRING)
    await created(client, "/v1/coupons", {"code": "ROOMS", "percent": "5", "lines": ["rooms"]})
    assert await refused(client, *codes) == (422, detail, pointer)


async def test_what_is_wrong_with_a_coupon_is_named_by_its_place(client: httpx.AsyncClient) -> None:
    for changes, pointer in (
        ({"percent": "101"}, "/percent"),
        ({"code": "TEN %"}, "/code"),
        ({"amount": "5.00"}, ""),
        ({"valid_until": "2026-01-01"}, "/valid_until"),
    ):
        answer = await client.post("/v1/coupons", json=SPRING | changes)
        assert answer.status_code == 422
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
