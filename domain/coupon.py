"""Coupons: codes that become discounts of a contract when it is signed, as often as their limits allow."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, ValidationError, model_validator

from domain.errors import DomainError, RefusedChange
from domain.line import Frozen, Slug, refuse
from domain.money import exact_minor, exponent
from domain.offers import Discount, Percent
from domain.prices import Positive
from domain.terms import Terms


def _known_currency(currency: str) -> str:
    exponent(currency)
    return currency


# Whatever case somebody types it in; the code becomes the discount's id.
Code = Annotated[str, StringConstraints(to_upper=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class Coupon(Frozen):
    """So many percent, or an amount on each invoice, off a contract; where, for how long, and how often it is given.

    It is valid from `valid_from` up to and without `valid_until`.
    """

    code: Code
    percent: Percent | None = None
    amount: Positive | None = None
    currency: Annotated[str, AfterValidator(_known_currency)] | None = Field(
        default=None, description="Of the amount; only contracts in it can use the coupon."
    )
    lines: tuple[Slug, ...] = Field(
        default=(), max_length=200, description="Of these, those that a contract has; all lines if empty."
    )
    periods: Annotated[int, Field(ge=1, le=1200)] | None = Field(
        default=None, description="For so many periods of a line; as long as the contract lives if absent."
    )
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    max_redemptions: Annotated[int, Field(ge=1, le=10**9)] | None = None
    once_per_customer: bool = False

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        refuse((self.percent is None) == (self.amount is None), "give either a percent or an amount")
        refuse((self.amount is None) != (self.currency is None), "currency: an amount needs one, a percent none")
        if self.amount is not None and self.currency is not None:
            _check_decimals(self.amount, self.currency)
        refuse(len(set(self.lines)) < len(self.lines), "lines: one appears more than once")
        begins, ends = self.valid_from, self.valid_until
        refuse(begins is not None and ends is not None and ends <= begins, "valid_until: it is not after valid_from")
        return self


@dataclass(frozen=True, slots=True)
class Redeemed:
    """How often a coupon was redeemed so far, by everybody and by one customer, and whether it was withdrawn."""

    times: int = 0
    by_customer: int = 0
    active: bool = True


def check_redeemable(coupon: Coupon, redeemed: Redeemed, at: datetime) -> None:
    """Refuse a coupon that cannot be redeemed once more at the instant `at`.

    Raises:
        RefusedChange: it is not valid, or all it was good for is used up.
    """
    code = coupon.code
    _forbid(not redeemed.active, f"coupon {code} was withdrawn")
    early = coupon.valid_from is not None and at < coupon.valid_from
    _forbid(early, f"coupon {code} is not valid before {coupon.valid_from}")
    late = coupon.valid_until is not None and at >= coupon.valid_until
    _forbid(late, f"coupon {code} was valid until {coupon.valid_until}")
    most = coupon.max_redemptions
    _forbid(
        most is not None and redeemed.times >= most, f"coupon {code} was redeemed {redeemed.times} times, its limit"
    )
    again = coupon.once_per_customer and redeemed.by_customer > 0
    _forbid(again, f"coupon {code} is for one contract of a customer, and this customer has used it")


def discount(coupon: Coupon, terms: Terms) -> Discount:
    """The discount that a coupon is in a contract.

    Raises:
        DomainError: if the contract is in another currency, or has none of the coupon's lines.
    """
    if coupon.currency not in (None, terms.currency):
        raise DomainError(f"coupon {coupon.code} is {coupon.currency}, the contract is in {terms.currency}")
    lines = tuple(line.id for line in terms.lines if line.id in coupon.lines)
    if coupon.lines and not lines:
        raise DomainError(
            f"coupon {coupon.code} is for {', '.join(coupon.lines)}; the contract has none of these lines"
        )
    return Discount(id=coupon.code, percent=coupon.percent, amount=coupon.amount, lines=lines, periods=coupon.periods)


def with_discounts(terms: Terms, discounts: tuple[Discount, ...]) -> Terms:
    """The terms with these discounts after their own.

    Raises:
        DomainError: if they have too many then, or two by one id.
    """
    stated = {name: getattr(terms, name) for name in Terms.model_fields}
    try:
        return Terms(**{**stated, "discounts": (*terms.discounts, *discounts)})
    except ValidationError as error:
        raise DomainError(f"coupons: {error.errors()[0]['msg'].removeprefix('Value error, ')}", "/coupons") from error


def _check_decimals(amount: Decimal, currency: str) -> None:
    try:
        exact_minor(amount, currency)
    except ValueError as error:
        raise ValueError(f"amount: {error}") from error


def _forbid(wrong: bool, message: str) -> None:
    if wrong:
        raise RefusedChange(message)
