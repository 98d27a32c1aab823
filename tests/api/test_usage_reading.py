"""Usage read back: the list in its order, and each event down to the line of the invoice that billed it."""

from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api.usage_reading import UsageEventOut, UsageEventTraced
from models.database import Database
from models.rated_line import claim_late
from tests.activities.story import Story, line, per_unit, terms
from tests.api.given import bearer
from tests.api.live import got

EVENTS = "/v1/usage/events"
EVENT = "/v1/usage/event"
JANUARY_3 = datetime(2013, 1, 3, 12, tzinfo=UTC)
LONG = {"property": "miles", "op": "gt", "value": "500"}
METERS = [
    {"id": "trips", "event": "trip", "aggregate": "count"},
    {"id": "long", "event": "trip", "aggregate": "count", "filters": [LONG]},
]


@pytest.fixture
def story(database: Database) -> Story:
    """A contract that bills trips at 2.00, and those of more than 500 miles at 5.00 more."""
    lines = (
        line("trips", per_unit("2.00"), meter="trips", bill="arrears"),
        line("long", per_unit("5.00"), meter="long", bill="arrears"),
    )
    return Story(database, terms(*lines, meters=METERS))


def event(event_id: str, **changes: object) -> dict[str, object]:
    return {"id": event_id, "customer": "b6", "event": "trip", "at": "2013-01-03T12:00:00Z", **changes}


async def send(client: httpx.AsyncClient, *events: object) -> None:
    answer = await client.post("/v1/usage", json=list(events))
    assert answer.json()["accepted"] == len(events), answer.text


async def ids(client: httpx.AsyncClient, **query: str) -> list[str]:
    return sorted(item["id"] for item in (await got(client, EVENTS, **query))["items"])


async def test_an_event_is_read_as_it_was_sent(client: httpx.AsyncClient, story: Story) -> None:
    raw = b"""[{"id": "e1", "customer": "b6", "event": "trip", "at": "2013-01-03T07:00:00.5-05:00", "value": 0.10,
      "properties": {"fare": 12.300000000000000001, "seats": 149, "full": true, "to": "JFK"}}]"""
    await client.post("/v1/usage", content=raw, headers={"Content-Type": "application/json"})

    answer = await client.get(EVENTS)

    assert '"fare": 12.300000000000000001' in answer.text
    [item] = answer.json()["items"]
    assert item.pop("received_at").endswith("Z")
    assert item.pop("properties").keys() == {"fare", "seats", "full", "to"}
    assert item == {
        "id": "e1",
        "source": "api",
        "customer": "b6",
        "contract": None,
        "event": "trip",
        "at": "2013-01-03T12:00:00.500000Z",
        "value": "0.10",
        "counts_for": "con_1",
        "voided": False,
    }


async def test_the_answers_have_the_fields_that_the_schema_names(client: httpx.AsyncClient, story: Story) -> None:
    await send(client, event("e1"))
    [item] = (await got(client, EVENTS))["items"]
    assert item.keys() == UsageEventOut.model_fields.keys()
    traced = await got(client, EVENT, id="e1")
    assert traced.keys() == UsageEventTraced.model_fields.keys()
    UsageEventTraced.model_validate(traced)


async def test_pages_hold_every_event_once_also_while_more_come(client: httpx.AsyncClient, story: Story) -> None:
    await send(client, *(event(f"e{number}") for number in range(5)))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for number in range(5):
        page = await got(client, EVENTS, limit="2", **cursor)
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
        if number == 0:
            await send(client, event("later"))
    assert seen == ["e0", "e1", "e2", "e3", "e4", "later"]


async def test_filters_choose_events(client: httpx.AsyncClient, story: Story) -> None:
    await send(
        client,
        event("a", at="2013-01-01T00:00:00Z"),
        event("b", source="ops", at="2013-01-02T00:00:00Z"),
        event("c", event="stop", at="2013-01-03T00:00:00Z"),
        {"id": "d", "contract": "con_1", "event": "trip", "at": "2013-01-04T00:00:00Z"},
        event("e", customer="nobody", at="2013-01-05T00:00:00Z"),
    )
    assert await ids(client) == ["a", "b", "c", "d", "e"]
    assert await ids(client, contract="con_1") == ["a", "b", "c", "d"]
    assert await ids(client, customer="b6") == await ids(client, customer="cus_1") == ["a", "b", "c", "d"]
    assert await ids(client, customer="nobody") == ["e"]
    assert await ids(client, source="ops") == ["b"]
    assert await ids(client, event="stop") == ["c"]
    assert await ids(client, **{"from": "2013-01-02T00:00:00Z", "to": "2013-01-04T00:00:00Z"}) == ["b", "c"]
    assert await ids(client, contract="con_1", event="trip", source="api", customer="b6") == ["a", "d"]


