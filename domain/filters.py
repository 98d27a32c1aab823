"""Conditions on the properties of usage events; `models.usage_filters` states them in SQL."""

import operator
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.prices import Exact

Property = str | bool | int | Decimal
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
# The database stores no NUL in a text.
Word = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]

_ORDER = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


class _Condition(BaseModel):
    """On one property of an event. What the event lacks fulfils nothing but `exists` with false."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    property: Name


class Equals(_Condition):
    """The property, as JSON writes it, is this text, or is another: 1.0 and 1.00 are two."""

    op: Literal["eq", "ne"]
    value: Word


class OneOf(_Condition):
    """The property, as JSON writes it, is among these texts, or is another."""

    op: Literal["in", "not_in"]
    value: tuple[Word, ...] = Field(min_length=1, max_length=100)


class Compares(_Condition):
    """The property is a number beyond, or up to, this one; a text is no number, whatever it holds."""

    op: Literal["gt", "gte", "lt", "lte"]
    value: Exact


class Exists(_Condition):
    """The event has the property, or lacks it."""

    op: Literal["exists"]
    value: bool = Field(default=True, strict=True)


Filter = Annotated[Equals | OneOf | Compares | Exists, Field(discriminator="op")]


def passes(properties: Mapping[str, Property], filters: Sequence[Filter]) -> bool:
    """Whether all the conditions hold of an event with these properties."""
    return all(_holds(properties.get(one.property), one) for one in filters)


def text_of(found: Property) -> str:
    """A property as JSON writes it, texts without their quotes."""
    match found:
        case bool():
            return "true" if found else "false"
        case Decimal():
            return f"{found if found else abs(found):f}"
        case _:
            return str(found)


def number_of(found: Property | None) -> Decimal | None:
    """A property that is a number; none for anything else."""
    if isinstance(found, str | bool):
        return None
    return Decimal(found) if isinstance(found, int) else found


def _holds(found: Property | None, condition: Filter) -> bool:
    if isinstance(condition, Exists):
        return (found is not None) == condition.value
    if found is None:
        return False
    match condition:
        case Equals():
            return (text_of(found) == condition.value) == (condition.op == "eq")
        case OneOf():
            return (text_of(found) in condition.value) == (condition.op == "in")
        case Compares():
            number = number_of(found)
            return number is not None and _ORDER[condition.op](number, condition.value)
