"""Price models: what a line of a contract costs for a quantity, as its terms state it.

Amounts are decimals of the currency's major unit and may be finer than its minor unit; `domain.rating` applies them.
"""

import re
from collections.abc import Sequence, Sized
from decimal import Decimal
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    field_validator,
    model_validator,
)

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

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}")
        return self


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


class _Band(_Terms):
    """The quantities up to and including `up_to`, above those of the band before."""

    up_to: Positive | None


class Tier(_Band):
    unit: NonNegative
    flat: NonNegative = ZERO


class FlatTier(_Band):
    flat: NonNegative


def _check_ends(tiers: Sequence[_Band]) -> None:
    below = ZERO
    for index, tier in enumerate(tiers):
        if tier.up_to is None:
            if index < len(tiers) - 1:
                raise ValueError(f"tiers[{index}].up_to: only the last tier may have no end")
        elif tier.up_to <= below:
            raise ValueError(f"tiers[{index}].up_to: {tier.up_to} is not above {below}, where the tier begins")
        else:
            below = tier.up_to


class _TieredModel(_PriceModel):
    """Tiers without gaps, lowest first. Without an open last tier, a quantity beyond it has no price."""

    tiers: Annotated[tuple[Tier, ...], NotEmpty]

    @field_validator("tiers")
    @classmethod
    def _ascending(cls, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        _check_ends(tiers)
        return tiers


class Graduated(_TieredModel):
    """Each tier prices the units that fall in it; its `flat` is added once the tier is entered, the first always."""

    model: Literal["graduated"]


class Volume(_TieredModel):
    """The tier that the whole quantity reaches prices all of it, and its `flat` is added."""

    model: Literal["volume"]


class Stairstep(_PriceModel):
    """The `flat` of the tier that the quantity reaches."""

    model: Literal["stairstep"]
    tiers: Annotated[tuple[FlatTier, ...], NotEmpty]

    @field_validator("tiers")
    @classmethod
    def _ascending(cls, tiers: tuple[FlatTier, ...]) -> tuple[FlatTier, ...]:
        _check_ends(tiers)
        return tiers


class Cell(_Terms):
    """The unit price of events that have all the properties in `when`."""

    when: Annotated[dict[str, str], NotEmpty]
    unit: NonNegative


class Matrix(_PriceModel):
    """A unit price by the event's properties: the first cell that matches, else `otherwise`."""

    model: Literal["matrix"]
    cells: Annotated[tuple[Cell, ...], NotEmpty]
    otherwise: NonNegative | None = None


Price = Annotated[Flat | PerUnit | Package | Graduated | Volume | Stairstep | Matrix, Field(discriminator="model")]
