"""Reads usage events out of a batch, one by one and fast: what is wrong with one is its own result."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from api.cards import holds_card_number
from domain.prices import plain_decimal
from models.usage import UsageEvent

DEFAULT_SOURCE: Final = "api"
ID_LENGTH_MAX: Final = 200
TEXT_LENGTH_MAX: Final = 500
PROPERTIES_MAX: Final = 50
INTEGER_MAX: Final = 10**18
DECIMAL_DIGITS_MAX: Final = 30
YEAR_MIN, YEAR_MAX = 1970, 2200

_FIELDS: Final = frozenset({"id", "source", "customer", "contract", "event", "at", "value", "properties"})


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an event cannot be taken, and where. `event_id` is None where the event has no id worth repeating."""

    event_id: str | None
    reason: str
    pointer: str


class _Rejected(Exception):
    def __init__(self, reason: str, pointer: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pointer = pointer


def read_event(item: object, *, search_cards: bool) -> UsageEvent | Rejection:
    """The event that a JSON value describes, or why it describes none."""
    try:
        return _event(item, search_cards)
    except _Rejected as error:
        return Rejection(_repeatable_id(item), error.reason, error.pointer)


def _repeatable_id(item: object) -> str | None:
    found = item.get("id") if isinstance(item, dict) else None
    if not isinstance(found, str) or len(found) > ID_LENGTH_MAX or not found.isprintable():
        return None
    return None if holds_card_number(found) else found


def _event(item: object, search_cards: bool) -> UsageEvent:
    if type(item) is not dict:
        raise _Rejected("An event must be an object.", "")
    if not item.keys() <= _FIELDS:
        unknown = min(str(name) for name in item.keys() - _FIELDS)
        raise _Rejected("There is no such field; remove it or correct its name.", f"/{unknown[:ID_LENGTH_MAX]}")
    if search_cards:
        _refuse_cards(item)
    get = item.get
    names_contract = "contract" in item
    if names_contract == ("customer" in item):
        raise _Rejected("Give either the key of a customer or the id of a contract.", "/customer")
    return UsageEvent(
        source=_name(get("source", DEFAULT_SOURCE), "/source"),
        event_id=_name(get("id"), "/id"),
        event=_name(get("event"), "/event"),
        at=_instant(get("at")),
        customer_key=None if names_contract else _name(get("customer"), "/customer"),
        contract_id=_name(get("contract"), "/contract") if names_contract else None,
        value=_value(item["value"]) if "value" in item else None,
        properties=_properties(item["properties"]) if "properties" in item else {},
    )


def _name(value: object, pointer: str) -> str:
    # `isprintable` also refuses NUL and half surrogates, which the database could not store.
    if type(value) is str and 0 < len(value) <= ID_LENGTH_MAX and value.isprintable():
        return value
    if value is None:
        raise _Rejected("This is required and cannot be null.", pointer)
    raise _Rejected(f"This must be a text of 1 to {ID_LENGTH_MAX} printable characters.", pointer)


def _instant(value: object) -> datetime:
    try:
        at = datetime.fromisoformat(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise _Rejected("This must be an instant such as 2013-01-01T05:17:00Z.", "/at") from None
    if at.tzinfo is None:
        raise _Rejected("The instant has no offset; end it with Z or an offset such as -05:00.", "/at")
    if not YEAR_MIN <= at.year <= YEAR_MAX:
        raise _Rejected(f"The year must lie between {YEAR_MIN} and {YEAR_MAX}.", "/at")
    return at.astimezone(UTC)


def _value(value: object) -> Decimal | int:
    """A number, or one written as text like the amounts of terms."""
    if type(value) is not str:
        return _number(value, "/value")
    try:
        return _number(plain_decimal(value), "/value")
    except ValueError:
        raise _Rejected('A number as text must be written like "1500" or "12.5".', "/value") from None


def _number(value: object, pointer: str) -> Decimal | int:
    if type(value) is int and -INTEGER_MAX < value < INTEGER_MAX:
        return value
    if type(value) is Decimal and value.is_finite() and _is_short(value):
        return value
    if type(value) is int or type(value) is Decimal:
        raise _Rejected(f"Give at most 18 digits, or {DECIMAL_DIGITS_MAX} with a decimal point.", pointer)
    raise _Rejected("This must be a number; leave it out where there is none.", pointer)


def _is_short(value: Decimal) -> bool:
    _, digits, exponent = value.as_tuple()
    return isinstance(exponent, int) and len(digits) <= DECIMAL_DIGITS_MAX and abs(exponent) <= DECIMAL_DIGITS_MAX


def _properties(value: object) -> Mapping[str, object]:
    if type(value) is not dict:
        raise _Rejected("Properties must be an object.", "/properties")
    if len(value) > PROPERTIES_MAX:
        raise _Rejected(f"There are more than {PROPERTIES_MAX} properties.", "/properties")
    for name, content in value.items():
        if not (0 < len(name) <= ID_LENGTH_MAX and name.isprintable()):
            raise _Rejected("A property's name must be a short printable text.", "/properties")
        if type(content) is not str or len(content) > TEXT_LENGTH_MAX or not content.isprintable():
            _check_property(content, f"/properties/{name}")
    return value


def _check_property(content: object, pointer: str) -> None:
    """Let numbers, booleans and texts with line breaks pass, which the quick test did not know."""
    if isinstance(content, bool):
        return
    if isinstance(content, str):
        if len(content) > TEXT_LENGTH_MAX:
            raise _Rejected(f"The text is longer than {TEXT_LENGTH_MAX} characters.", pointer)
        if "\0" in content or any("\ud800" <= letter <= "\udfff" for letter in content):
            raise _Rejected("The text holds a NUL or half of a surrogate pair.", pointer)
        return
    if not isinstance(content, int | Decimal):
        raise _Rejected("A property must be a text, a number or a boolean.", pointer)
    _number(content, pointer)


def _refuse_cards(item: Mapping[str, object]) -> None:
    texts: dict[str, object] = {f"/{name}": content for name, content in item.items()}
    properties = item.get("properties")
    if isinstance(properties, dict):
        for name, content in properties.items():
            texts[f"/properties/{name}"] = f"{name}\n{content}"
    for pointer, content in texts.items():
        if isinstance(content, str | int | Decimal) and holds_card_number(str(content)):
            where = "/properties" if pointer.startswith("/properties") else pointer
            raise _Rejected("This looks like a card number, which is never accepted here.", where)
