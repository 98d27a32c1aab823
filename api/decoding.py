"""JSON out of bytes: decimals exact, numbers finite."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn


class NotJson(Exception):
    """What is wrong with the bytes, and where, both counted from 1; 0 where the place is not known."""

    def __init__(self, reason: str, line: int = 0, column: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


def decode(raw: bytes) -> Any:
    """The value in `raw`.

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
        raise NotJson("not JSON: a number is not finite or too long") from None


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError


# Made once: for one line of many, making a decoder takes longer than decoding.
_DECODER: Final = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)
