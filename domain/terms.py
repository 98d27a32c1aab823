"""A contract's terms: the one type that the API takes, the workflow carries and the database stores."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from domain.errors import DomainError
from domain.line import Aggregate, Frequency, Frozen, Line, Meter, Recognition, Slug, refuse
from domain.money import exact_minor, exponent, to_minor
from domain.offers import (
    Bounds,
    Commitment,
    Day,
    Discount,
    Dunning,
    Phase,
    PlanVersion,
    PrepaidCredits,
    Term,
    UsageLimit,
)
from domain.period import check_zone
from domain.prices import ZERO, Flat, NotEmpty, Price, reads_events
from domain.proration import Proration
from domain.rating import Usage, rate
from domain.tax import TaxRate

__all__ = [
    "Aggregate",
    "Dunning",
    "Frequency",
    "Frozen",
    "Line",
    "Meter",
    "Recognition",
    "Slug",
    "Term",
    "Terms",
]

# What a line may come to in one period, and a tax in percent: more is a slip, and would not fit into the books.
CHARGE_MINOR_MAX = 10**15
TAX_RATE_MAX = 1000
HOURS_A_DAY = 24


def _check_currency(currency: str) -> str:
    exponent(currency)
    return currency


def _proration(value: object) -> object:
    """YAML reads 30_360 as the number 30360."""
    return "30_360" if value == 30360 else value


def _whole_amounts(price: Price) -> list[tuple[str, Decimal]]:
    """The amounts that stand on an invoice as they are; a unit price may be finer than the currency."""
    bounds = {"minimum": price.minimum, "maximum": price.maximum}
    if isinstance(price, Flat):
        bounds["amount"] = price.amount
    return [(name, amount) for name, amount in bounds.items() if amount is not None]


class Terms(Frozen):
    """All that the parties agreed on."""

    currency: Annotated[str, AfterValidator(_check_currency)]
    timezone: Annotated[str, AfterValidator(check_zone)] = "UTC"
    legal_entity: Slug = Field(
        default="main", description="The company of the group that sells: its book, its numbers."
    )
    plan: PlanVersion | None = None
    start: Day
    trial_days: Annotated[int, Field(ge=0, le=730)] = 0
    without_payment_method: Literal["bill", "pause", "cancel"] = Field(
        default="bill", description="What the end of the trial brings where there is nothing to charge."
    )
    term: Term | None = Field(default=None, description="Without a term the contract runs until it is cancelled.")
    anchor_day: Annotated[int, Field(ge=1, le=31)] | None = None
    anchor_month: Annotated[int, Field(ge=1, le=12)] | None = None
    payment_terms_days: Annotated[int, Field(ge=0, le=365)] = 0
    pays: Literal["automatically", "on_invoice"] = "automatically"
    proration: Annotated[Proration, BeforeValidator(_proration)] = "day"
    dunning: Dunning = Dunning()
    reactivation_days: Annotated[int, Field(ge=0, le=365)] = Field(
        default=0, description="How long after a cancellation the contract may be taken up again."
    )
    usage_grace_hours: Annotated[int, Field(ge=0, le=1440)] = Field(
        default=0,
        description="How long an invoice waits for usage that comes late, after the period that it bills. Whole days "
        "are days of the time zone.",
    )
    late_usage_days: Annotated[int, Field(ge=0, le=365)] = Field(
        default=0, description="How many days after the contract's end late usage is billed, on a closing invoice."
    )
    tax: tuple[TaxRate, ...] = Field(default=(), max_length=10)
    meters: tuple[Meter, ...] = Field(default=(), max_length=100)
    lines: Annotated[tuple[Line, ...], NotEmpty] = Field(max_length=200)
    phases: tuple[Phase, ...] = Field(default=(), max_length=200)
    discounts: tuple[Discount, ...] = Field(default=(), max_length=50)
    commitments: tuple[Commitment, ...] = Field(default=(), max_length=50)
    credits: tuple[PrepaidCredits, ...] = Field(default=(), max_length=50)
    bounds: Bounds | None = None
    usage_limits: tuple[UsageLimit, ...] = Field(default=(), max_length=20)

    @property
    def origin(self) -> date:
        """The day on which billing starts: after the trial. Boundaries and terms count from it."""
        return self.start + timedelta(days=self.trial_days)

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
        for name, ids in self._ids():
            _unique(name, ids)
        self._check_trial()
        early = 0 < self.late_usage_days * HOURS_A_DAY < self.usage_grace_hours + HOURS_A_DAY
        refuse(early, "late_usage_days: the closing invoice must come after usage_grace_hours; give a day more")
        for tax in self.tax:
            refuse(tax.rate > TAX_RATE_MAX, f"tax {tax.name}: rate: {tax.rate:f} percent is above {TAX_RATE_MAX}")
        for line in self.lines:
            self._check_line(line)
        self._check_phases()
        self._check_offers()
        self._check_limits()
        self._check_allocation()
        return self

    def _ids(self) -> Iterator[tuple[str, list[str]]]:
        yield "lines", [line.id for line in self.lines]
        yield "meters", [meter.id for meter in self.meters]
        yield "tax", [rate.name for rate in self.tax]
        yield "discounts", [discount.id for discount in self.discounts]
        yield "usage_limits", [limit.id for limit in self.usage_limits]
        # These stand on invoices beside the lines, under their own ids.
        shared = [*(line.id for line in self.lines), *(c.id for c in self.commitments), *(c.id for c in self.credits)]
        yield "lines, commitments and credits", shared

    def _check_trial(self) -> None:
        if self.without_payment_method == "bill":
            return
        refuse(self.trial_days == 0, "without_payment_method: it is asked for at the end of a trial; give trial_days")
        refuse(self.pays == "on_invoice", "without_payment_method: who pays on_invoice needs none; use bill")

    def _check_line(self, line: Line) -> None:
        known = sorted(meter.id for meter in self.meters)
        unknown = line.meter is not None and line.meter not in known
        refuse(unknown, f"line {line.id}: meter: {line.meter!r} is not among meters {known}")
        self._check_single_events(line)
        taxes = {rate.name for rate in self.tax}
        strange = sorted(set(line.tax or ()) - taxes)
        refuse(bool(strange), f"line {line.id}: tax: {', '.join(strange)} is not among the taxes {sorted(taxes)}")
        needs_term = line.pattern == "with_contract" and self.term is None
        refuse(needs_term, f"line {line.id}: recognize: with_contract needs a term to spread over")
        for name, amount in _whole_amounts(line.price):
            _check_decimals(f"line {line.id}: price.{name}", amount, self.currency)
        self._check_charge(line)

    def _check_single_events(self, line: Line) -> None:
        if line.meter is not None and reads_events(line.price):
            meter, reads = self.meter(line.meter), f"line {line.id}: price: {line.price.model} reads single events"
            refuse(meter.round is not None, f"{reads}; its meter may not round")
            refuse(meter.carry, f"{reads}; its meter may not carry")

    def _check_charge(self, line: Line) -> None:
        try:
            charge = rate(line.price, Usage(ZERO if line.meter else line.units)).amount
        except DomainError as error:
            raise ValueError(f"line {line.id}: price.tiers: {error.message}") from error
        too_much = abs(to_minor(charge, self.currency)) > CHARGE_MINOR_MAX
        refuse(too_much, f"line {line.id}: price: {charge:,f} {self.currency} is more than one line can bill")

    def _check_phases(self) -> None:
        lines = {line.id: line for line in self.lines}
        before = self.origin
        for index, phase in enumerate(self.phases):
            where = f"phases[{index}]"
            refuse(phase.from_ <= before, f"{where}.from: {phase.from_} is not after {before}")
            before = phase.from_
            for line_id, revision in phase.lines.items():
                refuse(line_id not in lines, f"{where}.lines: {line_id!r} is not among lines {sorted(lines)}")
                line = lines[line_id]
                refuse(line.every == "once", f"{where}.lines: {line_id} is billed once; a phase cannot change it")
                lines[line_id] = changed = revised(line, revision.quantity, revision.price)
                self._check_line(changed)

    def _check_offers(self) -> None:
        lines = {line.id for line in self.lines}
        for field, offer in self._offers():
            strange = sorted(set(offer.lines) - lines)
            refuse(bool(strange), f"{field} {offer.id}: lines: {', '.join(strange)} is not among lines {sorted(lines)}")
        for discount in self.discounts:
            if discount.amount is not None:
                _check_decimals(f"discount {discount.id}: amount", discount.amount, self.currency)
        for commitment in self.commitments:
            _check_decimals(f"commitment {commitment.id}: amount", commitment.amount, self.currency)
        for credit in self.credits:
            for name in ("paid", "grants"):
                _check_decimals(f"credits {credit.id}: {name}", getattr(credit, name), self.currency)
            late = credit.expires is not None and credit.expires < self.start
            refuse(late, f"credits {credit.id}: expires: {credit.expires} is before the start on {self.start}")
            fixed = [name for name in credit.lines if self.line(name).meter is None]
            refuse(bool(fixed), f"credits {credit.id}: lines: {', '.join(fixed)} has no meter; credits pay for usage")

    def _check_limits(self) -> None:
        metered = sorted(line.id for line in self.lines if line.meter is not None)
        for limit in self.usage_limits:
            where = f"usage limit {limit.id}"
            refuse(not metered, f"{where}: no line has a meter; there is no usage to limit")
            strange = limit.line is not None and limit.line not in metered
            refuse(strange, f"{where}: line: {limit.line!r} is not among metered lines {metered}")
            if limit.amount is not None:
                _check_decimals(f"{where}: amount", limit.amount, self.currency)

    def _offers(self) -> Iterator[tuple[str, Discount | Commitment | PrepaidCredits]]:
        yield from (("discount", discount) for discount in self.discounts)
        yield from (("commitment", commitment) for commitment in self.commitments)
        yield from (("credits", credit) for credit in self.credits)

    def _check_allocation(self) -> None:
        priced = [line for line in self.lines if line.ssp is not None]
        nothing = len(priced) > 1 and not any(line.ssp for line in priced)
        refuse(nothing, "lines: ssp: at least one stand-alone selling price must be above zero")


def revised(line: Line, quantity: Decimal | None, price: Price | None) -> Line:
    """The line with another quantity, another price, or both.

    Raises:
        ValidationError: if the line would contradict itself.
    """
    values = {name: getattr(line, name) for name in Line.model_fields}
    values |= {name: value for name, value in (("quantity", quantity), ("price", price)) if value is not None}
    return Line(**values)


def _check_decimals(field: str, amount: Decimal, currency: str) -> None:
    try:
        exact_minor(amount, currency)
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from error


def _unique(field: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    refuse(bool(twice), f"{field}: {', '.join(twice)} appears more than once")
