"""A change of what was agreed, accounted for by ASC 606-10-25-10 to 25-13.

What was given and what was earned stay. The treatments differ in what becomes of the rest: a contract of its own for
what is added (25-12), a new contract for all that remains (25-13a), the old contract at a new price, with revenue
caught up at once (25-13b), or the last two together (25-13c).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from domain.errors import DomainError
from domain.line import Frozen, Slug
from domain.money import exact_minor, round_half_away
from domain.prices import Exact, NonNegative, plain_decimal
from domain.ssp import spread

Treatment = Literal["separate", "prospective", "catch_up", "mixed"]
Code = Literal[
    "nothing_to_modify", "duplicate_obligation", "unknown_obligation", "progress_needed", "not_separate", "not_catch_up"
]


class ModificationRefused(DomainError):
    """A change that cannot be accounted for as asked; `code` says why."""

    def __init__(self, code: Code, message: str, field: str = "") -> None:
        super().__init__(message, field)
        self.code: Code = code


def _ratio(given: object) -> object:
    if isinstance(given, list | tuple):
        if len(given) != 2:
            raise ValueError("expected a decimal or two numbers, what is done and the whole")
        done, whole = (Fraction(plain_decimal(number)) for number in given)
        if whole <= 0:
            raise ValueError("the whole must be above 0")
        return done / whole
    return given if isinstance(given, Fraction) else Fraction(plain_decimal(given))


# How far an obligation is satisfied: "0.512", or [420, 820] for 420 of 820.
Progress = Annotated[
    Fraction,
    BeforeValidator(_ratio),
    Field(ge=0, le=1),
    PlainSerializer(lambda share: [share.numerator, share.denominator], return_type=list[int], when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "examples": ["0.512"]},
                {"type": "integer", "minimum": 0, "maximum": 1},
                {"type": "array", "items": {"type": ["integer", "string"]}, "minItems": 2, "maxItems": 2},
            ]
        }
    ),
]


class Promise(Frozen):
    """An obligation as it stands before the change: what it was allocated and what of that was recognised.

    `over_time` is one obligation that is satisfied over time; a series of distinct periods or units is not.
    `progress` is measured after the change.
    """

    id: Slug
    allocated: Exact
    recognized: Exact
    remaining_ssp: NonNegative
    over_time: bool = False
    progress: Progress | None = None

    @property
    def partly_satisfied(self) -> bool:
        """Whether what remains is not distinct from what was given."""
        return self.over_time and (self.recognized != 0 or bool(self.progress))

    @property
    def delivered(self) -> bool:
        """Whether nothing of it remains."""
        return self.remaining_ssp == 0 and self.recognized == self.allocated


class Addition(Frozen):
    """A distinct good or service that the change adds."""

    id: Slug
    ssp: NonNegative


class Modification(Frozen):
    """What changes: the price by so much, obligations that come and obligations that go."""

    price: Exact
    add: tuple[Addition, ...] = ()
    remove: tuple[Slug, ...] = ()

    @property
    def ssp(self) -> Fraction:
        """The stand-alone price of all that is added."""
        return sum((Fraction(addition.ssp) for addition in self.add), Fraction(0))


@dataclass(frozen=True, slots=True)
class Modified:
    """How a change is accounted for: revenue of now and what is still to be recognised, by obligation in minor units.

    What was allocated and the change's price are what was recognised, `caught_up` and `remaining`.
    """

    treatment: Treatment
    caught_up: Mapping[str, int]
    remaining: Mapping[str, int]

    @property
    def revenue_now_minor(self) -> int:
        return sum(self.caught_up.values())


def choose(before: Sequence[Promise], change: Modification) -> Treatment:
    """The treatment that the rules prescribe: by what is added at which price, and by how distinct the rest is."""
    if change.add and not change.remove and Fraction(change.price) == change.ssp:
        return "separate"
    remaining = _remaining(before, change)
    partly = any(promise.partly_satisfied for promise in remaining)
    distinct = bool(change.add) or any(not promise.partly_satisfied for promise in remaining)
    if partly and distinct:
        return "mixed"
    # Where nothing remains, nothing is left to bear the change later.
    return "prospective" if distinct else "catch_up"


def modify(
    before: Sequence[Promise], change: Modification, treatment: Treatment | Literal["auto"] = "auto", *, currency: str
) -> Modified:
    """How `change` is accounted for; `auto` leaves the treatment to `choose`.

    - separate: what is added bears the price, all else stays.
    - prospective: what is unrecognised and the price are allocated over what remains and is added, by stand-alone
      price.
    - catch_up: the price, and what removed obligations leave unrecognised, is allocated over what remains on the basis
      of the first allocation; each is then recognised up to its progress.
    - mixed: allocated as prospective; what is partly satisfied is then recognised up to its progress.

    Where nothing remains, all that is unrecognised is revenue of now.

    Raises:
        ModificationRefused: if the figures do not fit each other or the treatment; its `code` says why.
        AllocationRefused: if several obligations have nothing to allocate by.
        TooManyDecimals: if an amount is finer than the minor unit.
    """
    _check(before, change)
    chosen = choose(before, change) if treatment == "auto" else treatment
    remaining = _remaining(before, change)
    recognized = {promise.id: exact_minor(promise.recognized, currency) for promise in before}
    unearned = {promise.id: exact_minor(promise.allocated, currency) - recognized[promise.id] for promise in before}
    price = exact_minor(change.price, currency)
    if chosen == "separate":
        _check_separate(change)
        added = spread(price, _weights((), change.add))
        return Modified(chosen, {}, {promise.id: unearned[promise.id] for promise in remaining} | added)
    if chosen == "catch_up":
        _check_catch_up(change)
    if not remaining and not change.add:
        return Modified(chosen, spread(sum(unearned.values()) + price, _basis(before)), {})
    if chosen == "catch_up":
        shares = _added_to(remaining, unearned, price)
    else:
        shares = spread(sum(unearned.values()) + price, _weights(remaining, change.add))
    late = remaining if chosen == "catch_up" else [promise for promise in remaining if promise.partly_satisfied]
    caught_up = {} if chosen == "prospective" else _caught_up(late, recognized, shares)
    return Modified(chosen, caught_up, {name: share - caught_up.get(name, 0) for name, share in shares.items()})


def _added_to(remaining: Sequence[Promise], unearned: Mapping[str, int], price: int) -> dict[str, int]:
    """What each has unrecognised and its share of the price and of what the removed ones leave."""
    kept = {promise.id: unearned[promise.id] for promise in remaining}
    extra = price + sum(unearned.values()) - sum(kept.values())
    basis = _basis(remaining)
    added = spread(extra, basis if any(basis.values()) else _weights(remaining, ()))
    return {name: kept[name] + added[name] for name in kept}


def _caught_up(late: Iterable[Promise], recognized: Mapping[str, int], shares: Mapping[str, int]) -> dict[str, int]:
    """What brings the obligations up to their progress: (recognised + its share) x progress - recognised."""
    caught_up = {}
    for promise in late:
        before, progress = recognized[promise.id], promise.progress
        if progress is None and before:
            message = f"{promise.id} has begun: its progress after the change is needed"
            raise ModificationRefused("progress_needed", message, "/before")
        caught_up[promise.id] = round_half_away((before + shares[promise.id]) * (progress or Fraction(0))) - before
    return caught_up


def _basis(promises: Iterable[Promise]) -> dict[str, Fraction]:
    """The weights of the first allocation."""
    return {promise.id: Fraction(abs(promise.allocated)) for promise in promises}


def _remaining(before: Iterable[Promise], change: Modification) -> list[Promise]:
    return [promise for promise in before if promise.id not in change.remove and not promise.delivered]


def _weights(remaining: Iterable[Promise], added: Iterable[Addition]) -> dict[str, Fraction]:
    weights = {promise.id: Fraction(promise.remaining_ssp) for promise in remaining}
    return weights | {addition.id: Fraction(addition.ssp) for addition in added}


def _check(before: Sequence[Promise], change: Modification) -> None:
    known = [promise.id for promise in before]
    if not known and not change.add:
        raise ModificationRefused(
            "nothing_to_modify", "there is no obligation that the change could concern", "/before"
        )
    named = [("/before", known), ("/change/add", [*known, *(one.id for one in change.add)])]
    for where, names in [*named, ("/change/remove", list(change.remove))]:
        for position, name in enumerate(names):
            if name in names[:position]:
                raise ModificationRefused("duplicate_obligation", f"{name} is named twice", where)
    for name in change.remove:
        if name not in known:
            message = f"there is no obligation {name}; there are {', '.join(known)}"
            raise ModificationRefused("unknown_obligation", message, "/change/remove")


def _check_separate(change: Modification) -> None:
    if change.remove or not change.add:
        message = "a separate contract is for what is added, and nothing may be taken away with it"
        raise ModificationRefused("not_separate", message, "/treatment")


def _check_catch_up(change: Modification) -> None:
    if change.add:
        message = "what is added is distinct and has nothing to catch up; the treatment is mixed"
        raise ModificationRefused("not_catch_up", message, "/treatment")
