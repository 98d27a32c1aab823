"""Reads usage events out of a batch, one by one and fast: what is wrong with one is its own result."""

from dataclasses import dataclass
from typing import Final

from api.cards import holds_card_number
from api.usage_cloud import cloud_event, is_cloud_event
from api.usage_fields import ID_LENGTH_MAX, Rejected, instant_of, name_of, properties_of, refuse_cards, value_of, within
from models.usage import UsageEvent

DEFAULT_SOURCE: Final = "api"

_FIELDS: Final = frozenset({"id", "source", "customer", "contract", "event", "at", "value", "properties"})


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an event cannot be taken, and where. `event_id` is None where the event has no id worth repeating."""

    event_id: str | None
    reason: str
    pointer: str


def read_event(item: object, *, search_cards: bool, only_cloud: bool = False) -> UsageEvent | Rejection:
    """The event that a JSON value describes in our own shape or as a CloudEvent, or why it describes none."""
    try:
        return _event(item, search_cards, only_cloud)
    except Rejected as error:
        return Rejection(_repeatable_id(item), error.reason, error.pointer)


def _repeatable_id(item: object) -> str | None:
    found = item.get("id") if isinstance(item, dict) else None
    if not isinstance(found, str) or len(found) > ID_LENGTH_MAX or not found.isprintable():
        return None
    return None if holds_card_number(found) else found


def _event(item: object, search_cards: bool, only_cloud: bool) -> UsageEvent:
    if type(item) is not dict:
        raise Rejected("An event must be an object.", "")
    if only_cloud:
        return cloud_event(item, search_cards=search_cards)
    if not item.keys() <= _FIELDS:
        if is_cloud_event(item):
            return cloud_event(item, search_cards=search_cards)
        unknown = min(str(name) for name in item.keys() - _FIELDS)
        raise Rejected("There is no such field; remove it or correct its name.", within("", unknown))
    if search_cards:
        refuse_cards(item, "properties")
    get = item.get
    names_contract = "contract" in item
    if names_contract == ("customer" in item):
        raise Rejected("Give either the key of a customer or the id of a contract.", "/customer")
    return UsageEvent(
        source=name_of(get("source", DEFAULT_SOURCE), "/source"),
        event_id=name_of(get("id"), "/id"),
        event=name_of(get("event"), "/event"),
        at=instant_of(get("at"), "/at"),
        customer_key=None if names_contract else name_of(get("customer"), "/customer"),
        contract_id=name_of(get("contract"), "/contract") if names_contract else None,
        value=value_of(item["value"], "/value") if "value" in item else None,
        properties=properties_of(item["properties"], "/properties") if "properties" in item else {},
    )
