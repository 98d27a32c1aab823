"""Usage sent as CloudEvents 1.0."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from api.usage_events import Rejection, read_event
from models.database import Database
from models.usage import UsageEvent
from tests.api.given import rows

URL = "/v1/usage"
SINGLE = {"Content-Type": "application/cloudevents+json"}
BATCH = {"Content-Type": "application/cloudevents-batch+json; charset=UTF-8"}
LINES = {"Content-Type": "application/x-ndjson"}
EVENT: dict[str, object] = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/departures",
    "type": "departure",
    "subject": "airline-UA",
    "time": "2013-01-01T05:17:00-05:00",
}
OURS = {"id": "e2", "customer": "airline-UA", "event": "departure", "at": "2013-01-15T12:00:00Z"}


def read(event: object, *, only_cloud: bool = False) -> UsageEvent | Rejection:
    return read_event(event, search_cards=True, only_cloud=only_cloud)


def without(*names: str) -> dict[str, object]:
    return {name: content for name, content in EVENT.items() if name not in names}


def test_its_attributes_are_the_fields_of_the_event() -> None:
    data = {"value": Decimal("2.5"), "origin": "EWR", "seats": 149}
    assert read(EVENT | {"data": data, "datacontenttype": "application/json", "traceparent": "00-1"}) == UsageEvent(
        source="/departures",
        event_id="e1",
        event="departure",
        at=datetime(2013, 1, 1, 10, 17, tzinfo=UTC),
        customer_key="airline-UA",
        value=Decimal("2.5"),
        properties={"origin": "EWR", "seats": 149},
    )


@pytest.mark.parametrize("data", [{}, {"data": None}, {"data": {}}])
def test_it_may_carry_nothing(data: dict[str, object]) -> None:
    event = read(EVENT | data)
    assert isinstance(event, UsageEvent)
    assert (event.value, event.properties) == (None, {})


def test_an_extension_names_the_contract_and_the_subject_is_then_anything() -> None:
    for event in (without("subject") | {"contractid": "con_1"}, EVENT | {"contractid": "con_1", "subject": ""}):
        found = read(event)
        assert isinstance(found, UsageEvent)
        assert (found.contract_id, found.customer_key) == ("con_1", None)


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        (EVENT | {"specversion": "0.3"}, "/specversion"),
        (EVENT | {"specversion": 1.0}, "/specversion"),
        (without("id"), "/id"),
        (without("source"), "/source"),
        (without("type"), "/type"),
        (without("subject"), "/subject"),
        (without("time"), "/time"),
        (EVENT | {"id": ""}, "/id"),
        (EVENT | {"id": "x" * 1_000_000}, "/id"),
        (EVENT | {"source": 7}, "/source"),
        (EVENT | {"type": ["departure"]}, "/type"),
        (EVENT | {"subject": "a\0"}, "/subject"),
        (EVENT | {"contractid": 7}, "/contractid"),
        (EVENT | {"time": "2013-01-01T05:17:00"}, "/time"),
        (EVENT | {"data": [1]}, "/data"),
        (EVENT | {"data": "1"}, "/data"),
        (EVENT | {"data_base64": "MQ=="}, "/data_base64"),
        (EVENT | {"data": {"value": None}}, "/data/value"),
        (EVENT | {"data": {"value": Decimal("1e400")}}, "/data/value"),
        (EVENT | {"data": {"origin": {"code": "EWR"}}}, "/data/origin"),
        (EVENT | {"data": {f"p{number}": 1 for number in range(51)}}, "/data"),
        (EVENT | {"data": {"card": "4242 4242 4242 4242"}}, "/data"),
        (EVENT | {"traceparent": "4242424242424242"}, "/traceparent"),
    ],
)
def test_what_is_wrong_is_named_by_its_attribute(event: object, pointer: str) -> None:
    rejection = read(event)
    assert isinstance(rejection, Rejection)
    assert rejection.pointer == pointer


def test_where_only_cloudevents_are_meant_nothing_else_is_taken() -> None:
    rejection = read(OURS, only_cloud=True)
    assert rejection == Rejection("e2", 'This must be "1.0", the version of CloudEvents.', "/specversion")
    assert isinstance(read(7, only_cloud=True), Rejection)


async def test_one_a_batch_and_a_mixture_are_stored_alike(client: httpx.AsyncClient, database: Database) -> None:
    """The last request repeats in our own shape what the first sent as a CloudEvent: the key and the content count."""
    one = await client.post(URL, content=json.dumps(EVENT), headers=SINGLE)
    batch = await client.post(URL, content=json.dumps([EVENT, EVENT | {"id": "e3"}]), headers=BATCH)
    lines = "\n".join(json.dumps(event) for event in (EVENT | {"id": "e4"}, OURS, EVENT | {"specversion": "2.0"}))
    mixed_lines = await client.post(URL, content=lines, headers=LINES)
    same = {"id": "e1", "source": "/departures", "customer": "airline-UA", "event": "departure", "at": EVENT["time"]}
    mixed = await client.post(URL, json=[same, EVENT | {"id": "e5"}, EVENT | {"type": "arrival"}])

    assert one.json() == {
        "accepted": 1,
        "duplicate": 0,
        "conflict": 0,
        "replaced": 0,
        "rejected": 0,
        "results": [{"id": "e1", "result": "accepted", "contract": None}],
    }
    assert [result["result"] for result in batch.json()["results"]] == ["duplicate", "accepted"]
    assert [result["result"] for result in mixed_lines.json()["results"]] == ["accepted", "accepted", "rejected"]
    assert mixed_lines.json()["results"][2]["pointer"] == "/specversion"
    assert [result["result"] for result in mixed.json()["results"]] == ["duplicate", "accepted", "conflict"]
    assert rows(database, "SELECT source, event_id FROM usage_event ORDER BY event_id") == [
        ("/departures", "e1"),
        ("api", "e2"),
        ("/departures", "e3"),
        ("/departures", "e4"),
        ("/departures", "e5"),
    ]


async def test_the_status_tells_of_one_rejected_event_where_that_is_wanted(client: httpx.AsyncClient) -> None:
    event = json.dumps(EVENT | {"data": {"value": "much"}})
    response = await client.post(URL, params={"atomic": "true"}, content=event, headers=SINGLE)

    assert response.status_code == 422
    assert [fault["pointer"] for fault in response.json()["errors"]] == ["/data/value"]


async def test_a_batch_of_cloudevents_is_an_array(client: httpx.AsyncClient) -> None:
    for body in (EVENT, {"events": [EVENT]}, None):
        assert (await client.post(URL, content=json.dumps(body), headers=BATCH)).status_code == 422
    response = await client.post(URL, content=json.dumps([EVENT]), headers=SINGLE)
    assert response.json()["results"][0]["reason"] == "An event must be an object."
