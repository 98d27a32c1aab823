"""The catalogue through the API: what is put on offer, and contracts that are signed on it."""

import json
import re
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from models.database import Database
from tests.api.given import as_owner, rows, under
from tests.api.live import add_customer, created, got
from tests.api.offers import done, draft, new_plan, plan_terms, published

VERSIONS: Final = "/v1/plans/pro/versions"
PAGE: Final = Path(__file__).parents[2] / "docs" / "catalogue.md"


async def signed(client: httpx.AsyncClient, plan: dict[str, Any], **terms: Any) -> dict[str, Any]:
    body = {"customer": "b6", "plan": {"id": "pro", **plan}, "terms": {"start": "2026-04-01", **terms}}
    return await created(client, "/v1/contracts", body)


async def refused(client: httpx.AsyncClient, body: dict[str, Any]) -> tuple[int, str, str]:
    """Status, detail and pointer of the first thing that is wrong with a new contract."""
    answer = await client.post("/v1/contracts", json={"customer": "b6", **body})
    fault = answer.json()["errors"][0]
    return answer.status_code, fault["detail"], fault["pointer"]


# Products and plans.


async def test_a_product_and_its_plans_are_read_where_they_were_made(client: httpx.AsyncClient) -> None:
    product = {"id": "crm", "name": "CRM", "description": "Who knows whom"}
    answer = await client.post("/v1/products", json=product)
    assert (answer.status_code, answer.headers["Location"]) == (201, "/v1/products/crm")
    assert answer.json() == product | {"created_at": "2026-03-01T12:00:00Z"}
    assert await got(client, "/v1/products/crm") == answer.json()
    plan = await created(client, "/v1/plans", {"id": "pro", "product": "crm", "name": "Pro"})
    assert await got(client, "/v1/plans/pro") == plan
    for path in ("/v1/products/none", "/v1/plans/none", "/v1/plans/none/versions", "/v1/plans/pro/versions/1"):
        assert (await client.get(path)).status_code == 404


async def test_products_and_plans_are_listed_newest_first_by_page(client: httpx.AsyncClient) -> None:
    for product in ("crm", "erp"):
        await created(client, "/v1/products", {"id": product, "name": product})
        for plan in ("basic", "pro"):
            await created(client, "/v1/plans", {"id": f"{product}-{plan}", "product": product, "name": plan})

    async def ids(path: str, **query: str) -> list[str]:
        return [item["id"] for item in (await got(client, path, **query))["items"]]

    assert await ids("/v1/products") == ["erp", "crm"]
    assert await ids("/v1/plans") == ["erp-pro", "erp-basic", "crm-pro", "crm-basic"]
    assert await ids("/v1/plans", product="crm") == ["crm-pro", "crm-basic"]
    first = await got(client, "/v1/plans", limit="3")
    assert await ids("/v1/plans", limit="3", cursor=first["next_cursor"]) == ["crm-basic"]


