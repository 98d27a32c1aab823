"""A contract's terms: the one type that the API takes, the workflow carries and the database stores."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from domain.errors import DomainError
from domain.money import exact_minor, exponent, to_minor
from domain.period import Every, check_zone
from domain.prices import ZERO, Flat, Graduated, Matrix, NonNegative, NotEmpty, Price, Stairstep, Volume
from domain.rating import Usage, rate
from domain.tax import TaxRate

Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Aggregate = Literal["sum", "count", "max", "min", "latest", "average", "unique"]
Recognition = Literal["daily", "as_used"]


# What a line may come to in one period, and a tax in percent: more is a slip, and would not fit into the books.
CHARGE_MINOR_MAX = 10**15
TAX_RATE_MAX = 1000


def _check_currency(currency: str) -> str:
    exponent(currency)
    return currency


def _whole_amounts(price: Price) -> list[tuple[str, Decimal]]:
    """The amounts that stand on an invoice as they are; a unit price may be finer than the currency."""
    bounds = {"minimum": price.minimum, "maximum": price.maximum}
    if isinstance(price, Flat):
        bounds["amount"] = price.amount
    return [(name, amount) for name, amount in bounds.items() if amount is not None]


def _check_decimals(field: str, amount: Decimal, currency: str) -> None:
    try:
        exact_minor(amount, currency)
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from error


def _is_closed(price: Price) -> bool:
    return isinstance(price, Graduated | Volume | Stairstep) and price.tiers[-1].up_to is not None


def _unique(field: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    _refuse(bool(twice), f"{field}: {', '.join(twice)} appears more than once")


def _refuse(wrong: bool, message: str) -> None:
    if wrong:
        raise ValueError(message)


class Frozen(BaseModel):
    """A value: it never changes, and it refuses what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Meter(Frozen):
    """How usage events become one quantity per period."""

    id: Slug
    aggregate: Aggregate
    event: Slug | None = Field(default=None, description="The event name that it reads; its own id if absent.")
    reads: Slug = Field(default="value", description="The event property that it aggregates.")

    @property
    def event_name(self) -> str:
        return self.event or self.id


class Line(Frozen):
    """One thing that is charged for."""

    id: Slug
    description: str | None = Field(default=None, max_length=200)
    price: Price
    quantity: NonNegative | None = Field(default=None, description="A fixed quantity; 1 if absent.")
    meter: Slug | None = Field(default=None, description="The meter that gives the quantity instead.")
    every: Every
    bill: Literal["advance", "arrears"]
    recognize: Recognition | None = Field(default=None, description="as_used for metered lines, daily for the rest.")

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
            _refuse(
                self.quantity is not None, f"line {self.id}: quantity: a metered line takes its quantity from usage"
            )
            _refuse(self.bill == "advance", f"line {self.id}: bill: usage is billed in arrears, it is unknown before")
            _refuse(isinstance(self.price, Flat), f"line {self.id}: price: a flat price ignores usage; drop the meter")
            _refuse(
                _is_closed(self.price),
                f"line {self.id}: price.tiers: usage may go beyond the last tier; its up_to must be null",
            )
        else:
            _refuse(isinstance(self.price, Matrix), f"line {self.id}: price: a matrix reads events; name a meter")
            _refuse(self.recognize == "as_used", f"line {self.id}: recognize: as_used needs a meter")
        return self


class Term(Frozen):
    """How long the parties are bound."""

    months: Annotated[int, Field(ge=1, le=1200)]
    renew: Literal["none", "auto"] = "none"


class Dunning(Frozen):
    """When a declined charge is tried again, in days after the first failure."""

    retry_after_days: tuple[Annotated[int, Field(ge=1, le=365)], ...] = Field(default=(1, 3, 5, 7), max_length=30)

    @model_validator(mode="after")
    def _moves_forward(self) -> Self:
        days = self.retry_after_days
        _refuse(list(days) != sorted(set(days)), "retry_after_days: each must be later than the one before")
        return self


class Terms(Frozen):
    """All that the parties agreed on."""

    currency: Annotated[str, AfterValidator(_check_currency)]
    timezone: Annotated[str, AfterValidator(check_zone)] = "UTC"
    start: Annotated[date, Field(ge=date(1970, 1, 1), lt=date(2200, 1, 1))]
    term: Term | None = Field(default=None, description="Without a term the contract runs until it is cancelled.")
    anchor_day: Annotated[int, Field(ge=1, le=31)] | None = None
    payment_terms_days: Annotated[int, Field(ge=0, le=365)] = 0
    dunning: Dunning = Dunning()
    tax: tuple[TaxRate, ...] = Field(default=(), max_length=10)
    meters: tuple[Meter, ...] = Field(default=(), max_length=100)
    lines: Annotated[tuple[Line, ...], NotEmpty] = Field(max_length=200)

    def line(self, line_id: str) -> Line:
        """The line with that id.

        Raises:
            KeyError: if the contract has no such line.
        """
        for line in self.lines:
            if line.id == line_id:
                return line
        raise KeyError(line_id)

    def meter(self, meter_id: str) -> Meter:
        """The meter with that id.

        Raises:
            KeyError: if the contract has no such meter.
        """
        for meter in self.meters:
            if meter.id == meter_id:
                return meter
        raise KeyError(meter_id)

    def with_line(self, changed: Line) -> Self:
        """These terms with the line of the same id replaced."""
        lines = tuple(changed if line.id == changed.id else line for line in self.lines)
        return self.model_copy(update={"lines": lines})

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        _unique("lines", [line.id for line in self.lines])
        _unique("meters", [meter.id for meter in self.meters])
        _unique("tax", [rate.name for rate in self.tax])
        for tax in self.tax:
            _refuse(tax.rate > TAX_RATE_MAX, f"tax {tax.name}: rate: {tax.rate:f} percent is above {TAX_RATE_MAX}")
        for line in self.lines:
            self._check_line(line)
        return self

    def _check_line(self, line: Line) -> None:
        known = sorted(meter.id for meter in self.meters)
        unknown = line.meter is not None and line.meter not in known
        _refuse(unknown, f"line {line.id}: meter: {line.meter!r} is not among meters {known}")
        for name, amount in _whole_amounts(line.price):
            _check_decimals(f"line {line.id}: price.{name}", amount, self.currency)
        try:
            charge = rate(line.price, Usage(ZERO if line.meter else line.units)).amount
        except DomainError as error:
            raise ValueError(f"line {line.id}: price.tiers: {error.message}") from error
        too_much = abs(to_minor(charge, self.currency)) > CHARGE_MINOR_MAX
        _refuse(too_much, f"line {line.id}: price: {charge:,f} {self.currency} is more than one line can bill")
