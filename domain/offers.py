"""What a contract agrees on beside its lines: term, phases, discounts, commitments, prepaid credits, bounds."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from domain.interval import Every
from domain.line import Frozen, Slug, refuse
from domain.prices import Exact, NonNegative, NotEmpty, Positive, Price

Percent = Annotated[Exact, Field(gt=0, le=100)]
Day = Annotated[date, Field(ge=date(1970, 1, 1), lt=date(2200, 1, 1))]


class Term(Frozen):
    """How long the parties are bound. At each renewal recurring prices rise by `uplift` percent."""

    months: Annotated[int, Field(ge=1, le=1200)]
    renew: Literal["none", "auto"] = "none"
    uplift: Annotated[Exact, Field(gt=-100, le=1000)] = Decimal(0)
    notice_days: Annotated[int, Field(ge=0, le=730)] = Field(
        default=0, description="A cancellation for the term's end must come this many days before it, or waits a term."
    )


class Dunning(Frozen):
    """When a declined charge is tried again, in days after the first failure."""

    retry_after_days: tuple[Annotated[int, Field(ge=1, le=365)], ...] = Field(default=(1, 3, 5, 7), max_length=30)

    @model_validator(mode="after")
    def _moves_forward(self) -> Self:
        days = self.retry_after_days
        refuse(list(days) != sorted(set(days)), "retry_after_days: each must be later than the one before")
        return self


class Revision(Frozen):
    """What a phase makes of a line: another price, another quantity, or both."""

    price: Price | None = None
    quantity: NonNegative | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        refuse(self.price is None and self.quantity is None, "give a price, a quantity or both")
        return self


class Phase(Frozen):
    """A change that is agreed from the beginning: from this day on these lines are other."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    from_: Day = Field(alias="from")
    lines: Annotated[dict[Slug, Revision], NotEmpty]


class Discount(Frozen):
    """So many percent, or a fixed amount on each invoice, off these lines (all if empty), for `periods` periods."""

    id: Slug
    percent: Percent | None = None
    amount: Positive | None = None
    lines: tuple[Slug, ...] = Field(default=(), max_length=200)
    periods: Annotated[int, Field(ge=1, le=1200)] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        refuse(
            (self.percent is None) == (self.amount is None), f"discount {self.id}: give either a percent or an amount"
        )
        return self


class Commitment(Frozen):
    """The least that these lines come to in each window; what is short is billed when the window ends.

    `overage` multiplies what goes beyond the commitment.
    """

    id: Slug
    amount: Positive
    lines: Annotated[tuple[Slug, ...], NotEmpty] = Field(max_length=200)
    every: Every
    overage: Annotated[Exact, Field(gt=0, le=1000)] = Decimal(1)


class TopUp(Frozen):
    """Credits are bought again as soon as less than `below` is left; they last for `months` months."""

    below: Positive
    paid: NonNegative
    grants: Positive
    months: Annotated[int, Field(ge=1, le=120)] = 12


class PrepaidCredits(Frozen):
    """Usage paid in advance: `paid` is invoiced at the start and `grants` is drawn until and on `expires`."""

    id: Slug
    paid: NonNegative = Decimal(0)
    grants: Positive
    expires: Day | None = Field(default=None, description="The last day; without one the credits never expire.")
    lines: tuple[Slug, ...] = Field(default=(), max_length=200, description="All metered lines if empty.")
    priority: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=0, description="A lower one is drawn first; among equals the one that expires first."
    )
    top_up: TopUp | None = None


class Bounds(Frozen):
    """What an invoice may be without a person's approval; one beyond is held."""

    total: Positive | None = Field(default=None, description="The highest total.")
    lines: Annotated[int, Field(ge=1)] | None = Field(default=None, description="The most lines.")
    per_day: Annotated[int, Field(ge=1)] | None = Field(default=None, description="The most invoices dated one day.")
    change_percent: Positive | None = Field(
        default=None, description="How far the total may lie from the last invoice's, in percent."
    )


class UsageLimit(Frozen):
    """What follows when usage of the running period reaches a quantity of one line, or an amount before taxes.

    An `alert` is told once in each period. A `cap` says to those who ask that nothing more is allowed; usage is taken
    in all the same. `invoice` bills at once what was used so far.
    """

    id: Slug
    line: Slug | None = Field(default=None, description="All metered lines together if absent.")
    amount: Positive | None = None
    quantity: Positive | None = None
    action: Literal["alert", "cap", "invoice"] = "alert"

    @property
    def bound(self) -> Decimal:
        """The amount or the quantity."""
        bound = self.quantity if self.amount is None else self.amount
        assert bound is not None
        return bound

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        both = (self.amount is None) == (self.quantity is None)
        refuse(both, f"usage limit {self.id}: give either an amount or a quantity")
        unnamed = self.quantity is not None and self.line is None
        refuse(unnamed, f"usage limit {self.id}: line: a quantity is one line's; name it")
        of_line = self.action == "invoice" and self.line is not None
        refuse(of_line, f"usage limit {self.id}: line: an invoice bills all metered lines; leave it out")
        return self


class PlanVersion(Frozen):
    """The catalogue's plan that the lines were taken from."""

    id: Slug
    version: Annotated[int, Field(ge=1)]
