"""How long an amendment through the API takes at a steady rate."""

import asyncio
import time
from datetime import date

from bench.cycles import fee
from bench.row import Row
from bench.stack import client_of, customer_with_card
from demo.client import ApiClient
from domain.terms import Terms
from sandbox.plan import Plan

CONTRACTS = 20
PER_SECOND = 20
SECONDS = 10


async def amend_latency(plan: Plan) -> list[Row]:
    """Amend contracts through the API at a steady rate."""
    api = client_of(plan)
    contracts = await asyncio.to_thread(_contracts, api)
    took: list[float] = []
    pending = set()
    began = time.perf_counter()
    for number in range(PER_SECOND * SECONDS):
        await asyncio.sleep(max(0.0, began + number / PER_SECOND - time.perf_counter()))
        its_client, contract = contracts[number % CONTRACTS]
        pending.add(asyncio.create_task(asyncio.to_thread(_amend, its_client, contract, number, took)))
    await asyncio.gather(*pending)
    took.sort()
    p99 = 1000 * took[int(len(took) * 0.99)]
    what = f"amendment through the API at {PER_SECOND}/s, median {1000 * took[len(took) // 2]:.0f} ms"
    return [Row("amend_p99_ms", what, p99, "ms", "<=", 150)]


def _contracts(api: ApiClient) -> list[tuple[ApiClient, str]]:
    """Contracts on a test clock, each with a client of its own: a client is not shared between threads."""
    clock = api.post("/v1/test-clocks", {"name": "bench", "now": "2026-01-01T00:00:00Z"})["id"]
    terms = _terms().model_dump(mode="json")
    contracts: list[tuple[ApiClient, str]] = []
    for number in range(CONTRACTS):
        customer = customer_with_card(api, f"amend-{number}")
        contract = str(api.post("/v1/contracts", {"customer": customer, "clock": clock, "terms": terms})["id"])
        contracts.append((api.another(), contract))
    api.post(f"/v1/test-clocks/{clock}/advance", {"to": "2026-01-10T00:00:00Z"})
    return contracts


def _terms() -> Terms:
    seats = {"id": "seats", "price": {"model": "per_unit", "amount": "20.00"}, "quantity": "10"}
    plan = fee(date(2026, 1, 1), None).model_dump(mode="json")
    plan["lines"] = [{**seats, "every": "month", "bill": "advance"}]
    return Terms.model_validate(plan)


def _amend(api: ApiClient, contract: str, number: int, took: list[float]) -> None:
    change = {"kind": "change_line", "line": "seats", "quantity": str(11 + number % 50), "invoice": "next"}
    began = time.perf_counter()
    api.post(f"/v1/contracts/{contract}/amendments", {"change": change})
    took.append(time.perf_counter() - began)
