"""A meter's filters in SQL, as `domain.filters` has them in memory."""

from collections.abc import Sequence

from domain.filters import Compares, Equals, Exists, Filter, OneOf

_ORDER = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def conditions(filters: Sequence[Filter]) -> str:
    """What to add to a WHERE over usage events; it names what `bound` binds and holds no word of the filters."""
    return "".join(f" AND {_condition(one, f'filter_{number}')}" for number, one in enumerate(filters))


def bound(filters: Sequence[Filter]) -> dict[str, object]:
    """The parameters of `conditions`."""
    parameters: dict[str, object] = {}
    for number, one in enumerate(filters):
        parameters[f"filter_{number}"] = one.property
        if not isinstance(one, Exists):
            parameters[f"filter_{number}_value"] = list(one.value) if isinstance(one, OneOf) else one.value
    return parameters


def _condition(one: Filter, name: str) -> str:
    found = f"properties ->> CAST(:{name} AS text)"
    match one:
        case Exists():
            return f"({found}) IS {'NOT NULL' if one.value else 'NULL'}"
        case Equals():
            return f"({found}) {'=' if one.op == 'eq' else '<>'} CAST(:{name}_value AS text)"
        case OneOf():
            return f"({found}) {'= ANY' if one.op == 'in' else '<> ALL'} (CAST(:{name}_value AS text[]))"
        case Compares():
            kind = f"jsonb_typeof(properties -> CAST(:{name} AS text))"
            number = f"CASE {kind} WHEN 'number' THEN CAST({found} AS numeric) END"
            return f"({number}) {_ORDER[one.op]} CAST(:{name}_value AS numeric)"
