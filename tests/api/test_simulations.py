"""What-if questions: terms that nobody signed, and contracts as they stand."""

from typing import Any

import httpx
import pytest

from models.database import Database
from tests.activities.story import Story, line, per_unit, terms
from tests.api.given import rows

SEATS = {
    "id": "seats",
    "price": {"model": "per_unit", "amount": "31.00"},
    "quantity": 2,
    "every": "month",
    "bill": "advance",
}
CALLS = {
    "id": "calls",
    "price": {"model": "per_unit", "amount": "0.50"},
    "meter": "calls",
    "every": "month",
    "bill": "arrears",
}


def stated(*lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"currency": "USD", "start": "2026-01-01", "lines": list(lines), **more}


async def simulated(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/v1/simulations", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def totals(simulation: dict[str, Any]) -> list[tuple[str, str]]:
    return [(document["issued_on"], document["total"]["amount"]) for document in simulation["invoices"]]


async def test_terms_that_nobody_signed_are_billed_with_their_steps(
    client: httpx.AsyncClient, database: Database
) -> None:
    """Two seats; one more for 16 of January's 31 days; in February three seats and 40 calls of January at 0.50."""
    steps = [
        {
            "at": "2026-01-10",
            "usage": {"meter": "calls", "events": [{"id": "e1", "at": "2026-01-09T10:00:00Z", "value": "40"}]},
        },
        {"at": "2026-01-16", "change": {"kind": "change_line", "line": "seats", "quantity": 3}},
    ]
    terms_ = stated(SEATS, CALLS, meters=[{"id": "calls", "aggregate": "sum"}])
    found = await simulated(client, terms=terms_, until="2026-02-15", steps=steps)
    assert totals(found) == [("2026-01-01", "62.00"), ("2026-01-16", "16.00"), ("2026-02-01", "113.00")]
    assert found["revenue"]["2026-01"]["amount"] == "98.00"
    assert found["balances"]["2026-01-31"]["cash"]["amount"] == "78.00"
    assert found["next_due"] == {"on": "2026-03-01", "reason": "bill"}
    assert rows(database, "SELECT count(*) FROM contract") == [(0,)]


async def test_a_declined_charge_makes_the_simulated_contract_past_due(client: httpx.AsyncClient) -> None:
    steps = [{"at": "2026-01-20", "declines": "insufficient_funds"}]
    found = await simulated(client, terms=stated(SEATS), until="2026-02-02", steps=steps)
    assert found["status"] == "past_due"
    assert found["invoices"][1]["status"] == "open"


async def test_a_contract_that_runs_tells_what_comes_and_stays_as_it_is(
    client: httpx.AsyncClient, database: Database
) -> None:
    """Two seats at 10.00 in January; from 17 January (15 of 31 days) five: 24.19 less 9.68."""
    story = Story(database, terms(line("seats", per_unit("10.00"), quantity="2")))
    story.wake()
    before = rows(database, "SELECT (SELECT count(*) FROM invoice), (SELECT count(*) FROM journal_entry)")
    change = {"kind": "change_line", "line": "seats", "quantity": 5}
    found = await simulated(
        client, contract_id="con_1", until="2013-02-28", steps=[{"at": "2013-01-17", "change": change}]
    )
    assert totals(found)[-2:] == [("2013-01-17", "14.51"), ("2013-02-01", "50.00")]
    after = rows(database, "SELECT (SELECT count(*) FROM invoice), (SELECT count(*) FROM journal_entry)")
    assert after == before


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"until": "2026-02-01"}, None),
        ({"terms": stated(SEATS), "until": "2025-12-31"}, "/until"),
        ({"terms": stated(SEATS), "until": "2036-02-01"}, "/until"),
        (
            {"terms": stated(SEATS), "until": "2026-02-01", "steps": [{"at": "2026-03-01", "accepts": "all"}]},
            "/steps/0/at",
        ),
        ({"terms": stated(SEATS), "until": "2026-02-01", "steps": [{"at": "2026-01-10"}]}, "/steps/0"),
        (
            {
                "terms": stated(SEATS),
                "until": "2026-02-01",
                "steps": [{"at": "2026-01-10", "change": {"kind": "change_line", "line": "seets", "quantity": 1}}],
            },
            "/steps/0/line",
        ),
        (
            {
                "terms": stated(SEATS),
                "until": "2026-02-01",
                "steps": [{"at": "2026-01-10", "usage": {"meter": "calls", "events": []}}],
            },
            "/steps/0/usage/meter",
        ),
    ],
)
async def test_what_cannot_be_simulated_is_refused_with_its_field(
    client: httpx.AsyncClient, body: dict[str, Any], pointer: str | None
) -> None:
    answer = await client.post("/v1/simulations", json=body)
    assert answer.status_code == 422
    if pointer is not None:
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
