"""Quotes as their customers see them, by the link alone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from temporalio.client import Client

from domain.quote import contract_id_of
from models.database import Database
from tests.activities.gateway import FakeGateway
from tests.api.given import Clock, rows
from tests.api.live import add_customer, advance, got, new_clock, serving, terms
from tests.api.quoting import SIGNER, sent, step
from tests.live import until, working

ACCEPTANCE = {"version": 1, **SIGNER}


@pytest.fixture
async def live(database: Database, temporal: Client, clock: Clock, admin_key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API with its workers."""
    add_customer(database)
    async with serving(database, temporal, clock, admin_key) as made, working(temporal, database, FakeGateway()):
        yield made


@pytest.fixture
def customer(live: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of the same API without a key."""
    return httpx.AsyncClient(transport=live._transport, base_url=live.base_url)


async def test_whoever_has_the_link_sees_what_is_offered_and_what_it_comes_to(
    live: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    quote = await sent(live)
    shown = await got(customer, quote["link"])
    assert (shown["status"], shown["version"], shown["customer"]) == ("sent", 1, "B6")
    assert (shown["terms"], shown["terms_hash"]) == (quote["terms"], quote["terms_hash"])
    assert (shown["accepted_at"], shown["accepted_by"]) == (None, None)
    assert shown["preview"] == await got(live, f"/v1/quotes/{quote['id']}/preview")
    assert "drafted_by" not in shown
    assert "history" not in shown


async def test_an_accepted_quote_is_a_contract_that_runs(
    live: httpx.AsyncClient, customer: httpx.AsyncClient, database: Database
) -> None:
    quote = await sent(live)
    answer = await customer.post(f"{quote['link']}/accept", json=ACCEPTANCE)
    assert answer.status_code == 200, answer.text
    contract_id = contract_id_of(quote["id"])
    accepted = answer.json()
    assert (accepted["status"], accepted["version"], accepted["contract_id"]) == ("accepted", 1, contract_id)

    async def started() -> bool:
        return (await got(live, f"/v1/contracts/{contract_id}"))["workflow_started_at"] is not None

    await until(started)
    contract = await got(live, f"/v1/contracts/{contract_id}")
    assert (contract["status"], contract["terms"]) == ("signed", quote["terms"])
    kept = (await got(live, f"/v1/quotes/{quote['id']}"))["acceptance"]
    assert kept == {
        "version": 1,
        "terms_hash": quote["terms_hash"],
        "remote_address": "127.0.0.1",
        "at": accepted["accepted_at"],
        **SIGNER,
    }
    assert (await got(customer, quote["link"]))["accepted_by"] == "Ada Fly"
    found = rows(database, "SELECT actor, route, object_id FROM audit_log WHERE action = 'quote.accepted'")
    assert found == [("public-link", "POST /v1/public/quotes/{token}/accept", quote["id"])]


async def test_accepted_again_and_at_once_a_quote_is_one_contract(
    live: httpx.AsyncClient, customer: httpx.AsyncClient, database: Database
) -> None:
    quote = await sent(live)
    path = f"{quote['link']}/accept"
    answers = await asyncio.gather(*(customer.post(path, json=ACCEPTANCE) for _ in range(4)))
    answers.append(await customer.post(path, json=ACCEPTANCE))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert {answer.text for answer in answers} == {answers[0].text}
    assert rows(database, "SELECT count(*) FROM contract") == [(1,)]
    assert rows(database, "SELECT count(*) FROM quote_acceptance") == [(1,)]


async def test_a_customer_accepts_the_version_that_was_read(
    live: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    quote = await sent(live)
    await step(live, quote, "revise", {"terms": terms(start="2098-02-01")})
    assert (await customer.get(quote["link"])).status_code == 404
    assert (await customer.post(f"{quote['link']}/accept", json=ACCEPTANCE)).status_code == 404
    await step(live, quote, "submit")
    link = (await step(live, quote, "send"))["link"]
    stale = await customer.post(f"{link}/accept", json=ACCEPTANCE)
    assert (stale.status_code, stale.json()["type"]) == (409, "urn:perennial:problem:stale-version")
    assert stale.json()["errors"][0]["pointer"] == "/version"
    assert (await customer.post(f"{link}/accept", json={**ACCEPTANCE, "version": 2})).status_code == 200
    assert (await customer.post(f"{link}/accept", json=ACCEPTANCE)).status_code == 409


async def test_a_declined_quote_is_no_contract_and_cannot_be_accepted(
    live: httpx.AsyncClient, customer: httpx.AsyncClient, database: Database
) -> None:
    quote = await sent(live)
    for _ in range(2):
        declined = await customer.post(f"{quote['link']}/decline", json={"reason": "too dear"})
        assert (declined.status_code, declined.json()["status"]) == (200, "declined")
    assert (await customer.post(f"{quote['link']}/accept", json=ACCEPTANCE)).status_code == 409
    assert (await got(live, f"/v1/quotes/{quote['id']}"))["remark"] == "too dear"
    assert rows(database, "SELECT count(*) FROM contract") == [(0,)]


async def test_a_link_stops_working_when_there_is_a_new_one(
    live: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    quote = await sent(live)
    again = await step(live, quote, "send")
    assert (await customer.get(quote["link"])).status_code == 404
    assert (await customer.get(again["link"])).status_code == 200


async def test_a_withdrawn_or_expired_quote_is_gone(
    live: httpx.AsyncClient, customer: httpx.AsyncClient, clock: Clock
) -> None:
    withdrawn, expired = await sent(live), await sent(live)
    await step(live, withdrawn, "withdraw")
    clock.at = clock.at.replace(year=2100)
    for quote, words in ((withdrawn, "was withdrawn"), (expired, "was valid until 2099-12-31")):
        for answer in (
            await customer.get(quote["link"]),
            await customer.post(f"{quote['link']}/accept", json=ACCEPTANCE),
            await customer.post(f"{quote['link']}/decline"),
        ):
            assert answer.status_code == 410
            assert words in answer.json()["detail"]


@pytest.mark.parametrize("token", ["none", "A" * 43, "A" * 44, "quo_1"])
async def test_a_link_that_nobody_was_given_opens_nothing(anonymous: httpx.AsyncClient, token: str) -> None:
    assert (await anonymous.get(f"/v1/public/quotes/{token}")).status_code == 404
    for what, body in (("accept", ACCEPTANCE), ("decline", {})):
        assert (await anonymous.post(f"/v1/public/quotes/{token}/{what}", json=body)).status_code == 404


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"email": "ada"}, "/email"),
        ({"version": 0}, "/version"),
        ({"contract": "con_1"}, "/contract"),
        ({"address": "x" * 501}, "/address"),
    ],
)
async def test_what_is_wrong_with_an_acceptance_is_named_by_its_place(
    anonymous: httpx.AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    answer = await anonymous.post(f"/v1/public/quotes/{'A' * 43}/accept", json={**ACCEPTANCE, **change})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_the_body_of_an_answer_is_limited(anonymous: httpx.AsyncClient, app: FastAPI) -> None:
    body = {**ACCEPTANCE, **{f"more{n}": "x" * 400 for n in range(50)}}
    assert (await anonymous.post(f"/v1/public/quotes/{'A' * 43}/accept", json=body)).status_code == 413


async def test_a_quote_accepted_on_a_test_clock_becomes_a_contract_on_that_clock(
    live: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    clock_id = await new_clock(live, "2013-01-10T00:00:00Z")
    quote = await sent(live, clock=clock_id, terms=terms(start="2013-02-01"), valid_until="2013-01-31")
    accepted = (await customer.post(f"{quote['link']}/accept", json=ACCEPTANCE)).json()
    assert accepted["accepted_at"] == "2013-01-10T00:00:00Z"
    await advance(live, clock_id, "2013-03-01T00:00:00Z")
    invoices = await got(live, "/v1/invoices", contract=accepted["contract_id"])
    assert [invoice["issued_on"] for invoice in invoices["items"]] == ["2013-03-01", "2013-02-01"]