async def test_an_id_of_the_catalogue_means_one_thing(client: httpx.AsyncClient, database: Database) -> None:
    await new_plan(client)
    same = await client.post("/v1/products", json={"id": "crm", "name": "CRM"})
    assert same.status_code == 201
    for path, body in (
        ("/v1/products", {"id": "crm", "name": "Other"}),
        ("/v1/plans", {"id": "pro", "product": "crm", "name": "Other"}),
    ):
        answer = await client.post(path, json=body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (409, "/id")
    answer = await client.post("/v1/plans", json={"id": "max", "product": "none", "name": "Max"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/product")
    assert rows(database, "SELECT name FROM product UNION ALL SELECT name FROM plan") == [("CRM",), ("Pro",)]


# Versions.


async def test_a_version_is_drafted_corrected_published_and_retired(
    client: httpx.AsyncClient, database: Database
) -> None:
    await new_plan(client)
    drafted = await created(client, VERSIONS, {"terms": plan_terms("19.00")})
    assert (drafted["plan"], drafted["version"], drafted["status"]) == ("pro", 1, "draft")
    corrected = await client.put(f"{VERSIONS}/1", json={"terms": plan_terms("20.00")})
    assert corrected.json()["terms"]["lines"][0]["price"]["amount"] == "20.00"
    for _ in range(2):
        found = await done(client, f"{VERSIONS}/1/publish")
        assert (found["status"], found["published_at"]) == ("published", "2026-03-01T12:00:00Z")
    retired = [await done(client, f"{VERSIONS}/1/retire") for _ in range(2)]
    assert (retired[0]["status"], retired[0]["retired_at"]) == ("retired", "2026-03-01T12:00:00Z")
    assert [await got(client, f"{VERSIONS}/1")] * 2 == retired
    assert rows(database, "SELECT action FROM audit_log WHERE object_id = 'pro/1' ORDER BY sequence") == [
        (f"plan_version.{action}",) for action in ("drafted", "changed", "published", "retired")
    ]


async def test_a_published_version_refuses_other_terms(client: httpx.AsyncClient) -> None:
    await new_plan(client)
    await published(client, "pro", plan_terms())
    answer = await client.put(f"{VERSIONS}/1", json={"terms": plan_terms("1.00")})
    assert answer.status_code == 409
    assert answer.json()["detail"] == "version 1 of pro is published; its terms never change"
    assert (await got(client, f"{VERSIONS}/1"))["terms"]["lines"][0]["price"]["amount"] == "20.00"


async def test_a_version_goes_forward_only(client: httpx.AsyncClient) -> None:
    await new_plan(client)
    await draft(client, "pro", plan_terms())
    assert (await client.post(f"{VERSIONS}/1/retire")).status_code == 409
    await done(client, f"{VERSIONS}/1/publish")
    await done(client, f"{VERSIONS}/1/retire")
    assert (await client.post(f"{VERSIONS}/1/publish")).status_code == 409
    assert (await client.post(f"{VERSIONS}/2/publish")).status_code == 404
    assert (await client.put(f"{VERSIONS}/2", json={"terms": plan_terms()})).status_code == 404


async def test_a_version_drafted_twice_under_one_key_is_one(client: httpx.AsyncClient, database: Database) -> None:
    await new_plan(client)
    body = {"terms": plan_terms()}
    answers = [await client.post(VERSIONS, json=body, headers=under("key-1")) for _ in range(2)]
    as_owner(database, "DELETE FROM idempotency_record")
    answers.append(await client.post(VERSIONS, json=body, headers=under("key-1")))
    assert [answer.json()["version"] for answer in answers] == [1, 1, 1]
    assert await draft(client, "pro", plan_terms()) == 2
    assert [item["version"] for item in (await got(client, VERSIONS, limit="1"))["items"]] == [2]


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"currency": "XXX"}, "/terms/currency", "unknown currency 'XXX'."),
        ({"meters": []}, "/terms", "line calls: meter: 'api_calls' is not among meters []."),
        ({"lines": [{"id": "seats"}]}, "/terms/lines/0/price", "This is required; add it."),
        ({"colour": "red"}, "/terms/colour", "There is no such field; remove it or correct its name."),
    ],
)
async def test_what_is_wrong_with_a_version_is_named_by_its_place(
    client: httpx.AsyncClient, changes: dict[str, Any], pointer: str, detail: str
) -> None:
    await new_plan(client)
    answer = await client.post(VERSIONS, json={"terms": plan_terms(**changes)})
    assert answer.status_code == 422
    assert {"pointer": pointer, "detail": detail} in answer.json()["errors"]


