"""`expand[]`: ids in an answer replaced by the objects they stand for."""

from collections.abc import Callable
from typing import Any, Final

from sandbox.stripe.errors import bad_parameter
from sandbox.stripe.store import Json

DEEPEST: Final = 4
Lookup = Callable[[str], Json | None]


def expand(answer: Json, paths: list[str], lookup: Lookup) -> Json:
    """The answer with every path expanded; `data.` in front of a path goes through a list.

    Raises:
        StripeError: the path leads to something that is not an id, or goes too deep.
    """
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEEPEST:
            raise bad_parameter(f"You cannot expand more than {DEEPEST} levels.", param="expand")
        _expand(answer, steps, path, lookup)
    return answer


def _expand(node: Any, steps: list[str], path: str, lookup: Lookup) -> None:
    if isinstance(node, list):
        for item in node:
            _expand(item, steps, path, lookup)
        return
    step, *rest = steps
    if not isinstance(node, dict) or step not in node:
        raise bad_parameter(f"This property cannot be expanded ({path}).", param="expand")
    value = node[step]
    if isinstance(value, str):
        found = lookup(value)
        if found is None:
            raise bad_parameter(f"This property cannot be expanded ({path}).", param="expand")
        node[step] = value = found
    elif value is not None and not isinstance(value, (dict, list)):
        raise bad_parameter(f"This property cannot be expanded ({path}).", param="expand")
    if rest and value is not None:
        _expand(value, rest, path, lookup)
