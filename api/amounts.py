"""Money in answers: always in the same form."""

from typing import Self

from pydantic import Field

from api.fields import Output
from domain.money import to_major


class Amount(Output):
    """Money, twice: whole minor units to compute with, and the same as a decimal of the major unit to show."""

    amount_minor: int = Field(examples=[3_800_000])
    amount: str = Field(description="All of the currency's decimals, no thousands separators.", examples=["38000.00"])
    currency: str = Field(description="ISO 4217.", examples=["USD"])

    @classmethod
    def of(cls, minor: int, currency: str) -> Self:
        return cls(amount_minor=minor, amount=f"{to_major(minor, currency):f}", currency=currency)
