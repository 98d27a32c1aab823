"""Whether a quote's terms need somebody's approval, and why."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from domain.errors import DomainError
from domain.line import Frozen, Line
from domain.money import round_half_away
from domain.offers import Discount
from domain.prices import Exact
from domain.rating import Usage, rate
from domain.terms import Terms, revised

Days = Annotated[int, Field(ge=0, le=730)]


class ApprovalLimits(Frozen):
    """How far a quote may go without an approval. Without a limit anything goes."""

    discount_percent_max: Annotated[Exact, Field(ge=0, le=100)] | None = None
    term_months_max: Annotated[int, Field(ge=0, le=1200)] | None = None
    free_trial_days_max: Days | None = None
    payment_terms_days_max: Days | None = None


class Excess(Frozen):
    """One reason for an approval; `field` is a JSON pointer into the terms."""

    field: str
    message: str


def needs_approval(terms: Terms, limits: ApprovalLimits, listed: Sequence[Line] = ()) -> tuple[Excess, ...]:
    """All in which the terms go beyond the limits; nothing where they need no approval.

    `listed` are the lines as the plan publishes them: a price below its list price counts as a discount.
    """
    return (*_spans(terms, limits), *_discounts(terms, limits.discount_percent_max, listed))


def _spans(terms: Terms, limits: ApprovalLimits) -> Iterator[Excess]:
    months = terms.term.months if terms.term else 0
    for field, what, unit, given, most in (
        ("/term/months", "a term", "months", months, limits.term_months_max),
        ("/trial_days", "a free trial", "days", terms.trial_days, limits.free_trial_days_max),
        ("/payment_terms_days", "payment terms", "days", terms.payment_terms_days, limits.payment_terms_days_max),
    ):
        if most is not None and given > most:
            yield Excess(field=field, message=f"{what} of {given} {unit}, more than {most}")


def _discounts(terms: Terms, most: Decimal | None, listed: Sequence[Line]) -> Iterator[Excess]:
    if most is None:
        return
    for position, discount in enumerate(terms.discounts):
        if discount.amount is not None and not any(_charge(line) for line in _eligible(discount, terms.lines)):
            message = f"{discount.id} takes an amount off lines of which nobody knows what they will come to"
            yield Excess(field=f"/discounts/{position}", message=message)
    left, offered = _left(terms), {line.id: line for line in listed}
    for position, line in enumerate(terms.lines):
        taken = _taken(line, left[line.id], offered.get(line.id), terms)
        field = f"/lines/{position}"
        if taken is None:
            yield Excess(field=field, message=f"{line.id} has another price than the plan's, and its usage is unknown")
        elif taken * 100 > most:
            yield Excess(field=field, message=f"{_percent(taken)} percent off {line.id}, more than {most:f}")


def _left(terms: Terms) -> Mapping[str, Fraction]:
    """The share of each line's price that its discounts leave, where they leave least.

    A fixed amount comes off each invoice. Lines of one rhythm share an invoice for certain, so it is measured against
    those alone; lines with a meter may come to nothing, and do not count.
    """
    charges = {line.id: _charge(line) for line in terms.lines}
    left = {line.id: Fraction(1) for line in terms.lines}
    for discount in terms.discounts:
        eligible = _eligible(discount, terms.lines)
        for line in eligible:
            if discount.percent is not None:
                left[line.id] *= 1 - Fraction(discount.percent) / 100
        if discount.amount is None:
            continue
        for rhythm in {(line.every, line.bill) for line in eligible}:
            together = [line.id for line in eligible if (line.every, line.bill) == rhythm and charges[line.id]]
            total = sum(charges[id_] * left[id_] for id_ in together)
            if total:
                kept = max(Fraction(0), 1 - Fraction(discount.amount) / total)
                left |= {id_: left[id_] * kept for id_ in together}
    return left


def _taken(line: Line, left: Fraction, offered: Line | None, terms: Terms) -> Fraction | None:
    """The share of the list price that the line goes without, at its cheapest; None where that cannot be known."""
    if offered is None:
        return 1 - left
    stages = [line, *_later(line, terms)]
    if all(stage.price == offered.price for stage in stages):
        return 1 - left
    if line.meter is not None:
        return None
    try:
        lists = [_charge(revised(offered, stage.units, None)) for stage in stages]
    except DomainError:
        return None
    shares = [_charge(stage) / whole for stage, whole in zip(stages, lists, strict=True) if whole]
    return 1 - left * min(shares, default=Fraction(1))


def _later(line: Line, terms: Terms) -> Iterator[Line]:
    """The line as the phases make it, one after the other."""
    for phase in terms.phases:
        revision = phase.lines.get(line.id)
        if revision is not None:
            line = revised(line, revision.quantity, revision.price)
            yield line


def _eligible(discount: Discount, lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if not discount.lines or line.id in discount.lines]


def _charge(line: Line) -> Fraction:
    """What a period of the line comes to before discounts; nothing for usage, which is unknown."""
    return Fraction(0) if line.meter is not None else Fraction(rate(line.price, Usage(line.units)).amount)


def _percent(share: Fraction) -> str:
    """A share in percent with at most two decimals."""
    return f"{Decimal(round_half_away(share * 10_000)).scaleb(-2).normalize():f}"
