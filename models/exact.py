"""Values as JSON without loss: decimals as plain text, never as numbers."""

from decimal import Decimal

import orjson
from pydantic import BaseModel


def dumps(value: object) -> bytes:
    """`value` as JSON; dataclasses and models as objects, dates as ISO text, decimals as text such as "12.30".

    Raises:
        TypeError: if something in it has no exact form, such as a set.
    """
    return orjson.dumps(value, default=_exact)


def array(rows: list[bytes]) -> str:
    """One JSON array of values that are JSON already."""
    return (b"[" + b",".join(rows) + b"]").decode()


def _exact(value: object) -> object:
    match value:
        case Decimal():
            return f"{value:f}"
        case BaseModel():
            return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no exact form in JSON")
