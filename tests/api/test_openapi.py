from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.routing import guarded_routes


@pytest.fixture
async def found(anonymous: httpx.AsyncClient) -> dict[str, Any]:
    response = await anonymous.get("/openapi.json")
    assert response.status_code == 200
    document: dict[str, Any] = response.json()
    return document


def operations(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
    }


async def test_every_operation_has_a_name_a_summary_and_one_tag(found: dict[str, Any], app: FastAPI) -> None:
    described = operations(found)
    hidden = {"GET /openapi.json", "GET /docs"}
    routes = {f"{method} {route.path}" for route in guarded_routes(app) for method in route.methods or ()}
    assert described.keys() == routes - hidden
    names = [operation["operationId"] for operation in described.values()]
    assert len(set(names)) == len(names)
    for operation in described.values():
        assert operation["summary"]
        assert len(operation["tags"]) == 1
        assert "_" not in operation["operationId"]


async def test_every_guarded_operation_names_its_scope_and_documents_problems(found: dict[str, Any]) -> None:
    create = operations(found)["POST /v1/customers"]
    assert "Needs the scope `customers:write`." in create["description"]
    assert create["security"] == [{"ApiKey": ["customers:write"]}]
    problems = {
        status for status, answer in create["responses"].items() if "application/problem+json" in answer["content"]
    }
    assert problems == {"400", "401", "403", "409", "413", "415", "422", "503"}
    for operation in operations(found).values():
        assert "security" in operation or operation["tags"][0] in ("Health", "Webhooks", "Public quotes")
    assert "HTTPValidationError" not in found["components"]["schemas"]


async def test_every_post_but_usage_webhooks_and_links_documents_the_idempotency_key(found: dict[str, Any]) -> None:
    without = {
        name
        for name, operation in operations(found).items()
        if name.startswith("POST")
        and not any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", []))
    }
    assert without == {
        "POST /v1/usage",
        "POST /v1/usage/voids",
        "POST /v1/webhooks/stripe",
        "POST /v1/public/quotes/{token}/accept",
        "POST /v1/public/quotes/{token}/decline",
    }


async def test_every_reference_leads_somewhere(found: dict[str, Any]) -> None:
    schemas = found["components"]["schemas"]
    waiting: list[Any] = [found]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "$ref" in part:
                assert part["$ref"].removeprefix("#/components/schemas/") in schemas
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


async def test_bodies_refuse_unknown_fields(found: dict[str, Any]) -> None:
    for name in ("NewCustomer", "CustomerChanges", "NewKey", "NewPaymentMethod"):
        assert found["components"]["schemas"][name]["additionalProperties"] is False


async def test_the_page_to_read_needs_no_script_and_no_other_server(anonymous: httpx.AsyncClient) -> None:
    page = await anonymous.get("/docs")

    assert page.status_code == 200
    assert page.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert "createCustomer" in page.text
    for word in ("<script", "http://", "https://"):
        assert word not in page.text
