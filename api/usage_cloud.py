"""CloudEvents 1.0 as usage: their attributes are the fields, and `data` holds the value and the properties.

    id, source    the key of the event         type    what happened
    subject       the customer's key           time    when it happened
    contractid    an extension: the contract's id, in place of the subject
    data          `value` and, beside it, the properties

Other attributes are for those on the way, such as `traceparent`, and are not stored.
"""

from collections.abc import Mapping
from typing import Any, Final

from api.usage_fields import Rejected, instant_of, name_of, properties_of, refuse_cards, value_of
from models.usage import UsageEvent

SPEC_VERSION: Final = "1.0"


def is_cloud_event(item: Mapping[str, Any]) -> bool:
    """Whether the object says that it is a CloudEvent, of whatever version."""
    return "specversion" in item


def cloud_event(item: Mapping[str, Any], *, search_cards: bool) -> UsageEvent:
    """The usage that a CloudEvent tells of.

    Raises:
        Rejected: it is none, or cannot be taken; the pointer names the attribute.
    """
    get = item.get
    if get("specversion") != SPEC_VERSION:
        raise Rejected(f'This must be "{SPEC_VERSION}", the version of CloudEvents.', "/specversion")
    if search_cards:
        refuse_cards(item, "data")
    contract_id, customer_key = get("contractid"), get("subject")
    if contract_id is None and customer_key is None:
        raise Rejected("Give the key of a customer here, or the id of a contract in contractid.", "/subject")
    data = _data(item)
    return UsageEvent(
        source=name_of(get("source"), "/source"),
        event_id=name_of(get("id"), "/id"),
        event=name_of(get("type"), "/type"),
        at=instant_of(get("time"), "/time"),
        customer_key=name_of(customer_key, "/subject") if contract_id is None else None,
        contract_id=None if contract_id is None else name_of(contract_id, "/contractid"),
        value=value_of(data["value"], "/data/value") if "value" in data else None,
        properties=properties_of({name: data[name] for name in data if name != "value"}, "/data"),
    )


def _data(item: Mapping[str, Any]) -> Mapping[str, Any]:
    if item.get("data_base64") is not None:
        raise Rejected("Send what the event holds as an object in data.", "/data_base64")
    data = item.get("data")
    if data is None:
        return {}
    if type(data) is not dict:
        raise Rejected("This must be an object: the value and the properties.", "/data")
    return data
