from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.bodies import load_json
from api.usage_events import Rejection, read_event
from models.usage import UsageEvent

EVENT: dict[str, object] = {
    "id": "e1",
    "customer": "airline-UA",
    "event": "departure",
    "at": "2013-01-01T05:17:00-05:00",
}


def read(event: object) -> UsageEvent | Rejection:
    return read_event(event, search_cards=True)


def test_the_least_an_event_needs() -> None:
    assert read(EVENT) == UsageEvent(
        source="api",
        event_id="e1",
        event="departure",
        at=datetime(2013, 1, 1, 10, 17, tzinfo=UTC),
        customer_key="airline-UA",
    )


def test_all_an_event_can_say() -> None:
    raw = b"""{"id": "e1", "source": "ops", "contract": "con_1", "event": "departure", "at": "2013-01-01T05:17:00Z",
               "value": 149.50, "properties": {"origin": "EWR", "seats": 149, "wide": false, "fare": 0.10}}"""
    assert read(load_json(raw)) == UsageEvent(
        source="ops",
        event_id="e1",
        event="departure",
        at=datetime(2013, 1, 1, 5, 17, tzinfo=UTC),
        contract_id="con_1",
        value=Decimal("149.50"),
        properties={"origin": "EWR", "seats": 149, "wide": False, "fare": Decimal("0.10")},
    )


def test_a_value_may_be_written_as_text_like_the_amounts_of_terms() -> None:
    found = read(EVENT | {"value": "149.50"})
    assert isinstance(found, UsageEvent)
    assert found.value == Decimal("149.50")


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        (7, ""),
        (None, ""),
        ([], ""),
        (EVENT | {"extra": 1}, "/extra"),
        ({name: value for name, value in EVENT.items() if name != "id"}, "/id"),
        ({name: value for name, value in EVENT.items() if name != "event"}, "/event"),
        ({name: value for name, value in EVENT.items() if name != "at"}, "/at"),
        ({name: value for name, value in EVENT.items() if name != "customer"}, "/customer"),
        (EVENT | {"contract": "con_1"}, "/customer"),
        (EVENT | {"customer": None}, "/customer"),
        (EVENT | {"id": None}, "/id"),
        (EVENT | {"id": ""}, "/id"),
        (EVENT | {"id": 7}, "/id"),
        (EVENT | {"id": "x" * 201}, "/id"),
        (EVENT | {"id": "a\0"}, "/id"),
        (EVENT | {"id": "\ud800"}, "/id"),
        (EVENT | {"source": None}, "/source"),
        (EVENT | {"event": ["departure"]}, "/event"),
        (EVENT | {"at": "2013-01-01T05:17:00"}, "/at"),
        (EVENT | {"at": "2013-01-01"}, "/at"),
        (EVENT | {"at": "2013-02-30T00:00:00Z"}, "/at"),
        (EVENT | {"at": "yesterday"}, "/at"),
        (EVENT | {"at": 1357035420}, "/at"),
        (EVENT | {"at": None}, "/at"),
        (EVENT | {"at": "0001-01-01T00:00:00+14:00"}, "/at"),
        (EVENT | {"at": "9999-12-31T23:59:59-14:00"}, "/at"),
        (EVENT | {"value": None}, "/value"),
        (EVENT | {"value": True}, "/value"),
        (EVENT | {"value": "1e3"}, "/value"),
        (EVENT | {"value": ""}, "/value"),
        (EVENT | {"value": 10**18}, "/value"),
        (EVENT | {"value": Decimal("1e1000000")}, "/value"),
        (EVENT | {"value": Decimal("0." + "1" * 31)}, "/value"),
        (EVENT | {"properties": None}, "/properties"),
        (EVENT | {"properties": ["origin"]}, "/properties"),
        (EVENT | {"properties": {f"p{number}": 1 for number in range(51)}}, "/properties"),
        (EVENT | {"properties": {"": 1}}, "/properties"),
        (EVENT | {"properties": {"origin": None}}, "/properties/origin"),
        (EVENT | {"properties": {"origin": {"code": "EWR"}}}, "/properties/origin"),
        (EVENT | {"properties": {"note": "x" * 501}}, "/properties/note"),
        (EVENT | {"properties": {"note": "a\0"}}, "/properties/note"),
        (EVENT | {"properties": {"seats": 10**18}}, "/properties/seats"),
        (EVENT | {"id": "4242424242424242"}, "/id"),
        (EVENT | {"value": 4242424242424242}, "/value"),
        (EVENT | {"properties": {"card": "4242 4242 4242 4242"}}, "/properties"),
        (EVENT | {"properties": {"4242424242424242": 1}}, "/properties"),
    ],
)
def test_what_is_wrong_with_an_event_is_named(event: object, pointer: str) -> None:
    rejection = read(event)
    assert isinstance(rejection, Rejection)
    assert rejection.pointer == pointer
    assert len(rejection.reason) > 10


def test_a_rejection_repeats_the_id_unless_it_is_a_card_number() -> None:
    assert read(EVENT | {"at": 1}) == Rejection("e1", "This must be an instant such as 2013-01-01T05:17:00Z.", "/at")
    for event_id in ("4242424242424242", 7, "\ud800"):
        rejection = read(EVENT | {"id": event_id})
        assert isinstance(rejection, Rejection)
        assert rejection.event_id is None


def test_a_property_may_have_several_lines() -> None:
    event = read(EVENT | {"properties": {"note": "delayed\nby fog"}})
    assert isinstance(event, UsageEvent)
    assert event.properties == {"note": "delayed\nby fog"}


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.text(max_size=20)
    | st.sampled_from(list(EVENT.values())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(_VALUES | st.dictionaries(st.sampled_from([*EVENT, "contract", "value", "properties", "source"]), _VALUES))
def test_every_value_is_an_event_or_a_rejection(value: object) -> None:
    assert isinstance(read(value), UsageEvent | Rejection)
