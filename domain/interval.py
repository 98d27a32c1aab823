"""How long a billing period is, as a contract states it: a month, six months, two weeks, ten days."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

Unit = Literal["day", "week", "month", "quarter", "year"]


@dataclass(frozen=True, slots=True)
class Interval:
    """The length of a period: calendar months, or days."""

    months: int = 0
    days: int = 0

    def __post_init__(self) -> None:
        if min(self.months, self.days) < 0 or (self.months == 0) == (self.days == 0):
            raise ValueError(f"a period lasts a number of months or of days: {self.months} months, {self.days} days")


_INTERVALS: Mapping[Unit, Interval] = MappingProxyType(
    {
        "day": Interval(days=1),
        "week": Interval(days=7),
        "month": Interval(months=1),
        "quarter": Interval(months=3),
        "year": Interval(months=12),
    }
)
# What a month's worth of a price is: a year has 12 months, 52 weeks and 365 days.
_MONTHS: Mapping[Unit, Fraction] = MappingProxyType(
    {
        "day": Fraction(12, 365),
        "week": Fraction(12, 52),
        "month": Fraction(1),
        "quarter": Fraction(3),
        "year": Fraction(12),
    }
)


def _not_stated(count: int) -> bool:
    return count == 0


def _hide_default(schema: dict[str, Any]) -> None:
    # 0 says that the key is absent: nobody may write it.
    schema.pop("default")


def _count(most: int) -> Any:
    return Field(default=0, strict=True, ge=1, le=most, exclude_if=_not_stated, json_schema_extra=_hide_default)


class Length(BaseModel):
    """A number of days, weeks, months, quarters or years, written as a mapping with that one key."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"minProperties": 1, "maxProperties": 1, "examples": [{"months": 6}]},
    )

    days: int = _count(3660)
    weeks: int = _count(522)
    months: int = _count(1200)
    quarters: int = _count(400)
    years: int = _count(100)

    @model_validator(mode="after")
    def _has_one_key(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("give exactly one of days, weeks, months, quarters, years")
        return self

    @property
    def parts(self) -> tuple[int, Unit]:
        """How many of which unit."""
        counts: tuple[tuple[int, Unit], ...] = (
            (self.days, "day"),
            (self.weeks, "week"),
            (self.months, "month"),
            (self.quarters, "quarter"),
            (self.years, "year"),
        )
        return next(part for part in counts if part[0])

    def __str__(self) -> str:
        count, unit = self.parts
        return f"{count} {unit}s" if count > 1 else unit


def stated_as(names: str) -> WrapValidator:
    """A validator that makes one error of a wrong length where each member of the union would give its own."""

    def validate(given: object, handler: ValidatorFunctionWrapHandler) -> object:
        if isinstance(given, Mapping):
            return Length.model_validate(given)
        try:
            return handler(given)
        except ValidationError:
            raise ValueError(f"expected {names} or a length such as {{months: 6}}") from None

    return WrapValidator(validate)


Every = Annotated[Unit | Length, stated_as("day, week, month, quarter, year")]


@lru_cache(maxsize=4096)
def interval(every: Every | Interval) -> Interval:
    """What `every` is in calendar months or in days."""
    if isinstance(every, Interval):
        return every
    if isinstance(every, str):
        return _INTERVALS[every]
    count, unit = every.parts
    one = _INTERVALS[unit]
    return Interval(months=one.months * count, days=one.days * count)


def months_in(every: Every) -> Fraction:
    """The length of `every` in months, for what recurs monthly: a week is 12/52 of a month and a day 12/365."""
    if isinstance(every, str):
        return _MONTHS[every]
    count, unit = every.parts
    return count * _MONTHS[unit]
