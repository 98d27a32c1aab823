"""The transaction price of a contract, allocated to its performance obligations (ASC 606-10-32-28 to 32-45)."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from domain.allocation import allocate
from domain.errors import DomainError
from domain.line import Frozen, Slug, refuse
from domain.money import exact_minor, exponent, round_half_away, to_major
from domain.prices import Exact, NonNegative, NotEmpty, Positive

Code = Literal[
    "no_obligations",
    "duplicate_obligation",
    "unknown_obligation",
    "two_residuals",
    "residual_out_of_range",
    "discount_of_residual",
    "discount_above_price",
    "no_stand_alone_price",
]


class AllocationRefused(DomainError):
    """A price that cannot be allocated; `code` says which rule is against it."""

    def __init__(self, code: Code, message: str, field: str = "") -> None:
        super().__init__(message, field)
        self.code: Code = code


class Obligation(Frozen):
    """A promise with its stand-alone selling price, or one that is so uncertain that it takes what the others leave."""

    id: Slug
    ssp: NonNegative | None = None
    residual: bool = False
    ssp_range: tuple[NonNegative, NonNegative] | None = Field(
        default=None, description="What a residual must lie in to be faithful, bounds included."
    )

    @model_validator(mode="after")
    def _has_one_price(self) -> Self:
        where = f"obligation {self.id}"
        refuse(self.residual == (self.ssp is not None), f"{where}: give either an ssp or residual: true")
        refuse(self.ssp_range is not None and not self.residual, f"{where}: ssp_range: only a residual has one")
        if self.ssp_range is not None:
            low, high = self.ssp_range
            refuse(low > high, f"{where}: ssp_range: {low:f} is above {high:f}")
        return self


class Discount(Frozen):
    """A discount that belongs to these obligations only."""

    amount: Positive
    to: Annotated[tuple[Slug, ...], NotEmpty]


class Variable(Frozen):
    """Consideration that depends on the future and belongs to these obligations only."""

    amount: Exact
    to: Annotated[tuple[Slug, ...], NotEmpty]


def allocate_price(
    price_minor: int,
    obligations: Sequence[Obligation],
    *,
    discounts: Sequence[Discount] = (),
    variable: Sequence[Variable] = (),
    currency: str,
) -> dict[str, int]:
    """What each obligation is allocated, by its id in minor units; the parts sum to the price and what is variable.

    `price_minor` leaves out what is variable. Discounts lower the stand-alone prices of the obligations that they
    name, inside the group in proportion to them, one after the other. A residual is the whole price less the others'
    lowered prices. Variable amounts go to the obligations that they name, and the fixed price is spread by stand-alone
    prices less the variable amounts received. Nothing is rounded before the split. A negative price mirrors the
    positive.

    Raises:
        AllocationRefused: if the parties' figures do not allow it; its `code` says why.
        TooManyDecimals: if a variable amount is finer than the minor unit.
    """
    if price_minor < 0:
        mirrored = [Variable(amount=-one.amount, to=one.to) for one in variable]
        shares = allocate_price(-price_minor, obligations, discounts=discounts, variable=mirrored, currency=currency)
        return {name: -share for name, share in shares.items()}
    _check_names(obligations, discounts, variable)
    amounts = [exact_minor(one.amount, currency) for one in variable]
    prices = _lowered(obligations, discounts, currency)
    for obligation in obligations:
        if obligation.residual:
            prices[obligation.id] = _residual(obligation, price_minor + sum(amounts), prices, currency)
    received = dict.fromkeys(prices, 0)
    for one, amount in zip(variable, amounts, strict=True):
        for name, share in spread(amount, {name: prices[name] for name in one.to}).items():
            received[name] += share
    left = {name: max(price - received[name], Fraction(0)) for name, price in prices.items()}
    fixed = spread(price_minor, left if any(left.values()) else prices)
    return {name: fixed[name] + received[name] for name in prices}


def spread(amount_minor: int, weights: Mapping[str, Fraction]) -> dict[str, int]:
    """`amount_minor` in proportion to exact `weights` by id; one alone takes all, whatever it weighs.

    Raises:
        AllocationRefused: `no_stand_alone_price` where several weigh nothing.
    """
    if amount_minor == 0 or len(weights) == 1:
        return dict.fromkeys(weights, amount_minor)
    if not any(weights.values()):
        message = f"none of {', '.join(weights)} has a stand-alone price to allocate by"
        raise AllocationRefused("no_stand_alone_price", message, "/obligations")
    return dict(zip(weights, allocate(amount_minor, list(weights.values())), strict=True))


def _lowered(obligations: Sequence[Obligation], discounts: Sequence[Discount], currency: str) -> dict[str, Fraction]:
    """The stand-alone prices in exact minor units less the discounts that name them; 0 for a residual as yet."""
    unit = 10 ** exponent(currency)
    prices = {one.id: Fraction(one.ssp or 0) * unit for one in obligations}
    residuals = {one.id for one in obligations if one.residual}
    for position, discount in enumerate(discounts):
        where = f"/discounts/{position}"
        if residuals.intersection(discount.to):
            message = "a residual has no price of its own that a discount could lower"
            raise AllocationRefused("discount_of_residual", message, f"{where}/to")
        amount, group = Fraction(discount.amount) * unit, sum((prices[name] for name in discount.to), Fraction(0))
        if amount > group:
            message = (
                f"a discount of {discount.amount:f} is more than the stand-alone prices of {', '.join(discount.to)}"
            )
            raise AllocationRefused("discount_above_price", message, f"{where}/amount")
        for name in discount.to:
            prices[name] -= amount * prices[name] / group
    return prices


def _residual(obligation: Obligation, total_minor: int, prices: Mapping[str, Fraction], currency: str) -> Fraction:
    """What the others leave of the whole price, where that is a faithful price."""
    left = total_minor - sum(prices.values(), Fraction(0))
    low, high = obligation.ssp_range or (Decimal(0), None)
    major = left / 10 ** exponent(currency)
    if major < Fraction(low) or (high is not None and major > Fraction(high)):
        bounds = f"below {low:f}" if high is None else f"outside {low:f} to {high:f}"
        message = f"the residual of {obligation.id} is {to_major(round_half_away(left), currency):f}, {bounds}"
        raise AllocationRefused("residual_out_of_range", message, "/price")
    return left


def _check_names(
    obligations: Sequence[Obligation], discounts: Sequence[Discount], variable: Sequence[Variable]
) -> None:
    if not obligations:
        raise AllocationRefused("no_obligations", "there is nothing to allocate the price to", "/obligations")
    known = [obligation.id for obligation in obligations]
    _check_unique(known, "/obligations")
    if sum(obligation.residual for obligation in obligations) > 1:
        raise AllocationRefused("two_residuals", "only one obligation can take what the others leave", "/obligations")
    named: list[tuple[str, Iterable[Discount | Variable]]] = [("discounts", discounts), ("variable", variable)]
    for key, entries in named:
        for position, entry in enumerate(entries):
            where = f"/{key}/{position}/to"
            _check_unique(entry.to, where)
            for name in entry.to:
                if name not in known:
                    message = f"there is no obligation {name}; there are {', '.join(known)}"
                    raise AllocationRefused("unknown_obligation", message, where)


def _check_unique(ids: Sequence[str], where: str) -> None:
    for position, name in enumerate(ids):
        if name in ids[:position]:
            raise AllocationRefused("duplicate_obligation", f"{name} is named twice", where)
