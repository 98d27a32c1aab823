import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from models.contract import Contract
from models.database import Database
from tests.api.given import as_owner, rows

URL = "/v1/usage"


def event(event_id: str, **changes: object) -> dict[str, object]:
    return {
        "id": event_id,
        "source": "ops",
        "customer": "airline-UA",
        "event": "departure",
        "at": "2013-01-15T12:00:00Z",
        **changes,
    }


@pytest.fixture
async def contract_id(client: httpx.AsyncClient, database: Database) -> str:
    """A contract of airline-UA for January 2013."""
    customer = (await client.post("/v1/customers", json={"key": "airline-UA", "name": "United"})).json()
    contract = Contract(
        id="con_1",
        customer_id=customer["id"],
        currency="USD",
        status="active",
        version=1,
        terms={},
        state={},
        starts_at=datetime(2013, 1, 1, tzinfo=UTC),
        ends_at=datetime(2013, 2, 1, tzinfo=UTC),
        mrr_minor=0,
        created_at=datetime(2013, 1, 1, tzinfo=UTC),
    )
    with database.transaction() as session:
        session.add(contract)
    return "con_1"


async def send(client: httpx.AsyncClient, *events: object) -> dict[str, Any]:
    response = await client.post(URL, json=list(events))
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_one_bad_event_never_harms_the_others(
    client: httpx.AsyncClient, contract_id: str, database: Database
) -> None:
    await send(client, event("known"), event("changed"))

    answer = await send(
        client,
        event("new"),
        event("bad", at="yesterday"),
        event("known"),
        event("changed", value=2),
        event("new"),
        event("waits", customer="airline-ZZ"),
        17,
    )

    assert answer == {
        "accepted": 2,
        "duplicate": 2,
        "conflict": 1,
        "replaced": 0,
        "rejected": 2,
        "results": [
            {"id": "new", "result": "accepted", "contract": "con_1"},
            {
                "id": "bad",
                "result": "rejected",
                "reason": "This must be an instant such as 2013-01-01T05:17:00Z.",
                "pointer": "/at",
            },
            {"id": "known", "result": "duplicate", "contract": "con_1"},
            {"id": "changed", "result": "conflict", "contract": "con_1"},
            {"id": "new", "result": "duplicate", "contract": "con_1"},
            {"id": "waits", "result": "accepted", "contract": None},
            {"id": None, "result": "rejected", "reason": "An event must be an object.", "pointer": ""},
        ],
    }
    stored = rows(database, "SELECT event_id, contract_id, value FROM usage_event ORDER BY event_id")
    assert stored == [
        ("changed", "con_1", None),
        ("known", "con_1", None),
        ("new", "con_1", None),
        ("waits", None, None),
    ]


async def test_the_wrapped_form_means_the_same(client: httpx.AsyncClient) -> None:
    response = await client.post(URL, json={"events": [event("e1")]})
    assert (response.status_code, response.json()["accepted"]) == (200, 1)


async def test_numbers_are_stored_digit_by_digit(client: httpx.AsyncClient, database: Database) -> None:
    raw = json.dumps([event("e1")])[:-2] + ', "value": 0.1000000000000000055, "properties": {"fare": 12.30}}]'

    response = await client.post(URL, content=raw, headers={"Content-Type": "application/json"})

    assert response.json()["accepted"] == 1
    stored = rows(database, "SELECT value::text, properties->>'fare' FROM usage_event")
    assert stored == [("0.1000000000000000055", "12.30")]


async def test_the_same_batch_from_many_at_once_is_stored_once(client: httpx.AsyncClient, database: Database) -> None:
    batch = [event(f"e{number}") for number in range(200)]

    answers = await asyncio.gather(*(send(client, *batch) for _ in range(8)))

    assert sum(answer["accepted"] for answer in answers) == 200
    assert sum(answer["duplicate"] for answer in answers) == 7 * 200
    assert rows(database, "SELECT count(*) FROM usage_event") == [(200,)]


