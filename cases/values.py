"""Words and numbers that stand in many places of a case."""

from collections.abc import Mapping
from datetime import date, datetime
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from domain.line import Frozen
from domain.money import exponent
from domain.period import UnknownZone, check_zone


def _currency(code: str) -> str:
    exponent(code)
    return code


def _zone(name: str) -> str:
    try:
        return check_zone(name)
    except UnknownZone as error:
        close = get_close_matches(name, available_timezones(), 1)
        raise UnknownZone(f"{error}{f'; did you mean {close[0]}?' if close else ''}") from None


def _at(given: object) -> object:
    """A date stays one: pydantic would take it for an instant without a zone."""
    if isinstance(given, str):
        given = date.fromisoformat(given) if len(given) == len("2026-01-19") else datetime.fromisoformat(given)
    if isinstance(given, datetime) and given.tzinfo is None:
        raise ValueError("an instant needs a time zone, such as 2026-01-19T10:00:00Z")
    return given


def _property(given: object) -> object:
    match given:
        case str() | bool() | int():
            return given
        case float():
            raise ValueError('a float is not exact; write the number as a string, such as "12.30"')
    raise ValueError("expected a text, a whole number, true or false")


def _stated(given: object) -> object:
    # Nothing would be compared, and nobody would be told.
    if given is None:
        raise ValueError("nothing stands here; leave the key out, or write [] for none")
    return given


_T = TypeVar("_T")

Currency = Annotated[str, AfterValidator(_currency)]
Zone = Annotated[str, AfterValidator(_zone)]
Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
At = Annotated[date | datetime, BeforeValidator(_at)]
Instant = Annotated[datetime, BeforeValidator(_at)]
Number = Annotated[int, Field(ge=1, description="The number of an invoice, in the order of issue, from 1.")]
Property = Annotated[str | bool | int, BeforeValidator(_property)]
# What may be left out, but not left empty.
Stated = Annotated[_T | None, BeforeValidator(_stated)]


class Properties(Frozen):
    """Beside what is named, any property of the event."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Property]

    @property
    def properties(self) -> Mapping[str, Any]:
        """The properties that stand beside the named keys."""
        return dict(self.__pydantic_extra__)
