"""A line of a contract: one thing that is charged for, and the meter that may count it."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from domain.expression_text import LENGTH_MAX, parse
from domain.filters import Filter
from domain.interval import Length, Unit, stated_as
from domain.prices import (
    Dynamic,
    Flat,
    Graduated,
    GraduatedPercentage,
    Matrix,
    NonNegative,
    Percentage,
    Price,
    Stairstep,
    Volume,
)
from domain.rounding import Rounding

Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Aggregate = Literal["sum", "count", "max", "min", "latest", "average", "unique", "weighted_sum"]
# What of it can go on into the next period: a balance of changes, or the last level.
CARRIED: frozenset[Aggregate] = frozenset({"sum", "weighted_sum", "latest", "max"})
Recognition = Literal[
    "daily",
    "monthly_even",
    "monthly_prorated",
    "with_contract",
    "as_used",
    "at_delivery",
    "percent_complete",
    "immediately",
]
# How revenue of a line without a meter may be recognised only; usage is earned when it happens or when it is billed.
UNMETERED: frozenset[Recognition] = frozenset({"with_contract", "at_delivery", "percent_complete"})
BY_MONTH: frozenset[Recognition] = frozenset({"monthly_even", "monthly_prorated"})
DELIVERED: frozenset[Recognition] = frozenset({"at_delivery", "percent_complete"})

Frequency = Annotated[Unit | Length | Literal["once"], stated_as("day, week, month, quarter, year, once")]


class Frozen(BaseModel):
    """A value: it never changes, and it refuses what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def refuse(wrong: bool, message: str) -> None:
    """Raise ValueError with `message` where something is `wrong`."""
    if wrong:
        raise ValueError(message)


def _is_closed(price: Price) -> bool:
    match price:
        case Graduated() | Volume() | Stairstep() | GraduatedPercentage():
            return price.tiers[-1].up_to is not None
        case _:
            return False


def _parsed(expression: str) -> str:
    parse(expression)
    return expression


class Meter(Frozen):
    """How usage events become one quantity per period."""

    id: Slug
    aggregate: Aggregate
    event: Slug | None = Field(default=None, description="The event name that it reads; its own id if absent.")
    reads: Slug = Field(default="value", description="The event property that it aggregates.")
    expression: Annotated[str, Field(max_length=LENGTH_MAX), AfterValidator(_parsed)] | None = Field(
        default=None, description="What it aggregates instead: arithmetic over properties, such as max(1, seats) * 2."
    )
    filters: tuple[Filter, ...] = Field(
        default=(), max_length=10, description="Conditions on properties; an event counts if all hold."
    )

    round: Rounding | None = Field(default=None, description="How the quantity is rounded before it is priced.")
    carry: bool = Field(default=False, description="Whether a period begins with what the one before ended with.")

    @property
    def event_name(self) -> str:
        return self.event or self.id

    @model_validator(mode="after")
    def _reads_one_thing(self) -> Self:
        if self.expression is not None:
            refuse(self.aggregate == "count", f"meter {self.id}: expression: count reads no value; drop one of the two")
            refuse(self.reads != "value", f"meter {self.id}: expression: it stands in place of reads")
        known = ", ".join(sorted(CARRIED))
        refuse(
            self.carry and self.aggregate not in CARRIED,
            f"meter {self.id}: carry: {self.aggregate} starts anew with each period; {known} can go on",
        )
        return self


class Line(Frozen):
    """One thing that is charged for."""

    id: Slug
    description: str | None = Field(default=None, max_length=200)
    price: Price
    quantity: NonNegative | None = Field(default=None, description="A fixed quantity; 1 if absent.")
    meter: Slug | None = Field(default=None, description="The meter that gives the quantity instead.")
    every: Frequency
    bill: Literal["advance", "arrears"]
    recognize: Recognition | None = Field(default=None, description="as_used for metered lines, daily for the rest.")
    ssp: NonNegative | None = Field(
        default=None, description="Stand-alone selling price for the whole term; where several lines have one."
    )
    tax: tuple[str, ...] | None = Field(
        default=None, max_length=10, description="The names of the taxes that it bears: all if absent, none if empty."
    )

    @property
    def pattern(self) -> Recognition:
        return self.recognize or ("as_used" if self.meter else "daily")

    @property
    def units(self) -> Decimal:
        """The fixed quantity of a line without a meter."""
        return Decimal(1) if self.quantity is None else self.quantity

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.meter is not None:
            self._check_metered()
        else:
            reads_events = isinstance(self.price, Matrix | Percentage | GraduatedPercentage | Dynamic)
            refuse(reads_events, f"line {self.id}: price: {self.price.model} reads events; name a meter")
            refuse(self.recognize == "as_used", f"line {self.id}: recognize: as_used needs a meter")
        return self

    def _check_metered(self) -> None:
        refuse(self.quantity is not None, f"line {self.id}: quantity: a metered line takes its quantity from usage")
        refuse(self.bill == "advance", f"line {self.id}: bill: usage is billed in arrears, it is unknown before")
        refuse(self.every == "once", f"line {self.id}: every: usage is billed period by period")
        refuse(isinstance(self.price, Flat), f"line {self.id}: price: a flat price ignores usage; drop the meter")
        refuse(
            _is_closed(self.price),
            f"line {self.id}: price.tiers: usage may go beyond the last tier; its up_to must be null",
        )
        refuse(
            self.pattern in UNMETERED,
            f"line {self.id}: recognize: usage is earned as_used; {self.pattern} needs a fixed quantity",
        )
        refuse(self.ssp is not None, f"line {self.id}: ssp: usage is variable; it belongs to its own line")