async def test_nothing_is_answered_before_it_is_stored_for_good(client: httpx.AsyncClient, database: Database) -> None:
    """The commit itself is refused: no event is accepted, and the batch can be sent again."""
    as_owner(
        database,
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'stopping' USING ERRCODE = '57P01'; END $$;
        CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON audit_log DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION refuse();
        """,
    )
    refused = await client.post(URL, json=[event("e1")])
    stored = rows(database, "SELECT count(*) FROM usage_event")
    as_owner(database, "DROP TRIGGER refuse ON audit_log")

    assert (refused.status_code, refused.headers["retry-after"], stored) == (503, "2", [(0,)])
    assert "stopping" not in refused.text
    assert (await send(client, event("e1")))["accepted"] == 1


async def test_what_is_no_batch_is_refused(client: httpx.AsyncClient) -> None:
    wrong: list[object] = [{}, {"events": {}}, {"events": [], "more": 1}, 7, "x", [event("e")] * 10_001]
    for body in wrong:
        response = await client.post(URL, json=body)
        assert response.status_code == 422
    for raw, status in (
        (b"", 400),
        (b"null", 422),
        (b"[", 400),
        (b"[" * 100_000, 422),
        (b" " * (8 * 1024 * 1024 + 1), 413),
    ):
        response = await client.post(URL, content=raw, headers={"Content-Type": "application/json"})
        assert response.status_code == status


async def test_a_batch_of_ten_thousand_is_taken_and_an_empty_one_too(client: httpx.AsyncClient) -> None:
    assert (await send(client, *(event(f"e{number}") for number in range(10_000))))["accepted"] == 10_000
    counts = {"accepted": 0, "duplicate": 0, "conflict": 0, "replaced": 0, "rejected": 0}
    assert await send(client) == {**counts, "results": []}


async def test_a_card_number_in_one_event_rejects_that_one_and_is_not_repeated(
    client: httpx.AsyncClient, database: Database
) -> None:
    response = await client.post(
        URL,
        content=json.dumps(
            [event("e1"), event("e2", properties={"card": "4242424242424242"}), event("4242424242424242")]
        ),
        headers={"Content-Type": "application/json"},
    )

    answer = response.json()
    assert (answer["accepted"], answer["rejected"]) == (1, 2)
    assert [result["id"] for result in answer["results"]] == ["e1", "e2", None]
    assert "424242" not in response.text + str(rows(database, "SELECT u::text FROM usage_event u"))


async def test_one_batch_leaves_one_row_in_the_audit_log(client: httpx.AsyncClient, database: Database) -> None:
    await send(client, event("e1"), event("e2"))
    await send(client, event("e1"), event("e2"))

    assert rows(database, "SELECT route, action FROM audit_log") == [("POST /v1/usage", "usage.accepted")]


async def test_unmatched_events_are_listed_batch_by_batch_with_the_reason(
    client: httpx.AsyncClient, contract_id: str
) -> None:
    await send(
        client,
        event("matched"),
        event("nobody", customer="airline-ZZ"),
        event("early", at="2012-12-31T23:59:59Z"),
        event("late", at="2013-02-01T00:00:00Z"),
    )
    unknown_contract = {**event("nowhere", contract="con_9")}
    del unknown_contract["customer"]
    await send(client, unknown_contract)

    first = (await client.get(f"{URL}/unmatched", params={"limit": 3})).json()
    second = (await client.get(f"{URL}/unmatched", params={"limit": 3, "cursor": first["next_cursor"]})).json()

    assert [(item["id"], item["reason"]) for item in first["items"] + second["items"]] == [
        ("early", "outside_term"),
        ("late", "outside_term"),
        ("nobody", "unknown_customer"),
        ("nowhere", "unknown_contract"),
    ]
    assert second["next_cursor"] is None
    assert second["items"] == [
        {
            "source": "ops",
            "id": "nowhere",
            "event": "departure",
            "at": "2013-01-15T12:00:00Z",
            "customer": None,
            "contract": "con_9",
            "reason": "unknown_contract",
        }
    ]


async def test_an_atomic_batch_is_stored_whole_and_again_is_all_duplicates(
    client: httpx.AsyncClient, contract_id: str, database: Database
) -> None:
    for counts in ((2, 0), (0, 2)):
        response = await client.post(URL, params={"atomic": "true"}, json=[event("e1"), event("e2")])
        answer = response.json()
        assert (response.status_code, answer["accepted"], answer["duplicate"]) == (200, *counts)
    assert rows(database, "SELECT count(*) FROM usage_event") == [(2,)]


async def test_a_rejected_event_keeps_an_atomic_batch_out(
    client: httpx.AsyncClient, contract_id: str, database: Database
) -> None:
    await send(client, event("known"))

    response = await client.post(
        URL,
        params={"atomic": "true"},
        json={"events": [event("new"), event("known"), event("bad", at="yesterday"), event("new")]},
    )

    problem = response.json()
    assert (response.status_code, problem["type"]) == (422, "urn:perennial:problem:batch-rejected")
    assert response.headers["content-type"] == "application/problem+json"
    reason = "This must be an instant such as 2013-01-01T05:17:00Z."
    assert problem["detail"] == "Nothing was stored: 1 of 4 events cannot be. Correct them and send all again."
    assert problem["errors"] == [{"detail": reason, "pointer": "/events/2/at"}]
    assert problem["results"] == [
        {"id": "new", "result": "withheld"},
        {"id": "known", "result": "duplicate", "contract": "con_1"},
        {"id": "bad", "result": "rejected", "reason": reason, "pointer": "/at"},
        {"id": "new", "result": "withheld"},
    ]
    assert rows(database, "SELECT event_id FROM usage_event") == [("known",)]
    assert rows(database, "SELECT count(*) FROM audit_log WHERE action = 'usage.accepted'") == [(1,)]


async def test_a_conflict_keeps_an_atomic_batch_out(
    client: httpx.AsyncClient, contract_id: str, database: Database
) -> None:
    await send(client, event("known"))

    response = await client.post(
        URL, params={"atomic": "true"}, json=[event("new"), event("known", value=2), event("new", value=3)]
    )

    problem = response.json()
    assert (response.status_code, problem["type"]) == (409, "urn:perennial:problem:batch-conflict")
    assert [fault["pointer"] for fault in problem["errors"]] == ["/1", "/2"]
    assert [(result["id"], result["result"]) for result in problem["results"]] == [
        ("new", "withheld"),
        ("known", "conflict"),
        ("new", "conflict"),
    ]
    assert rows(database, "SELECT event_id, value FROM usage_event") == [("known", None)]


async def test_an_atomic_batch_without_one_good_event_is_rejected_too(client: httpx.AsyncClient) -> None:
    response = await client.post(URL, params={"atomic": "true"}, json=[7] * 60)

    assert response.status_code == 422
    assert len(response.json()["errors"]) == 50
    assert len(response.json()["results"]) == 60


LONG = "x" * 1_000_000
NOTE = b"x" * 65_536
# Raw, because no JSON writer makes such numbers. Each is one bad event among two good ones.
BAD = {
    "NaN": (
        b'{"id": "b", "customer": "airline-UA", "event": "d", "at": "2013-01-15T12:00:00Z", "value": NaN}',
        "/value",
    ),
    "infinite": (
        b'{"id": "b", "customer": "c", "event": "d", "at": "2013-01-15T12:00:00Z", "properties": {"n": -Infinity}}',
        "/properties/n",
    ),
    "1e400": (
        b'{"id": "b", "customer": "airline-UA", "event": "d", "at": "2013-01-15T12:00:00Z", "value": 1e400}',
        "/value",
    ),
    "an exponent beyond decimals": (
        b'{"id": "b", "customer": "c", "event": "d", "at": "2013-01-15T12:00:00Z", "value": 1e99999999999999999999}',
        "/value",
    ),
    "a number of 5,000 digits": (b'{"id": "b", "customer": "c", "event": "d", "at": ' + b"1" * 5000 + b"}", "/at"),
    "an id of a million characters": (
        f'{{"id": "{LONG}", "customer": "c", "event": "d", "at": "2013-01-15T12:00:00Z"}}'.encode(),
        "/id",
    ),
    "64 KB of properties": (
        b"""{"id": "b", "customer": "c", "event": "d", "at": "2013-01-15T12:00Z", "properties": {"n": "%b"}}""" % NOTE,
        "/properties/n",
    ),
    "a wrong type": (
        b'{"id": "b", "customer": "c", "event": "d", "at": "2013-01-15T12:00:00Z", "value": [1]}',
        "/value",
    ),
    "the future": (b'{"id": "b", "customer": "c", "event": "d", "at": "2199-01-15T12:00:00Z"}', ""),
    "half a surrogate pair as a name": (b'{"id": "b", "\\ud800": 1}', ""),
    "a card number as a name": (b'{"id": "b", "4242424242424242": 1}', ""),
    "a slash in a name": (b'{"id": "b", "a/b~c": 1}', "/a~1b~0c"),
    "a slash in the name of a property": (
        b'{"id": "b", "customer": "c", "event": "d", "at": "2013-01-15T12:00:00Z", "properties": {"a/b": []}}',
        "/properties/a~1b",
    ),
}


@pytest.mark.parametrize("media_type", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize("name", BAD)
async def test_a_bad_event_is_rejected_by_itself_with_the_place(
    name: str, media_type: str, client: httpx.AsyncClient, contract_id: str, database: Database
) -> None:
    bad, pointer = BAD[name]
    lines = [json.dumps(event("e1")).encode(), bad, json.dumps(event("e2")).encode()]
    body = b"\n".join(lines) if media_type.endswith("ndjson") else b"[" + b",".join(lines) + b"]"
    if media_type.endswith("ndjson") and len(bad) > 512 * 1024:
        pointer = ""

    response = await client.post(URL, content=body, headers={"Content-Type": media_type})

    answer = response.json()
    assert [result["result"] for result in answer["results"]] == ["accepted", "rejected", "accepted"], answer
    assert answer["results"][1]["pointer"] == pointer
    assert "4242424242424242" not in response.text
    assert rows(database, "SELECT event_id FROM usage_event ORDER BY event_id") == [("e1",), ("e2",)]


async def test_three_bad_events_of_ten_thousand_keep_none_of_the_others_out(
    client: httpx.AsyncClient, contract_id: str, database: Database
) -> None:
    batch: list[object] = [event(f"e{number}") for number in range(10_000)]
    batch[0], batch[5_000], batch[9_999] = 7, event("e5000", at="tomorrow"), event("e9999", value="much")

    answer = await send(client, *batch)

    assert (answer["accepted"], answer["rejected"]) == (9_997, 3)
    assert rows(database, "SELECT count(*), count(contract_id) FROM usage_event") == [(9_997, 9_997)]


async def test_an_event_of_a_test_clock_lies_in_its_future_and_not_in_ours(
    client: httpx.AsyncClient, contract_id: str
) -> None:
    clock = {"name": "far", "now": "2150-01-01T00:00:00Z"}
    assert (await client.post("/v1/test-clocks", json=clock)).status_code == 201

    answer = await send(client, event("e1", at="2150-01-02T00:00:00Z"), event("e2", at="2150-01-02T00:00:00.000001Z"))

    assert [result["result"] for result in answer["results"]] == ["accepted", "rejected"]


async def test_an_event_is_replaced_where_the_sender_asks_for_it(
    client: httpx.AsyncClient, contract_id: str, database: Database
) -> None:
    await send(client, event("e1", value=1), event("e2", value=2))

    response = await client.post(
        URL, params={"replace": "true"}, json=[event("e1", value=9), event("e2", value=2), event("e3", value=3)]
    )

    answer = response.json()
    assert [result["result"] for result in answer["results"]] == ["replaced", "duplicate", "accepted"]
    assert (answer["accepted"], answer["replaced"], answer["duplicate"]) == (1, 1, 1)
    left = rows(database, "SELECT event_id, value FROM usage_event WHERE voided_seq IS NULL ORDER BY event_id")
    assert left == [("e1", 9), ("e2", 2), ("e3", 3)]
    assert rows(database, "SELECT action FROM audit_log WHERE object_id = 'usage' ORDER BY action") == [
        ("usage.accepted",),
        ("usage.accepted",),
        ("usage.replaced",),
    ]


async def test_an_atomic_replacement_with_a_bad_event_replaces_nothing(
    client: httpx.AsyncClient, contract_id: str, database: Database
) -> None:
    await send(client, event("e1", value=1))

    response = await client.post(
        URL, params={"replace": "true", "atomic": "true"}, json=[event("e1", value=9), event("e2", at="tomorrow")]
    )

    assert response.status_code == 422
    assert [result["result"] for result in response.json()["results"]] == ["withheld", "rejected"]
    assert rows(database, "SELECT value, voided_seq FROM usage_event") == [(1, None)]


async def test_events_are_voided_by_their_keys(client: httpx.AsyncClient, contract_id: str, database: Database) -> None:
    await send(client, event("e1"), event("e2"))
    keys = [{"source": "ops", "id": "e1"}, {"source": "ops", "id": "none"}, {"id": "e1"}]

    first = await client.post(f"{URL}/voids", json={"events": keys})
    again = await client.post(f"{URL}/voids", json={"events": keys})

    assert [result["result"] for result in first.json()["results"]] == ["voided", "unknown", "unknown"]
    assert [result["result"] for result in again.json()["results"]] == ["already_voided", "unknown", "unknown"]
    assert (first.json()["voided"], again.json()["voided"], again.json()["unknown"]) == (1, 0, 2)
    assert rows(database, "SELECT event_id FROM usage_event WHERE voided_seq IS NULL") == [("e2",)]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"events": []}, "/events"),
        ({"events": [{"id": ""}]}, "/events/0/id"),
        ({"events": [{"id": "e1"}, {"id": "e\n1"}]}, "/events/1/id"),
        ({"events": [{"id": "e1", "source": "\0"}]}, "/events/0/source"),
        ({}, "/events"),
    ],
)
async def test_a_void_without_keys_is_refused(client: httpx.AsyncClient, body: object, pointer: str) -> None:
    response = await client.post(f"{URL}/voids", json=body)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)
