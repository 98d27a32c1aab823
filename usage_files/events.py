"""Rows as events: what a cell becomes, and why one becomes nothing."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import orjson

from api.decoding import NoNumber, NotJson, decode
from api.usage_fields import ID_LENGTH_MAX
from api.usage_lines import LINE_BYTES_MAX
from usage_files.asked import Unmappable
from usage_files.mapping import Kind, Mapped
from usage_files.rows import NoCell, Row, plain

# Beyond them the writer of JSON takes an integer only as text.
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**64 - 1
# Text that Python reads as a number but nobody writes, such as 1_000 or NaN, is none.
_NUMBER: Final = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")


def event_line(row: Row, mapped: Mapped) -> bytes:
    """The event of a row, as a line of JSON.

    Raises:
        Unmappable: the row is none.
    """
    try:
        line = as_json(event_of(row, mapped))
    except (orjson.JSONEncodeError, UnicodeError):
        raise Unmappable("A text is not UTF-8, or what it holds is nothing that JSON knows.", "") from None
    if len(line) > LINE_BYTES_MAX:
        raise Unmappable(f"The event is longer than {LINE_BYTES_MAX} bytes.", "")
    return line


def event_of(row: Row, mapped: Mapped) -> dict[str, Any]:
    """The event of a row in our own shape; a CloudEvent stays as it is.

    Raises:
        Unmappable: a cell cannot be what it is to be.
    """
    if mapped.rows_name_columns and "specversion" in row.cells:
        return dict(row.cells)
    event: dict[str, Any] = dict(mapped.constants)
    properties: dict[str, object] = {}
    for name, column in mapped.columns.items():
        if (cell := row.cells.get(column)) is None:
            continue
        if name == "at":
            event[name] = mapped.instants.instant(_readable(cell, "/at"))
        elif name == "value":
            event[name] = _value(_readable(cell, "/value"))
        elif name == "properties":
            properties |= _given(_readable(cell, "/properties"))
        else:
            event[name] = _text(cell, f"/{name}")
    if "id" not in event:
        event["id"] = _derived_id(row, mapped)
    properties |= _properties(row, mapped)
    if properties:
        event["properties"] = properties
    return event


def as_json(value: object) -> bytes:
    """JSON with every digit of its numbers."""
    return orjson.dumps(value, default=_exact, option=orjson.OPT_UTC_Z)


def _exact(value: object) -> object:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} is nothing that an event holds")


def _readable(cell: object, pointer: str) -> object:
    """The cell, an integer that is too large for the writer as a decimal."""
    if isinstance(cell, NoCell):
        raise Unmappable(cell.reason, pointer)
    if isinstance(cell, NoNumber):
        raise Unmappable("The number is not finite, or too long.", pointer)
    if isinstance(cell, int) and not INTEGER_MIN <= cell <= INTEGER_MAX:
        return Decimal(cell)
    return cell


def _derived_id(row: Row, mapped: Mapped) -> str:
    if mapped.id_prefix is not None:
        return f"{mapped.id_prefix}-{row.number}"
    if not mapped.id_from:
        raise Unmappable("The row has no id.", "/id")
    parts = [_part(row, column) for column in mapped.id_from]
    joined = "/".join(part.replace("~", "~0").replace("/", "~1") for part in parts)
    if len(joined) > ID_LENGTH_MAX:
        raise Unmappable(f"The id from these columns is longer than {ID_LENGTH_MAX} characters.", "/id")
    return joined


def _part(row: Row, column: str) -> str:
    if (cell := row.cells.get(column)) is None:
        raise Unmappable(f"The column {column!r}, which the id is made from, is empty.", "/id")
    return _as_text(_readable(cell, "/id"), "/id")


def _text(cell: object, pointer: str) -> str:
    """A text; an integer is taken for one, since keys and ids often are."""
    if isinstance(cell, str):
        return cell
    cell = _readable(cell, pointer)
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    raise Unmappable("This must be a text.", pointer)


def _value(cell: object) -> object:
    """A number, or one written as text."""
    if isinstance(cell, str):
        return _as_number(cell, "/value")
    if isinstance(cell, bool) or not isinstance(cell, int | Decimal):
        raise Unmappable("This must be a number; leave it out where there is none.", "/value")
    return cell


def _properties(row: Row, mapped: Mapped) -> dict[str, object]:
    """The properties that have columns of their own."""
    cells = row.cells
    found = {
        one.name: _property(cell, one.kind, f"/properties/{one.name}")
        for one in mapped.properties
        if (cell := cells.get(one.column)) is not None
    }
    if mapped.every_property:
        for name in cells.keys() - mapped.used:
            found[name] = _property(cells[name], None, f"/properties/{name}")
    return found


def _given(cell: object) -> dict[str, object]:
    """The properties that stand in one cell, as an object or as its JSON."""
    if isinstance(cell, str):
        try:
            cell = decode(cell.encode(errors="surrogateescape"), any_number=True)
        except (NotJson, RecursionError) as error:
            raise Unmappable(f"The properties are {error}.", "/properties") from None
    if not isinstance(cell, dict):
        raise Unmappable("Properties must be an object.", "/properties")
    return {name: _property(inner, None, f"/properties/{name}") for name, inner in cell.items()}


def _property(cell: object, kind: Kind | None, pointer: str) -> object:
    cell = _readable(cell, pointer)
    if kind == "text":
        return _as_text(cell, pointer)
    if isinstance(cell, str) and kind is not None:
        return _as_number(cell, pointer) if kind == "number" else _as_boolean(cell, pointer)
    if kind == "number" and isinstance(cell, bool | datetime | date):
        raise Unmappable("This must be a number.", pointer)
    if kind == "boolean" and not isinstance(cell, bool):
        raise Unmappable("This must be true or false.", pointer)
    if isinstance(cell, str | bool | int | Decimal):
        return cell
    if isinstance(cell, date):
        return cell.isoformat()
    raise Unmappable("A property must be a text, a number or a boolean.", pointer)


def _as_text(cell: object, pointer: str) -> str:
    match cell:
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case int():
            return str(cell)
        case Decimal():
            return f"{cell:f}"
        case date():
            return cell.isoformat()
        case _:
            raise Unmappable("This cannot be written as a text.", pointer)


def _as_number(text: str, pointer: str) -> Decimal:
    if _NUMBER.fullmatch(stripped := text.strip()) is None:
        raise Unmappable("This must be a number such as 1500 or 12.5.", pointer)
    number = Decimal(stripped)
    return plain(number) if "e" in stripped.lower() else number


def _as_boolean(text: str, pointer: str) -> bool:
    lowered = text.strip().lower()
    if lowered not in ("true", "false"):
        raise Unmappable("This must be true or false.", pointer)
    return lowered == "true"
