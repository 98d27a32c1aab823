"""Where in a case something is wrong: pydantic's location as a path that a reader finds, and the keys known there."""

import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

# A date that is a key, as pydantic writes it.
_DAY = re.compile(r"datetime\.date\((\d+), (\d+), (\d+)\)")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a document, such as `contract.lines[0].price`, and the keys that may stand there."""

    path: str
    keys: tuple[str, ...]


def place(root: type[BaseModel], location: Sequence[int | str], prefix: str = "") -> Place:
    """The place of a mistake in what `root` describes.

    The name that tells a kind of price or filter from another is part of pydantic's location and not of the document:
    it is left out. The keys are those of the mapping that holds the last part, where that is one of a model.
    """
    path, found = prefix, [root]
    keys: tuple[str, ...] = ()
    for part in location:
        models = [one for one in found if _is_model(one)]
        chosen = [one for one in models if part in {*_tags(one), one.__name__}] if len(found) > 1 else []
        if chosen or part == "[key]" or _is_no_key(part):
            found = chosen or found
            continue
        keys = tuple(dict.fromkeys(key for one in models for key in _fields(one)))
        path += _step(part, path)
        found = [inner for one in found for inner in _inside(one, part)]
    return Place(path, keys)


def _is_no_key(part: int | str) -> bool:
    """Whether the part names a check of pydantic's and nothing in the document."""
    return isinstance(part, str) and part.startswith(("function-", "constrained-", "literal["))


def _step(part: int | str, path: str) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    day = _DAY.fullmatch(part)
    if day is not None:
        part = date(*(int(number) for number in day.groups())).isoformat()
    return f".{part}" if path else part


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _fields(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _tags(model: type[BaseModel]) -> set[str]:
    """The names by which a union tells the model from the others."""
    return {
        value
        for name in ("model", "kind", "op")
        if name in model.model_fields and get_origin(model.model_fields[name].annotation) is Literal
        for value in get_args(model.model_fields[name].annotation)
    }


def _inside(annotation: Any, part: int | str) -> Iterator[Any]:
    """What may stand in `annotation` under a key or a position."""
    if _is_model(annotation):
        field = _fields(annotation).get(str(part))
        if field is not None:
            yield from _plain(field.annotation)
    elif get_origin(annotation) is tuple and isinstance(part, int):
        arguments = get_args(annotation)
        yield from _plain(arguments[0] if arguments[-1] is Ellipsis else arguments[min(part, len(arguments) - 1)])
    elif get_origin(annotation) is dict:
        yield from _plain(get_args(annotation)[1])


def _plain(annotation: Any) -> Iterator[Any]:
    """The alternatives of an annotation, without what only describes them."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _plain(get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for alternative in get_args(annotation):
            yield from _plain(alternative)
    else:
        yield annotation
