"""Finds card numbers in what callers send, so that none is ever stored or logged."""

import re
from typing import Final

# As printed on cards: in one piece, in fours, or as American Express (4-6-5) and Diners (4-6-4) group them.
# Other groupings are dates, times and reference numbers that happen to add up.
_SHAPE: Final = re.compile(
    r"(?<![0-9])(?:[0-9]{13,19}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,4}(?:\1[0-9]{1,3})?"
    r"|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5})(?![0-9])"
)
# A first digit that card networks give out. Instants in milli-, micro- and nanoseconds begin with 1 until 2033.
_NETWORK: Final = re.compile(r"[3-6]|2(?:20|22[1-9]|2[3-9]|[3-6]|7[01]|720)[0-9]|8[12]|9792|1[0-9]{14}$")

# Our own ids and UUIDs: among so many hexadecimal digits some are bound to look like a card.
_ID: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:[a-z]{2,5}_[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"(?![0-9A-Za-z])"
)

# Every digit as 0 and every other byte but the separators as x: a search for a shape is then a search for bytes.
_OUTLINE: Final = bytes(48 if 48 <= code <= 57 else code if code in b" -" else ord("x") for code in range(256))
_OUTLINES: Final = (b"0" * 13, b"0000-0000-0000-", b"0000 0000 0000 ", b"0000-000000-0000", b"0000 000000 0000")


def may_hold_card_number(raw: bytes) -> bool:
    """Whether JSON of any size can hold the digits of a card at all: a fast look that never misses one."""
    outline = raw.translate(_OUTLINE)
    return any(shape in outline for shape in _OUTLINES) or rb"\u00" in raw


def holds_card_number(text: str) -> bool:
    """Whether the text contains 13 to 19 digits that could be a payment card, other than within an id."""
    if len(text) < 13 or _SHAPE.search(text) is None:
        return False
    others = _ID.sub("_", text)
    return any(_is_card_number(re.sub("[ -]", "", found[0])) for found in _SHAPE.finditer(others))


def _is_card_number(digits: str) -> bool:
    return _NETWORK.match(digits) is not None and _luhn(digits)


def _luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    plain = (int(digit) for digit in digits[-1::-2])
    return (sum(doubled) + sum(plain)) % 10 == 0
