"""Contracts that were billed elsewhere are adopted through the API: all or none, and once."""

from typing import Any

import httpx
import pytest

from domain.keys import derived
from models.database import Database
from tests.api.given import rows
from tests.api.live import add_customer, got

A_1 = derived("con", "adopted", "A-1")


def seats(external_id: str = "A-1", **more: Any) -> dict[str, Any]:
    """A year of 1200.00 that was billed in January, with half of it deferred."""
    line = {"id": "seats", "price": {"model": "flat", "amount": "1200.00"}, "every": "year", "bill": "advance"}
    return {
        "external_id": external_id,
        "customer": "b6",
        "terms": {"currency": "EUR", "start": "2026-01-01", "lines": [line]},
        "lines": {"seats": {"billed_through": "2027-01-01", "deferred": "600.00"}},
        "customer_credit": "200.00",
        **more,
    }


async def asked(client: httpx.AsyncClient, *contracts: dict[str, Any], **more: Any) -> httpx.Response:
    return await client.post("/v1/adoptions", json={"on": "2026-07-01", "contracts": contracts, **more})


def pointers(faults: list[dict[str, str]]) -> list[str]:
    return [fault["pointer"] for fault in faults]


def stored(database: Database) -> list[tuple[Any, ...]]:
    counts = ", ".join(f"(SELECT count(*) FROM {name})" for name in ("contract", "journal_entry", "customer_credit"))
    return rows(database, f"SELECT {counts}")


WRONG = (
    seats("A-2", lines={"seats": {"billed_through": "2026-12-01", "deferred": "0.001"}}),
    seats("A-3", customer="nobody", lines={}),
)
WHERE = [
    "/contracts/1/lines/seats/billed_through",
    "/contracts/1/lines/seats/deferred",
    "/contracts/2/customer",
    "/contracts/2/lines/seats",
]


@pytest.fixture(autouse=True)
def customers(database: Database) -> None:
    add_customer(database)


async def test_an_adopted_contract_is_there_with_its_balances(client: httpx.AsyncClient, database: Database) -> None:
    answer = await asked(client, seats())
    assert answer.status_code == 200
    assert answer.json() == {
        "on": "2026-07-01",
        "dry_run": False,
        "contracts": [{"external_id": "A-1", "id": A_1, "outcome": "adopted", "problems": []}],
    }
    found = await got(client, f"/v1/contracts/{A_1}")
    assert (found["status"], found["customer_id"]) == ("active", "cus_b6")
    lines = rows(database, "SELECT account, amount_minor FROM journal_line ORDER BY account")
    assert lines == [("cash", 800_00), ("contract_position", -600_00), ("customer_credit", -200_00)]
    assert rows(database, "SELECT object_id FROM audit_log WHERE action = 'contract.adopted'") == [(A_1,)]


async def test_a_dry_run_tells_the_problems_of_each_contract(client: httpx.AsyncClient, database: Database) -> None:
    answer = await asked(client, seats(), *WRONG, dry_run=True)
    assert answer.status_code == 200
    contracts = answer.json()["contracts"]
    assert [contract["outcome"] for contract in contracts] == ["adopted", "refused", "refused"]
    assert [pointers(contract["problems"]) for contract in contracts] == [[], WHERE[:2], WHERE[2:]]
    assert stored(database) == [(0, 0, 0)]


async def test_one_wrong_contract_keeps_all_out(client: httpx.AsyncClient, database: Database) -> None:
    answer = await asked(client, seats(), *WRONG)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:perennial:problem:refused-adoption")
    assert pointers(answer.json()["errors"]) == WHERE
    assert stored(database) == [(0, 0, 0)]


async def test_adopting_again_changes_nothing(client: httpx.AsyncClient, database: Database) -> None:
    await asked(client, seats())
    again = await asked(client, seats(), on="2026-09-09")
    assert [contract["outcome"] for contract in again.json()["contracts"]] == ["unchanged"]
    other = await asked(client, seats(customer_credit="1.00"))
    assert (other.status_code, pointers(other.json()["errors"])) == (422, ["/contracts/0/external_id"])
    assert stored(database) == [(1, 1, 1)]


async def test_terms_that_are_wrong_are_told_with_their_place(client: httpx.AsyncClient) -> None:
    wrong = seats()
    wrong["terms"]["lines"][0]["every"] = "fortnight"
    answer = await asked(client, wrong, seats("A-2", customer_credit="-1"))
    assert answer.status_code == 422
    assert set(pointers(answer.json()["errors"])) == {
        "/contracts/0/terms/lines/0/every",
        "/contracts/1/customer_credit",
    }


async def test_one_contract_stands_in_a_request_once(client: httpx.AsyncClient) -> None:
    answer = await asked(client, seats(), seats())
    assert (answer.status_code, pointers(answer.json()["errors"])) == (422, ["/contracts"])


async def test_without_a_day_it_is_that_of_the_request(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/adoptions", json={"contracts": [seats()], "dry_run": True})
    assert (answer.json()["on"], answer.json()["contracts"][0]["outcome"]) == ("2026-03-01", "adopted")
