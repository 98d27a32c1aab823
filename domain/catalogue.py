"""What is on offer: products, plans of named lines, their versions, and the terms of a contract on a plan."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any, NamedTuple, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from domain.errors import DomainError
from domain.line import Frozen, Line, Meter, Slug, refuse
from domain.money import exponent
from domain.offers import PlanVersion, Revision, Term
from domain.prices import ZERO, NotEmpty
from domain.proration import Proration
from domain.spelling import unknown
from domain.tax import TaxRate
from domain.terms import Terms, revised

# Any day will do to see whether a plan's lines could make a contract.
SOME_DAY = date(2000, 1, 1)

# What a plan may say for contracts that do not say it themselves.
DEFAULTS = ("term", "trial_days", "anchor_day", "anchor_month", "payment_terms_days", "proration")


def _known_currency(currency: str) -> str:
    exponent(currency)
    return currency


class Product(Frozen):
    """Something that is sold, in one or more plans."""

    id: Slug
    name: str = Field(min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=500)


class Plan(Frozen):
    """A named way to buy a product. What it costs stands in its versions."""

    id: Slug
    product: Slug
    name: str = Field(min_length=1, max_length=200)


class PlanTerms(Frozen):
    """What one version of a plan agrees on: its lines and meters, and terms that a contract may state otherwise.

    Taxes are the contract's; a line may name those that it bears.
    """

    currency: Annotated[str, AfterValidator(_known_currency)]
    lines: Annotated[tuple[Line, ...], NotEmpty] = Field(max_length=200)
    meters: tuple[Meter, ...] = Field(default=(), max_length=100)
    term: Term | None = None
    trial_days: Annotated[int, Field(ge=0, le=730)] | None = None
    anchor_day: Annotated[int, Field(ge=1, le=31)] | None = None
    anchor_month: Annotated[int, Field(ge=1, le=12)] | None = None
    payment_terms_days: Annotated[int, Field(ge=0, le=365)] | None = None
    proration: Proration | None = None

    @property
    def defaults(self) -> dict[str, Any]:
        """The terms beside lines and meters, by name, that this version states."""
        return {name: getattr(self, name) for name in DEFAULTS if getattr(self, name) is not None}

    @model_validator(mode="after")
    def _could_make_a_contract(self) -> Self:
        taxes = sorted({name for line in self.lines for name in line.tax or ()})
        stated = {
            "term": Term(months=12),
            **self.defaults,
            "tax": tuple(TaxRate(name=name, rate=ZERO) for name in taxes[:10]),
        }
        try:
            Terms(currency=self.currency, start=SOME_DAY, lines=self.lines, meters=self.meters, **stated)
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(first["msg"].removeprefix("Value error, ")) from error
        return self


class PlanRef(Frozen):
    """A plan as a contract takes it: a version, other prices and quantities for some lines, and not all lines."""

    id: Slug
    version: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="The latest that is published if absent."
    )
    overrides: dict[Slug, Revision] = Field(
        default_factory=dict, max_length=200, description="By line: another price, another quantity, or both."
    )
    without: tuple[Slug, ...] = Field(default=(), max_length=200, description="Lines that are not taken.")

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        both = sorted(set(self.overrides) & set(self.without))
        refuse(bool(both), f"without: {', '.join(both)} stands among overrides too")
        return self


class TermsOnPlan(Terms):
    """Terms of a contract on a plan, still without what the plan gives; `agreed` makes them complete.

    What is stated here takes precedence over what the plan says, also where it is null.
    """

    currency: str = Field(default="", max_length=3, description="The plan's; it may be left out.")
    lines: tuple[Line, ...] = Field(default=(), max_length=200, description="Lines beside those of the plan.")

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        refuse(self.plan is not None, "plan: name the plan beside the terms, as plan")
        return self


class Resolved(NamedTuple):
    """What a plan comes to in one contract."""

    lines: tuple[Line, ...]
    meters: tuple[Meter, ...]


def resolve(offered: PlanTerms, ref: PlanRef) -> Resolved:
    """The lines and meters of a plan's version as a contract takes them, in the version's order.

    Raises:
        DomainError: for a line that the version does not have, an override that does not fit its line, or no line left.
    """
    known = [line.id for line in offered.lines]
    for field, names in (("overrides", ref.overrides), ("without", ref.without)):
        for name in names:
            if name not in known:
                raise DomainError(f"{field}: {unknown('line', name, known)}", f"/plan/{field}/{_step(names, name)}")
    taken = tuple(_overridden(line, ref.overrides.get(line.id)) for line in offered.lines if line.id not in ref.without)
    if not taken:
        raise DomainError("without: no line of the plan is left", "/plan/without")
    return Resolved(taken, offered.meters)


def agreed(version: PlanVersion, offered: PlanTerms, ref: PlanRef, given: TermsOnPlan) -> Terms:
    """The complete terms of a contract on a version of a plan. They say from which, and never change with it.

    Raises:
        DomainError: if the plan does not fit what the contract takes of it.
        ValidationError: if what the contract states does not fit the plan's lines.
    """
    if given.currency not in ("", offered.currency):
        message = f"currency: {given.currency} is not that of the plan, which is sold in {offered.currency}"
        raise DomainError(message, "/terms/currency")
    taken = resolve(offered, ref)
    stated = {name: getattr(given, name) for name in given.model_fields_set}
    complete = {
        "currency": offered.currency,
        "plan": version,
        "lines": taken.lines + given.lines,
        "meters": taken.meters + given.meters,
    }
    return Terms(**{**offered.defaults, **stated, **complete})


class Changed(Frozen):
    """A line before and after."""

    before: Line
    after: Line

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of what differs."""
        return tuple(name for name in Line.model_fields if getattr(self.before, name) != getattr(self.after, name))


