"""How a contract moves from one version of its plan to another."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

from domain.catalogue import Changed, PlanTerms, differences, moved
from domain.commands import AddLine, ChangeLine, LineChange, RemoveLine, Revise, line_of
from domain.errors import DomainError, RefusedChange
from domain.line import Line, Meter
from domain.offers import PlanVersion
from domain.prices import Price
from domain.state import ContractState
from domain.uplift import scaled

MoveEffective = Literal["next_period", "renewal"]


def move(
    state: ContractState, old: PlanTerms, new: PlanTerms, to: PlanVersion, *, effective: MoveEffective = "next_period"
) -> Revise | None:
    """The change that moves a contract from its version `old` to the version `to`; None where it is there already.

    What the parties agreed on otherwise stays: prices, quantities, lines that they dropped and lines of their own. A
    price counts as the old version's after any number of uplifts. A line keeps its wording, and one that was billed
    once stays as it is. Meters that count like the old version's count like the new one's. A contract is there, too,
    once it waits for its next period.

    Raises:
        DomainError: with the reason why it cannot be moved.
    """
    _check(state, new, to)
    if to in (state.terms.plan, *(waiting.plan for waiting in state.scheduled)):
        return None
    billed = {line.id for line in state.terms.lines if line.every == "once" and _is_billed(state, line.id)}
    served = {progress.id for progress in state.lines if not progress.removed} - billed
    mine = tuple(line for line in state.terms.lines if line.id in served)
    base = tuple(_as_uplifted(state, line) for line in old.lines if line.id not in billed)
    target = moved(mine, base, [line for line in new.lines if line.id not in billed])
    changes = tuple(_changes(mine, target))
    _check_waiting(state, changes)
    return Revise(changes=changes, plan=to, meters=_meters(state, old, new, target), effective=effective)


def _check(state: ContractState, new: PlanTerms, to: PlanVersion) -> None:
    plan, currency = state.terms.plan, state.terms.currency
    if plan is None or plan.id != to.id:
        raise RefusedChange(f"the contract is not on the plan {to.id}")
    if state.over:
        raise RefusedChange(f"the contract is {state.status}; it takes no more changes")
    if state.ends_on is not None:
        raise RefusedChange(f"the contract was cancelled and ends on {state.ends_on}")
    if state.paused_items:
        raise RefusedChange("the contract is paused, and serves unused days later: move it when it goes on")
    if new.currency != currency:
        raise RefusedChange(f"the contract is in {currency}, version {to.version} of {to.id} in {new.currency}")
    for waiting in state.scheduled:
        if waiting.plan not in (None, to):
            raise RefusedChange(f"the contract waits to move to version {waiting.plan.version} of {waiting.plan.id}")


def _is_billed(state: ContractState, line_id: str) -> bool:
    return any(progress.id == line_id and progress.index for progress in state.lines)


def _as_uplifted(state: ContractState, line: Line) -> Line:
    """The line of the old version with the price that its uplifts have made of it in this contract, if they have."""
    mine = next((one for one in state.terms.lines if one.id == line.id), line)
    return line.model_copy(update={"price": mine.price}) if mine.price in _uplifted(state, line.price) else line


def _uplifted(state: ContractState, price: Price) -> Iterator[Price]:
    """The price at first, and after each renewal."""
    term = state.terms.term
    factor = 1 + (term.uplift if term is not None else Decimal(0)) / 100
    yield price
    for _ in range(1, state.term_number):
        price = scaled(price, factor, state.terms.currency)
        yield price


def _changes(mine: tuple[Line, ...], target: tuple[Line, ...]) -> Iterator[LineChange]:
    found = differences(mine, target)
    yield from (RemoveLine(line=line.id) for line in found.removed)
    for changed in found.changed:
        yield from _changed(changed)
    yield from (AddLine(line=line) for line in found.added)


def _changed(changed: Changed) -> Iterator[LineChange]:
    before, after = changed.before, changed.after
    other = [name for name in changed.fields if name not in ("price", "quantity", "description")]
    if other:
        raise RefusedChange(f"line {after.id}: {', '.join(other)} cannot change: give the new line another id")
    quantity = after.units if after.units != before.units else None
    price = after.price if after.price != before.price else None
    if quantity is not None or price is not None:
        yield ChangeLine(line=after.id, quantity=quantity, price=price)


def _check_waiting(state: ContractState, changes: tuple[LineChange, ...]) -> None:
    touched = {line_of(change) for change in changes}
    waiting = {line_of(change) for scheduled in state.scheduled for change in scheduled.changes}
    waiting |= {progress.id for progress in state.lines if progress.upcoming is not None}
    both = sorted(touched & waiting)
    if both:
        raise RefusedChange(f"another change of {', '.join(both)} waits for its day")


def _meters(state: ContractState, old: PlanTerms, new: PlanTerms, target: tuple[Line, ...]) -> tuple[Meter, ...]:
    """The meters that lines of the new version read and the contract does not know yet, or counts as the old one."""
    known = {meter.id: meter for meter in state.terms.meters}
    before = {meter.id: meter for meter in old.meters}
    read = {line.meter for line in target if line.id in {one.id for one in new.lines}}
    wanted = [meter for meter in new.meters if meter.id in read]
    for meter in wanted:
        if known.get(meter.id, meter) not in (meter, before.get(meter.id)):
            raise DomainError(f"meter {meter.id} counts otherwise in the contract: give it another id")
    return tuple(meter for meter in wanted if known.get(meter.id) != meter)
