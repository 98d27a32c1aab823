"""A hundred and twenty contracts move to a new version while the worker is killed with -9."""

import time
from collections.abc import Callable

import pytest

from tests.scenarios.product import POLL_SECONDS, WAIT_SECONDS, Product

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.timeout(400)]

CONTRACTS = 120


def version(product: Product, number: int, amount: str) -> None:
    """A published version of the plan at so much a month."""
    line = {"id": "seats", "price": {"model": "flat", "amount": amount}, "every": "month", "bill": "advance"}
    body = {"terms": {"currency": "USD", "lines": [line]}}
    product.post("/v1/plans/moving/versions", body, key=f"moving-{number}")
    product.post(f"/v1/plans/moving/versions/{number}/publish", {}, key=f"moving-{number}-published")


def test_a_migration_outlives_its_worker_and_changes_each_contract_once(product: Product) -> None:
    product.post("/v1/products", {"id": "moving", "name": "Moving"}, key="moving-product")
    product.post("/v1/plans", {"id": "moving", "product": "moving", "name": "Moving"}, key="moving-plan")
    version(product, 1, "10.00")
    customer = product.customer("moving")
    clock = product.post("/v1/test-clocks", {"name": "moving", "now": "2025-12-31T00:00:00Z"}, key="moving")["id"]
    body = {"customer": customer, "clock": clock, "plan": {"id": "moving"}, "terms": {"start": "2026-01-01"}}
    for number in range(CONTRACTS):
        product.post("/v1/contracts", body, key=f"moving-contract-{number}")
    version(product, 2, "12.00")

    migration = product.post("/v1/plans/moving/versions/2/migrations", {}, key="moving-migration")["id"]
    asked = f"SELECT count(*) FROM plan_migration_contract WHERE migration_id = '{migration}' AND change IS NOT NULL"
    until(lambda: product.query(asked) != [(0,)])
    product.kill("worker")
    assert product.get(f"/v1/migrations/{migration}")["remaining"] > 0
    until(lambda: product.get(f"/v1/migrations/{migration}")["remaining"] == 0)

    found = product.get(f"/v1/migrations/{migration}")
    assert [found[name] for name in ("status", "total", "moved")] == ["finished", CONTRACTS, CONTRACTS]
    moved = f"""
        SELECT count(*), count(*) FILTER (WHERE c.version = 2 AND c.terms -> 'plan' ->> 'version' = '2'), sum(e.events)
        FROM plan_migration_contract m JOIN contract c ON c.id = m.contract_id
        JOIN (SELECT contract_id, count(*) AS events FROM contract_event GROUP BY 1) e ON e.contract_id = c.id
        WHERE m.migration_id = '{migration}' AND m.contract_version = 2
    """
    assert product.query(moved) == [(CONTRACTS, CONTRACTS, CONTRACTS)]


def until(condition: Callable[[], bool]) -> None:
    """Wait for what the product brings about."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS / 10)
