"""Plans and coupons that tests of the API put on offer."""

from typing import Any

import httpx

from tests.api.live import created


def plan_terms(seats: str = "20.00", **changes: Any) -> dict[str, Any]:
    """Five seats a month in advance, calls at 0.01 each in arrears, 500.00 once."""
    return {
        "currency": "USD",
        "term": {"months": 12},
        "meters": [{"id": "api_calls", "aggregate": "sum"}],
        "lines": [
            {
                "id": "seats",
                "price": {"model": "per_unit", "amount": seats},
                "quantity": "5",
                "every": "month",
                "bill": "advance",
            },
            {
                "id": "calls",
                "price": {"model": "per_unit", "amount": "0.01"},
                "meter": "api_calls",
                "every": "month",
                "bill": "arrears",
            },
            {"id": "setup", "price": {"model": "flat", "amount": "500.00"}, "every": "once", "bill": "advance"},
        ],
        **changes,
    }


async def new_plan(client: httpx.AsyncClient, plan_id: str = "pro") -> str:
    """The id of a plan without versions."""
    await created(client, "/v1/products", {"id": "crm", "name": "CRM"})
    await created(client, "/v1/plans", {"id": plan_id, "product": "crm", "name": plan_id.title()})
    return plan_id


async def draft(client: httpx.AsyncClient, plan_id: str, terms: dict[str, Any]) -> int:
    """The number of the plan's next version."""
    found = await created(client, f"/v1/plans/{plan_id}/versions", {"terms": terms})
    return int(found["version"])


async def done(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = await client.post(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def published(client: httpx.AsyncClient, plan_id: str, terms: dict[str, Any]) -> int:
    """The number of a version that contracts can be signed on."""
    version = await draft(client, plan_id, terms)
    await done(client, f"/v1/plans/{plan_id}/versions/{version}/publish")
    return version
