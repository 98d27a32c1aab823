"""Lists as Stripe pages them: newest first, cursors by object id, `has_more`."""

from typing import Any, Final

from sandbox.stripe.errors import bad_parameter, no_such
from sandbox.stripe.forms import Params
from sandbox.stripe.operation import Operation, public
from sandbox.stripe.store import INDEXED, Json

COMPARISONS: Final = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
PAGING: Final = frozenset({"limit", "starting_after", "ending_before", "created", "expand"})


def page(op: Operation, params: Params, kind: str, url: str, filters: dict[str, str | None]) -> Json:
    """One page of the objects of a kind; a filter that is None does not apply."""
    asked = params.integer("limit")
    limit = 10 if asked is None else asked
    if not 1 <= limit <= 100:
        raise bad_parameter("limit must be between 1 and 100", param="limit", code="parameter_invalid_integer")
    where, values = _created(params)
    for name, value in filters.items():
        if value is not None:
            column = name if name in INDEXED else f"json_extract(CAST(body AS TEXT), '$.{name}')"
            where.append(f"{column} = ?")
            values.append(value)
    after, before = params.text("starting_after"), params.text("ending_before")
    if after and before:
        raise bad_parameter("Use either starting_after or ending_before.", param="ending_before")
    if after or before:
        where.append("seq < ?" if after else "seq > ?")
        values.append(_cursor(op, kind, after or before or "", "starting_after" if after else "ending_before"))
    found = op.store.select(kind, where, values, newest_first=not before, limit=limit + 1)
    shown = found[:limit] if not before else found[:limit][::-1]
    return {
        "object": "list",
        "data": [public(obj) for obj in shown],
        "has_more": len(found) > limit,
        "url": url,
    }


def _cursor(op: Operation, kind: str, id_: str, param: str) -> int:
    seq = op.store.seq_of(kind, id_)
    if seq is None:
        raise no_such(kind, id_, param=param)
    return seq


def _created(params: Params) -> tuple[list[str], list[Any]]:
    """The conditions of `created=T` or `created[gte]=T`."""
    value = params.values.get("created")
    if value is None:
        return [], []
    if not isinstance(value, dict):
        return ["created = ?"], [params.integer("created")]
    unknown = set(value) - set(COMPARISONS)
    if unknown:
        raise bad_parameter(f"Unknown comparison: {min(unknown)}", param="created")
    bounds = Params(value)
    return [f"created {COMPARISONS[name]} ?" for name in value], [bounds.integer(name) for name in value]
