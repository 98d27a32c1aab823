"""Price models: what a line of a contract costs for a quantity, as its terms state it.

Amounts are decimals of the currency's major unit and may be finer than its minor unit; `domain.rating` applies them.
"""

import re
from collections.abc import Sized
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from domain.money import UNROUNDED

ZERO = Decimal(0)

_PLAIN = re.compile(r"-?[0-9]{1,60}(\.[0-9]{1,60})?")


def plain_decimal(value: object) -> Decimal:
    """`value` as a decimal, where it is written exactly: an integer, a decimal, or text such as "-12.30".

    Raises:
        ValueError: for anything else, above all for a float, which has lost its exact value already.
    """
    match value:
        case Decimal() if value.is_finite() and abs(value.adjusted()) < 60:
            return Decimal(f"{value:f}")
        case bool():
            pass
        case int():
            return Decimal(value)
        case str() if _PLAIN.fullmatch(value):
            return Decimal(value)
        case float():
            raise ValueError('a float is not exact; write the number as a string, such as "12.30"')
    raise ValueError('expected a decimal number as a string, such as "12.30", or an integer')


def _schema(sign: str, **bounds: int) -> WithJsonSchema:
    text = {"type": "string", "pattern": rf"^{sign}[0-9]{{1,18}}(\.[0-9]{{1,12}})?$", "examples": ["12.30"]}
    return WithJsonSchema({"anyOf": [text, {"type": "integer", **bounds}]})


# At most 18 digits before the point and 12 after it, written out in JSON: never as 1E-7.
Exact = Annotated[
    Decimal,
    BeforeValidator(plain_decimal),
    Field(max_digits=30, decimal_places=12),
    PlainSerializer(lambda number: f"{number:f}", return_type=str, when_used="json"),
    _schema("-?"),
]
NonNegative = Annotated[Exact, Field(ge=0), _schema("", minimum=0)]
Positive = Annotated[Exact, Field(gt=0), _schema("", exclusiveMinimum=0)]

# In percent: "2.9" is 2.9 %.
Percent = Annotated[Exact, Field(ge=0, le=1000), _schema("", minimum=0, maximum=1000)]


def _whole(value: object) -> int:
    number = plain_decimal(value)
    if number != number.to_integral_value():
        raise ValueError(f"expected a whole number, not {number:f}")
    return int(number)


Count = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=10**12)]

_T = TypeVar("_T", bound=Sized)


def _not_empty(entries: _T) -> _T:
    if len(entries) == 0:
        raise ValueError("expected at least 1 entry")
    return entries


# Where an entry is wrong, `min_length` would also report that none is left.
NotEmpty = AfterValidator(_not_empty)