async def test_two_versions_are_compared_line_by_line(client: httpx.AsyncClient) -> None:
    await new_plan(client)
    await published(client, "pro", plan_terms())
    await draft(client, "pro", plan_terms("22.00", lines=plan_terms("22.00")["lines"][:2]))
    found = await got(client, f"{VERSIONS}/2/differences", **{"from": "1"})
    assert [line["id"] for line in found["removed"]] == ["setup"]
    assert found["added"] == []
    [changed] = found["changed"]
    assert (changed["before"]["price"]["amount"], changed["after"]["price"]["amount"]) == ("20.00", "22.00")


# Contracts on a plan.


async def test_a_contract_on_a_plan_is_signed_with_its_lines(client: httpx.AsyncClient, database: Database) -> None:
    """Five seats at 20.00 are worth 100.00 a month; the term of twelve months is the plan's."""
    add_customer(database)
    await new_plan(client)
    await published(client, "pro", plan_terms())
    found = await signed(client, {"version": 1})
    assert found["terms"]["plan"] == {"id": "pro", "version": 1}
    assert [line["id"] for line in found["terms"]["lines"]] == ["seats", "calls", "setup"]
    assert (found["currency"], found["monthly_value"]["amount"]) == ("USD", "100.00")
    assert found["term_ends_on"] == "2027-04-01"


async def test_a_contract_overrides_prices_and_leaves_lines_out(client: httpx.AsyncClient, database: Database) -> None:
    """25 seats at 18.00 are 450.00 a month."""
    add_customer(database)
    await new_plan(client)
    await published(client, "pro", plan_terms())
    seats = {"price": {"model": "per_unit", "amount": "18.00"}, "quantity": "25"}
    found = await signed(client, {"overrides": {"seats": seats}, "without": ["setup"]}, term=None)
    assert [line["id"] for line in found["terms"]["lines"]] == ["seats", "calls"]
    assert (found["monthly_value"]["amount"], found["term_ends_on"]) == ("450.00", None)


async def test_without_a_version_a_contract_takes_the_latest_published(
    client: httpx.AsyncClient, database: Database
) -> None:
    add_customer(database)
    await new_plan(client)
    for amount in ("20.00", "22.00"):
        await published(client, "pro", plan_terms(amount))
    await draft(client, "pro", plan_terms("24.00"))
    assert (await signed(client, {}))["terms"]["plan"] == {"id": "pro", "version": 2}
    await done(client, f"{VERSIONS}/2/retire")
    assert (await signed(client, {}))["terms"]["plan"] == {"id": "pro", "version": 1}


async def test_nothing_that_happens_to_a_plan_changes_a_signed_contract(
    client: httpx.AsyncClient, database: Database
) -> None:
    add_customer(database)
    await new_plan(client)
    await published(client, "pro", plan_terms())
    before = await signed(client, {})
    await published(client, "pro", plan_terms("99.00"))
    await done(client, f"{VERSIONS}/1/retire")
    assert await got(client, f"/v1/contracts/{before['id']}") == before


async def test_a_contract_repeated_after_a_new_version_is_the_one_that_was_signed(
    client: httpx.AsyncClient, database: Database
) -> None:
    """The answer is forgotten, as where a process dies before it can save it; the contract is there."""
    add_customer(database)
    await new_plan(client)
    await published(client, "pro", plan_terms())
    body = {"customer": "b6", "plan": {"id": "pro"}, "terms": {"start": "2026-04-01"}}
    first = await client.post("/v1/contracts", json=body, headers=under("key-1"))
    await published(client, "pro", plan_terms("99.00"))
    as_owner(database, "DELETE FROM idempotency_record")
    second = await client.post("/v1/contracts", json=body, headers=under("key-1"))
    assert (second.status_code, second.json()) == (201, first.json())


START = {"start": "2026-04-01"}
LINES = plan_terms()["lines"][2:]


