"""The fields of a usage event, whatever shape it came in. Each function gives what is stored, or raises `Rejected`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from api.cards import holds_card_number
from api.decoding import NoNumber
from api.pointers import escaped
from domain.prices import plain_decimal

ID_LENGTH_MAX: Final = 200
TEXT_LENGTH_MAX: Final = 500
PROPERTIES_MAX: Final = 50
INTEGER_MAX: Final = 10**18
DECIMAL_DIGITS_MAX: Final = 30
YEAR_MIN, YEAR_MAX = 1970, 2200


class Rejected(Exception):
    """Why a field cannot be taken; `pointer` is within the event."""

    def __init__(self, reason: str, pointer: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pointer = pointer


def name_of(value: object, pointer: str) -> str:
    """A name or an id: short, printable, not empty."""
    # `isprintable` also refuses NUL and half surrogates, which the database could not store.
    if type(value) is str and 0 < len(value) <= ID_LENGTH_MAX and value.isprintable():
        return value
    if value is None:
        raise Rejected("This is required and cannot be null.", pointer)
    raise Rejected(f"This must be a text of 1 to {ID_LENGTH_MAX} printable characters.", pointer)


def instant_of(value: object, pointer: str) -> datetime:
    """An instant with an offset, in UTC."""
    try:
        at = datetime.fromisoformat(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise Rejected("This must be an instant such as 2013-01-01T05:17:00Z.", pointer) from None
    if at.tzinfo is None:
        raise Rejected("The instant has no offset; end it with Z or an offset such as -05:00.", pointer)
    if not YEAR_MIN <= at.year <= YEAR_MAX:
        raise Rejected(f"The year must lie between {YEAR_MIN} and {YEAR_MAX}.", pointer)
    return at.astimezone(UTC)


def value_of(value: object, pointer: str) -> Decimal | int:
    """A number, or one written as text like the amounts of terms."""
    if type(value) is not str:
        return _number(value, pointer)
    try:
        return _number(plain_decimal(value), pointer)
    except ValueError:
        raise Rejected('A number as text must be written like "1500" or "12.5".', pointer) from None


def within(pointer: str, name: str) -> str:
    """The pointer to the field `name` of what `pointer` points to, or that itself where the name is not to be told."""
    if not (len(name) <= ID_LENGTH_MAX and name.isprintable()) or holds_card_number(name):
        return pointer
    return f"{pointer}/{escaped(name)}"


def _number(value: object, pointer: str) -> Decimal | int:
    if type(value) is int and -INTEGER_MAX < value < INTEGER_MAX:
        return value
    if type(value) is Decimal and value.is_finite() and _is_short(value):
        return value
    if type(value) is NoNumber:
        raise Rejected("The number is not finite, or too long.", pointer)
    if type(value) is int or type(value) is Decimal:
        raise Rejected(f"Give at most 18 digits, or {DECIMAL_DIGITS_MAX} with a decimal point.", pointer)
    raise Rejected("This must be a number; leave it out where there is none.", pointer)


def _is_short(value: Decimal) -> bool:
    _, digits, exponent = value.as_tuple()
    return isinstance(exponent, int) and len(digits) <= DECIMAL_DIGITS_MAX and abs(exponent) <= DECIMAL_DIGITS_MAX


def properties_of(value: object, pointer: str) -> Mapping[str, object]:
    """Texts, numbers and booleans by their names."""
    if type(value) is not dict:
        raise Rejected("Properties must be an object.", pointer)
    if len(value) > PROPERTIES_MAX:
        raise Rejected(f"There are more than {PROPERTIES_MAX} properties.", pointer)
    for name, content in value.items():
        if not (0 < len(name) <= ID_LENGTH_MAX and name.isprintable()):
            raise Rejected("A property's name must be a short printable text.", pointer)
        # Most are plain texts and numbers; the rest is looked at more closely.
        if type(content) is str:
            if len(content) <= TEXT_LENGTH_MAX and content.isprintable():
                continue
        elif type(content) is int and -INTEGER_MAX < content < INTEGER_MAX:
            continue
        _check_property(content, within(pointer, name))
    return value


def _check_property(content: object, pointer: str) -> None:
    """Let numbers, booleans and texts with line breaks pass, which the quick test did not know."""
    if isinstance(content, bool):
        return
    if isinstance(content, str):
        if len(content) > TEXT_LENGTH_MAX:
            raise Rejected(f"The text is longer than {TEXT_LENGTH_MAX} characters.", pointer)
        if "\0" in content or any("\ud800" <= letter <= "\udfff" for letter in content):
            raise Rejected("The text holds a NUL or half of a surrogate pair.", pointer)
        return
    if not isinstance(content, int | Decimal | NoNumber):
        raise Rejected("A property must be a text, a number or a boolean.", pointer)
    _number(content, pointer)


def refuse_cards(item: Mapping[str, object], inner: str) -> None:
    """Refuse an event with a card number in a field, or in a name or content of its field `inner`."""
    texts: list[tuple[str, object]] = [(within("", name), content) for name, content in item.items()]
    details = item.get(inner)
    if isinstance(details, dict):
        texts.extend((f"/{inner}", f"{name}\n{content}") for name, content in details.items())
    for pointer, content in texts:
        if isinstance(content, str | int | Decimal) and holds_card_number(str(content)):
            raise Rejected("This looks like a card number, which is never accepted here.", pointer)
