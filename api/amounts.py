"""Money and quantities in answers: always in the same form."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, PlainSerializer, WithJsonSchema

from api.fields import Output
from domain.money import to_major

# Written out in full, never as 1E-7; an average may have more decimals than any price.
Quantity = Annotated[
    Decimal,
    PlainSerializer(lambda number: f"{number:f}", return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["24"]}),
]


class Amount(Output):
    """Money, twice: whole minor units to compute with, and the same as a decimal of the major unit to show."""

    amount_minor: int = Field(examples=[3_800_000])
    amount: str = Field(description="All of the currency's decimals, no thousands separators.", examples=["38000.00"])
    currency: str = Field(description="ISO 4217.", examples=["USD"])

    @classmethod
    def of(cls, minor: int, currency: str) -> Self:
        return cls(amount_minor=minor, amount=f"{to_major(minor, currency):f}", currency=currency)