class Differences(Frozen):
    """What happens to a contract's lines on the way to others; empty where they are the same."""

    added: tuple[Line, ...] = ()
    removed: tuple[Line, ...] = ()
    changed: tuple[Changed, ...] = ()


def differences(current: Iterable[Line], target: Iterable[Line]) -> Differences:
    """What makes `target` of `current`, line by line of the same id; their order does not count."""
    before, after = _by_id(current), _by_id(target)
    return Differences(
        added=tuple(line for name, line in after.items() if name not in before),
        removed=tuple(line for name, line in before.items() if name not in after),
        changed=tuple(
            Changed(before=before[name], after=line)
            for name, line in after.items()
            if name in before and before[name] != line
        ),
    )


def moved(current: Iterable[Line], base: Iterable[Line], target: Iterable[Line]) -> tuple[Line, ...]:
    """A contract's lines after its move from a version's lines `base` to those of another, `target`.

    What the parties agreed on otherwise stays: a price or quantity that is not the base's, a line that they dropped,
    and lines of the contract's own. `base` is what the old version came to in this contract, its uplifts included.

    Raises:
        DomainError: if the new version brings a line by the id of one of the contract's own.
    """
    mine, old, new = _by_id(current), _by_id(base), _by_id(target)
    own = [line for name, line in mine.items() if name not in old]
    taken = [line.id for line in own if line.id in new]
    if taken:
        raise DomainError(f"lines: {', '.join(taken)} is the contract's own, and the new version brings another")
    kept = [line for name, line in new.items() if name not in old or name in mine]
    return (*(_carried(line, mine.get(line.id), old.get(line.id)) for line in kept), *own)


def _carried(line: Line, mine: Line | None, old: Line | None) -> Line:
    """A line of the new version with what the contract has otherwise than the old one."""
    if mine is None or old is None:
        return line
    price = mine.price if mine.price != old.price else None
    quantity = mine.quantity if mine.quantity != old.quantity else None
    return _overridden(line, None if price is None and quantity is None else Revision(price=price, quantity=quantity))


def _overridden(line: Line, override: Revision | None) -> Line:
    if override is None:
        return line
    try:
        return revised(line, override.quantity, override.price)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise DomainError(message, f"/plan/overrides/{line.id}") from error


def _by_id(lines: Iterable[Line]) -> Mapping[str, Line]:
    return {line.id: line for line in lines}


def _step(names: Mapping[str, Revision] | tuple[str, ...], name: str) -> str:
    """The last step of a pointer to `name`: its place in a list, itself in an object."""
    return str(names.index(name)) if isinstance(names, tuple) else name
