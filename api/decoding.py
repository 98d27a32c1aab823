"""JSON out of bytes: decimals exact, numbers finite."""

import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn


class NotJson(Exception):
    """What is wrong with the bytes, and where, both counted from 1; 0 where the place is not known."""

    def __init__(self, reason: str, line: int = 0, column: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


class NoNumber:
    """Stands where a number stood that is not finite, or too long to be read."""


def decode(raw: bytes, *, any_number: bool = False) -> Any:
    """The value in `raw`.

    With `any_number` a number that cannot be held is a `NoNumber`, so that it spoils no more than its own place.

    Raises:
        NotJson: it holds none.
        RecursionError: it is nested so deep that it cannot be read.
    """
    try:
        return _DECODER.decode(raw.decode())
    except UnicodeDecodeError:
        raise NotJson("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"not JSON: {error.msg}", error.lineno, error.colno) from None
    except (ValueError, InvalidOperation):
        if any_number:
            return _LENIENT.decode(raw.decode())
        raise NotJson("not JSON: a number is not finite or too long") from None


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError


def _number(read: Callable[[str], object]) -> Callable[[str], object]:
    def number(digits: str) -> object:
        try:
            return read(digits)
        except (ValueError, InvalidOperation):
            return NoNumber()

    return number


# Made once: for one line of many, making a decoder takes longer than decoding.
_DECODER: Final = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)
_LENIENT: Final = json.JSONDecoder(
    parse_float=_number(Decimal), parse_int=_number(int), parse_constant=_number(_refuse_constant)
)