@pytest.mark.parametrize(
    "query", [{"from": "2013-01-02T00:00:00"}, {"cursor": "?"}, {"limit": "101"}], ids=lambda query: next(iter(query))
)
async def test_what_cannot_be_asked_is_refused(client: httpx.AsyncClient, query: dict[str, str]) -> None:
    answer = await client.get(EVENTS, params=query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == next(iter(query))


async def test_an_event_is_traced_to_the_lines_of_its_invoice(client: httpx.AsyncClient, story: Story) -> None:
    """The filter of the second line lets the long trip in and the short one not."""
    story.use("trip", JANUARY_3, "1", "short", miles=500)
    story.use("trip", JANUARY_3, "1", "long", miles=501)
    before = await traced(client, "long")
    [issued] = story.until(date(2013, 2, 1))

    after = await traced(client, "long")

    assert (before["counts_for"], before["waits_because"], before["counted_by"]) == ("con_1", None, [])
    assert [(claim["line"], claim["billed_on"]["line"]) for claim in after["counted_by"]] == [("long", 2), ("trips", 1)]
    [only] = (await traced(client, "short"))["counted_by"]
    assert only.pop("id").startswith("rl_")
    assert only == {
        "line": "trips",
        "period_start": "2013-01-01",
        "period_end": "2013-02-01",
        "late": False,
        "aggregate": "count",
        "reads": "value",
        "expression": None,
        "takes_back": False,
        "billed_on": {
            "invoice_id": issued.invoice_id,
            "number": "INV-000001",
            "status": "open",
            "line": 1,
            "kind": "usage",
            "description": "trips",
        },
    }


async def test_an_event_that_came_late_is_counted_apart(client: httpx.AsyncClient, story: Story) -> None:
    story.use("trip", JANUARY_3, "1", "first", miles=1)
    story.until(date(2013, 2, 1))
    story.use("trip", JANUARY_3, "1", "late", miles=1)
    assert (await traced(client, "late"))["counted_by"] == []
    story.database.run(lambda session: claim_late(session, "con_1"))
    counted = {id_: (await traced(client, id_))["counted_by"] for id_ in ("first", "late")}
    assert {id_: [(claim["line"], claim["late"]) for claim in claims] for id_, claims in counted.items()} == {
        "first": [("trips", False)],
        "late": [("trips", True)],
    }
    assert counted["first"][0]["billed_on"]["number"] == "INV-000001"
    assert counted["late"][0]["billed_on"] is None


async def test_an_event_that_was_voided_is_traced_to_what_takes_it_back(
    client: httpx.AsyncClient, story: Story
) -> None:
    story.use("trip", JANUARY_3, "1", "wrong", miles=1)
    story.use("trip", JANUARY_3, "1", "right", miles=1)
    story.until(date(2013, 2, 1))
    await client.post("/v1/usage/voids", json={"events": [{"source": "test", "id": "wrong"}]})
    story.database.run(lambda session: claim_late(session, "con_1"))
    found = await traced(client, "wrong")
    assert (found["voided"], found["counts_for"], found["waits_because"]) == (True, "con_1", None)
    assert [(claim["line"], claim["late"], claim["takes_back"]) for claim in found["counted_by"]] == [
        ("trips", False, False),
        ("trips", True, True),
    ]
    assert [claim["takes_back"] for claim in (await traced(client, "right"))["counted_by"]] == [False]


async def test_what_was_voided_or_replaced_is_listed_only_where_it_is_asked_for(
    client: httpx.AsyncClient, story: Story
) -> None:
    await send(client, event("a", value=1), event("b"), event("c"))
    await client.post("/v1/usage/voids", json={"events": [{"id": "b"}]})
    await client.post("/v1/usage", params={"replace": "true"}, json=[event("a", value=2)])
    assert await ids(client) == ["a", "c"]
    every = (await got(client, EVENTS, voided="true"))["items"]
    assert sorted((item["id"], item["value"], item["voided"]) for item in every if item["id"] != "c") == [
        ("a", "1", True),
        ("a", "2", False),
        ("b", None, True),
    ]
    present = await got(client, EVENT, id="a")
    assert (present["value"], present["voided"]) == ("2", False)


async def test_an_event_of_an_archived_month_is_not_unknown(
    client: httpx.AsyncClient, story: Story, database: Database
) -> None:
    await send(client, event("a"))
    with database.transaction() as session:
        session.execute(text("UPDATE usage_key SET seq = seq + 1000"))
    answer = await client.get(EVENT, params={"id": "a"})
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:perennial:problem:archived")


async def test_an_event_without_a_contract_says_why_it_waits(client: httpx.AsyncClient, story: Story) -> None:
    await send(
        client,
        event("early", at="2012-12-31T23:59:59Z"),
        event("unknown", customer="nobody"),
        {"id": "other", "contract": "con_2", "event": "trip", "at": "2013-01-04T00:00:00Z"},
    )
    waiting = {id_: await got(client, EVENT, id=id_) for id_ in ("early", "unknown", "other")}
    assert {id_: (found["counts_for"], found["waits_because"]) for id_, found in waiting.items()} == {
        "early": (None, "outside_term"),
        "unknown": (None, "unknown_customer"),
        "other": (None, "unknown_contract"),
    }


async def test_ids_and_sources_may_hold_slashes(client: httpx.AsyncClient, story: Story) -> None:
    await send(client, event("a/b?c#d", source="/ops/é"))
    found = await got(client, EVENT, id="a/b?c#d", source="/ops/é")
    assert (found["id"], found["source"]) == ("a/b?c#d", "/ops/é")
    assert (await client.get(EVENT, params={"id": "a/b?c#d"})).status_code == 404


async def test_reading_needs_its_scope(client: httpx.AsyncClient, key_with: Any) -> None:
    for path in (EVENTS, f"{EVENT}?id=e1"):
        assert (await client.get(path, headers=bearer(key_with("usage:write")))).status_code == 403


async def traced(client: httpx.AsyncClient, event_id: str) -> Any:
    return await got(client, EVENT, id=event_id, source="test")