class _Terms(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _PriceModel(_Terms):
    """What any price may carry: units that cost nothing, and bounds of the amount."""

    included: NonNegative = ZERO
    minimum: Exact | None = None
    maximum: Exact | None = None

    @field_validator("maximum")
    @classmethod
    def _above_minimum(cls, maximum: Decimal | None, info: ValidationInfo) -> Decimal | None:
        _check_order("minimum", info.data.get("minimum"), "maximum", maximum)
        return maximum


def _check_order(least: str, lower: Decimal | None, most: str, upper: Decimal | None) -> None:
    if lower is not None and upper is not None and lower > upper:
        raise ValueError(f"{least} {lower:f} is above {most} {upper:f}")


class Flat(_PriceModel):
    """`amount` whatever the quantity; negative for a standing credit."""

    model: Literal["flat"]
    amount: Exact


class PerUnit(_PriceModel):
    """`amount` for each unit; negative for a rebate."""

    model: Literal["per_unit"]
    amount: Exact


class Package(_PriceModel):
    """`amount` for every started package of `size` units."""

    model: Literal["package"]
    size: Positive
    amount: NonNegative


class Band(_Terms):
    """The quantities up to and including `up_to`, above those of the band before."""

    up_to: Positive | None


class Tier(Band):
    unit: NonNegative
    flat: NonNegative = ZERO


class FlatTier(Band):
    flat: NonNegative


class _Rated(_Terms):
    rate: Percent

    @property
    def unit(self) -> Decimal:
        """What one unit of the value costs: 0.029 where the rate is 2.9 %."""
        return self.rate.scaleb(-2, UNROUNDED)


class RateTier(Band, _Rated):
    flat: NonNegative = ZERO


_Tiers = TypeVar("_Tiers", tuple[Tier, ...], tuple[FlatTier, ...], tuple[RateTier, ...])


def _ascending(tiers: _Tiers) -> _Tiers:
    below = ZERO
    for index, tier in enumerate(tiers):
        if tier.up_to is None:
            if index < len(tiers) - 1:
                raise ValueError(f"tiers[{index}].up_to: only the last tier may have no end")
        elif tier.up_to <= below:
            raise ValueError(f"tiers[{index}].up_to: {tier.up_to} is not above {below}, where the tier begins")
        else:
            below = tier.up_to
    return tiers


# Tiers without gaps, lowest first. Without an open last tier, a quantity beyond it has no price.
_Ascending = AfterValidator(_ascending)


class Graduated(_PriceModel):
    """Each tier prices the units that fall in it; its `flat` is added once the tier is entered, the first always."""

    model: Literal["graduated"]
    tiers: Annotated[tuple[Tier, ...], NotEmpty, _Ascending]


class Volume(_PriceModel):
    """The tier that the whole quantity reaches prices all of it, and its `flat` is added."""

    model: Literal["volume"]
    tiers: Annotated[tuple[Tier, ...], NotEmpty, _Ascending]


class Stairstep(_PriceModel):
    """The `flat` of the tier that the quantity reaches."""

    model: Literal["stairstep"]
    tiers: Annotated[tuple[FlatTier, ...], NotEmpty, _Ascending]


class Percentage(_PriceModel, _Rated):
    """For each event `rate` % of its value and `fixed`, the two together held between the bounds per event.

    The first `free_events` cost nothing; of the events after them, the first `free_amount` of value does not.
    """

    model: Literal["percentage"]
    fixed: NonNegative = ZERO
    free_amount: NonNegative = ZERO
    free_events: Count = 0
    min_per_event: NonNegative | None = None
    max_per_event: NonNegative | None = None

    @field_validator("max_per_event")
    @classmethod
    def _above_min_per_event(cls, most: Decimal | None, info: ValidationInfo) -> Decimal | None:
        _check_order("min_per_event", info.data.get("min_per_event"), "max_per_event", most)
        return most


class GraduatedPercentage(_PriceModel):
    """Each tier takes its `rate` % of the part of the summed values that falls in it; flats as in `Graduated`."""

    model: Literal["graduated_percentage"]
    tiers: Annotated[tuple[RateTier, ...], NotEmpty, _Ascending]


class Dynamic(_PriceModel):
    """The amount stands in the event: their sum is the amount."""

    model: Literal["dynamic"]


class Cell(_Terms):
    """The unit price of events that have all the properties in `when`."""

    when: Annotated[dict[str, str], NotEmpty]
    unit: NonNegative


class Matrix(_PriceModel):
    """A unit price by the event's properties: the first cell that matches, else `otherwise`."""

    model: Literal["matrix"]
    cells: Annotated[tuple[Cell, ...], NotEmpty]
    otherwise: NonNegative | None = None


Price = Annotated[
    Flat | PerUnit | Package | Graduated | Volume | Stairstep | Matrix | Percentage | GraduatedPercentage | Dynamic,
    Field(discriminator="model"),
]


def reads_events(price: Price) -> bool:
    """Whether `price` needs the value of each event, in the order of their time.

    Only a percentage does, which has free events and bounds per event. The other models that speak of events take
    the sum of their values, or the sums by property.
    """
    return isinstance(price, Percentage)
