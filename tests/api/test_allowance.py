"""What a contract may still use, and the limits that it has passed, through HTTP."""

from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from domain.commands import Cancel, Pause
from models.database import Database
from models.usage_limit import measure
from tests.activities.story import Story, terms
from tests.activities.test_metered import METERS, depart, departures, seats

LIMITS = [
    {"id": "many", "line": "seats", "quantity": "1500", "action": "alert"},
    {"id": "most", "line": "seats", "quantity": "2000", "action": "cap"},
    {"id": "budget", "amount": "15000.00", "action": "cap"},
]


@pytest.fixture
def story(database: Database) -> Story:
    told = Story(database, terms(seats(), departures(), meters=METERS, usage_limits=LIMITS))
    told.wake()
    return told


async def allowance(client: httpx.AsyncClient) -> dict[str, Any]:
    response = await client.get("/v1/contracts/con_1/allowance")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def test_it_tells_what_was_used_in_the_words_of_the_bill(client: httpx.AsyncClient, story: Story) -> None:
    """1,000 x 4.50 + 200 x 4.10 of seats; 2 departures, up to the minimum of 5,000.00."""
    depart(story, "e1", date(2013, 1, 3), seats=700)
    depart(story, "e2", date(2013, 1, 4), seats=500)
    told = await allowance(client)
    assert (told["allowed"], told["blocked_by"], told["status"]) == (True, [], "active")
    assert told["amount"] == {"amount_minor": 1_032_000, "amount": "10320.00", "currency": "USD"}
    assert told["limits"] == [
        {
            "id": "budget",
            "action": "cap",
            "of": "amount",
            "limit": "15000.00",
            "used": "10320.00",
            "remaining": "4680.00",
            "percent": "68.80",
            "passed": False,
        }
    ]
    line, other = told["lines"]
    assert {name: line[name] for name in ("line", "meter", "period_start", "period_end", "used", "allowed")} == {
        "line": "seats",
        "meter": "seats",
        "period_start": "2013-01-01",
        "period_end": "2013-02-01",
        "used": "1200",
        "allowed": True,
    }
    assert [(limit["id"], limit["remaining"], limit["percent"]) for limit in line["limits"]] == [
        ("many", "300", "80.00"),
        ("most", "800", "60.00"),
    ]
    assert (other["used"], other["amount"]["amount"], other["limits"]) == ("2", "5000.00", [])
    assert story.until(date(2013, 2, 1))[0].total_minor == told["amount"]["amount_minor"]


async def test_a_cap_of_a_line_blocks_that_line_and_nothing_is_refused(client: httpx.AsyncClient, story: Story) -> None:
    depart(story, "e1", date(2013, 1, 3), seats=2000)
    told = await allowance(client)
    assert told["allowed"] and [line["allowed"] for line in told["lines"]] == [False, True]
    assert told["lines"][0]["blocked_by"] == ["most"]
    depart(story, "e2", date(2013, 1, 3), seats=100)
    assert (await allowance(client))["lines"][0]["used"] == "2100"


async def test_a_cap_of_the_contract_blocks_every_line(client: httpx.AsyncClient, story: Story) -> None:
    """2,600 seats: 4,500.00 + 6,560.00, and 5,000.00 of departures."""
    depart(story, "e1", date(2013, 1, 3), seats=2600)
    told = await allowance(client)
    assert (told["allowed"], told["blocked_by"]) == (False, ["budget"])
    assert [line["blocked_by"] for line in told["lines"]] == [["most", "budget"], ["budget"]]
    story.until(date(2013, 2, 1))
    assert (await allowance(client))["allowed"]


async def test_what_is_not_served_is_not_allowed(client: httpx.AsyncClient, story: Story) -> None:
    story.apply(Pause(), datetime(2013, 1, 10, tzinfo=UTC))
    paused = await allowance(client)
    assert (paused["allowed"], paused["status"], [line["allowed"] for line in paused["lines"]]) == (
        False,
        "paused",
        [False, False],
    )
    story.apply(Cancel(when="now"), datetime(2013, 1, 11, tzinfo=UTC))
    over = await allowance(client)
    assert (over["allowed"], over["status"], over["lines"]) == (False, "cancelled", [])


async def test_an_unknown_contract_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/contracts/con_9/allowance")).status_code == 404


async def test_passed_limits_are_listed_newest_first(
    client: httpx.AsyncClient, story: Story, database: Database
) -> None:
    depart(story, "e1", date(2013, 1, 3), seats=2600)
    database.run(lambda session: measure(session, "con_1"))
    first = (await client.get("/v1/usage/limits", params={"limit": 2, "contract": "con_1"})).json()
    second = (await client.get("/v1/usage/limits", params={"cursor": first["next_cursor"]})).json()
    listed = first["items"] + second["items"]
    assert [(item["limit"], item["line"], item["action"], item["used"]) for item in listed] == [
        ("budget", None, "cap", "16060.00"),
        ("most", "seats", "cap", "2600"),
        ("many", "seats", "alert", "2600"),
    ]
    assert listed[0]["bound"] == "15000.00" and listed[0]["period_start"] == "2013-01-01"
    assert (await client.get("/v1/usage/limits", params={"contract": "con_9"})).json()["items"] == []