@pytest.mark.parametrize(
    ("body", "status", "detail", "pointer"),
    [
        (
            {"plan": {"id": "por"}, "terms": START},
            422,
            "There is no plan 'por'; there are pro.",
            "/plan/id",
        ),
        (
            {"plan": {"id": "pro", "version": 2}, "terms": START},
            422,
            "Version 2 of plan 'pro' is a draft; the latest published version is 1.",
            "/plan/version",
        ),
        (
            {"plan": {"id": "pro", "version": 9}, "terms": START},
            422,
            "Version 9 of plan 'pro' does not exist; the latest published version is 1.",
            "/plan/version",
        ),
        (
            {"plan": {"id": "pro", "overrides": {"seat": {"quantity": "2"}}}, "terms": START},
            422,
            "overrides: there is no line 'seat'; did you mean 'seats'?",
            "/plan/overrides/seat",
        ),
        (
            {"plan": {"id": "pro", "without": ["setup", "setpu"]}, "terms": START},
            422,
            "without: there is no line 'setpu'; did you mean 'setup'?",
            "/plan/without/1",
        ),
        (
            {"plan": {"id": "pro", "overrides": {"seats": {}}}, "terms": START},
            422,
            "give a price, a quantity or both.",
            "/plan/overrides/seats",
        ),
        (
            {"plan": {"id": "pro"}, "terms": {**START, "currency": "EUR"}},
            422,
            "currency: EUR is not that of the plan, which is sold in USD",
            "/terms/currency",
        ),
        (
            {"plan": {"id": "pro"}, "terms": {**START, "lines": LINES}},
            422,
            "lines: setup appears more than once.",
            "/terms",
        ),
        ({"plan": {"id": "pro"}, "terms": {}}, 422, "This is required; add it.", "/terms/start"),
        ({"plan": {"id": "pro"}}, 422, "This is required; add it.", "/terms"),
        (
            {"terms": {**START, "currency": "USD", "lines": LINES, "plan": {"id": "pro", "version": 1}}},
            422,
            "plan: name the plan beside the terms, and leave its lines out.",
            "/terms",
        ),
    ],
)
async def test_what_is_wrong_with_a_contract_on_a_plan_is_named_by_its_place(
    client: httpx.AsyncClient, database: Database, body: dict[str, Any], status: int, detail: str, pointer: str
) -> None:
    add_customer(database)
    await new_plan(client)
    await published(client, "pro", plan_terms())
    await draft(client, "pro", plan_terms())
    assert await refused(client, body) == (status, detail, pointer)
    assert rows(database, "SELECT count(*) FROM contract") == [(0,)]


async def test_a_plan_of_which_nothing_is_published_cannot_be_signed(
    client: httpx.AsyncClient, database: Database
) -> None:
    add_customer(database)
    await new_plan(client)
    await draft(client, "pro", plan_terms())
    assert await refused(client, {"plan": {"id": "pro"}, "terms": START}) == (
        422,
        "Plan 'pro' cannot be signed: no version of it is published.",
        "/plan/id",
    )


async def test_the_page_about_the_catalogue_sends_what_the_api_takes(
    client: httpx.AsyncClient, database: Database
) -> None:
    """The requests of the page, one after the other; its contract is worth 25 seats at 18.00, 450.00 a month.

    The seats have a price of their own, so that of the second version only the calls change.
    """
    add_customer(database, "airline-UA")
    steps = re.findall(r"^`(POST|PUT) (/v1/\S+)`\n(?:\n```json\n(.+?)```)?", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    answers = []
    for method, path, body in steps:
        answer = await client.request(method, path, json=json.loads(body) if body else None)
        assert answer.status_code in (200, 201, 202), (path, answer.text)
        answers.append(answer.json())
    assert len(steps) == 10
    contract, preview, migration = answers[5], answers[8], answers[9]
    assert contract["monthly_value"]["amount"] == "450.00"
    assert contract["terms"]["discounts"][0]["id"] == "SPRING"
    assert [change["change"]["line"] for change in preview["items"][0]["changes"]] == ["calls"]
    assert migration["total"] == 1
