"""Changes of a contract's lines: other quantities, other prices, lines that come and go."""

from dataclasses import replace
from datetime import date, datetime
from typing import assert_never

from pydantic import ValidationError

from domain import charges, grid
from domain.bill import concluded
from domain.commands import AddLine, ChangeLine, LineChange, RemoveLine, Revise, SetUsageLimits, line_of
from domain.due import service_end
from domain.errors import RefusedChange
from domain.line import Line, Meter
from domain.lines import add, remove, replaced
from domain.period import first_instant, local_date
from domain.rebilling import rebilled, without
from domain.recounting import counting, readers, recount
from domain.revising import by_period, with_plan
from domain.state import ContractState, Decision, Item, LineState, Scheduled, Upcoming
from domain.terms import Terms, revised
from domain.timeline import cut, moment


def change(state: ContractState, command: LineChange | Revise, at: datetime) -> Decision:
    """The state after changes of lines, with what they bill or credit; or with changes that wait for their day.

    Raises:
        RefusedChange: if a line is unknown, or the changed terms would contradict themselves.
    """
    on = local_date(at, state.terms.timezone)
    if isinstance(command, ChangeLine) and _waits_for_period(state, command):
        return _upcoming(state, command)
    revision = command if isinstance(command, Revise) else Revise(changes=(command,))
    waiting = _waiting(state, command, revision, at)
    taken = with_plan(replace(state, version=state.version + 1), revision.plan, revision.meters)
    named = _named(revision)
    if waiting:
        # Tried now, so that what cannot be is refused today and not on its day.
        apply(counting(taken, revision.meters), revision.changes, on, on, at)
        state = replace(state, version=taken.version, scheduled=(*state.scheduled, *waiting))
        return Decision(state, f"{named} {_when(waiting)}")
    effective_on = _effective_on(state, command, on) or on
    state, items = apply(taken, revision.changes, effective_on, on, at, revision.meters)
    happened = f"{named} {'now' if effective_on == on else f'from {effective_on}'}"
    if command.invoice == "next":
        return Decision(replace(state, carried=(*state.carried, *charges.carried(items))), happened)
    # What the line has waiting for the next invoice comes first: a credit of now may be of what that charges.
    lines = {item.line for item in items}
    before = tuple(item for item in state.carried if item.line in lines)
    state = replace(state, carried=tuple(item for item in state.carried if item.line not in lines))
    return concluded(state, happened, (*before, *items), on, at, recognise=bool(items), regular=False)


def _waiting(
    state: ContractState, command: LineChange | Revise, revision: Revise, at: datetime
) -> tuple[Scheduled, ...]:
    """The changes by the days for which they wait; none where they count from today or a day gone by."""
    if isinstance(command, Revise) and command.effective == "next_period" and command.changes and state.started:
        return by_period(state, command, at)
    on = local_date(at, state.terms.timezone)
    effective_on = _effective_on(state, command, on)
    if effective_on is not None and effective_on <= on:
        return ()
    waits = Scheduled(effective_on, revision.changes, command.invoice, plan=revision.plan, meters=revision.meters)
    return (waits,)


def _when(waiting: tuple[Scheduled, ...]) -> str:
    if len(waiting) > 1:
        return "at the next period of each"
    return "at the renewal" if waiting[0].on is None else f"on {waiting[0].on}"


def apply(
    state: ContractState,
    changes: tuple[LineChange, ...],
    effective_on: date,
    on: date,
    at: datetime,
    meters: tuple[Meter, ...] = (),
) -> tuple[ContractState, tuple[Item, ...]]:
    """The state after `changes` from the day `effective_on`, made on the day `on`, and what they bill and credit.

    From that day on `meters` count, too, before anything else is changed.
    """
    state, items = recount(state, meters, effective_on, on, at)
    for one in changes:
        match one:
            case ChangeLine():
                state, billed = _change_line(state, one, effective_on, on, at)
            case AddLine():
                state, billed = add(state, one.line, effective_on, on, at)
            case RemoveLine():
                state, billed = remove(state, one, effective_on, on, at)
            case _:
                assert_never(one)
        items = (*without(items, billed), *billed)
    if all(progress.removed for progress in state.lines):
        raise RefusedChange(f"{state.lines[-1].id} is the contract's last line: cancel the contract instead", "/line")
    checked(state.terms)
    return state, items


def _change_line(
    state: ContractState, command: ChangeLine, effective_on: date, on: date, at: datetime
) -> tuple[ContractState, tuple[Item, ...]]:
    line, progress = find(state, command.line)
    if line.every == "once" and progress.index:
        raise RefusedChange(f"{line.id} is billed once, and was billed: credit it instead", "/line")
    changed = changed_line(line, command)
    state = replace(state, terms=state.terms.with_line(changed))
    if not state.started or line.every == "once":
        return state, ()
    if effective_on < state.origin:
        raise RefusedChange(f"effective {effective_on} is before {state.origin}, when billing starts", "/effective")
    midnight = first_instant(effective_on, state.terms.timezone)
    when = moment(state, line, effective_on, at if effective_on == on else midnight)
    after = cut(line, progress, when, quantity=command.quantity, price=command.price)
    items = rebilled(state, line, changed, progress, after, when)
    after = replace(after, upcoming=progress.upcoming)
    if after.upcoming is not None:
        checked(state.terms.with_line(changed_line(changed, after.upcoming)))
    return replaced(state, after), items


def _upcoming(state: ContractState, command: ChangeLine) -> Decision:
    """The change waits in the line for its next period."""
    line, progress = find(state, command.line)
    if line.every == "once":
        raise RefusedChange(f"{line.id} is billed once: it has no next period", "/line")
    changed_line(line, command)
    waiting = progress.upcoming or Upcoming()
    quantity = waiting.quantity if command.quantity is None else command.quantity
    merged = Upcoming(quantity, command.price or waiting.price)
    checked(state.terms.with_line(changed_line(line, merged)))
    state = replace(replaced(state, replace(progress, upcoming=merged)), version=state.version + 1)
    return Decision(state, f"{line.id} changes at its next period")


def _waits_for_period(state: ContractState, command: ChangeLine) -> bool:
    if not state.started:
        return False
    line, _ = find(state, command.line)
    no_proration = state.terms.proration == "none" and line.meter is None and command.effective == "now"
    return command.effective == "next_period" or no_proration


def _effective_on(state: ContractState, command: LineChange | Revise, on: date) -> date | None:
    """The day from which it counts; None for the next renewal."""
    effective = command.effective
    if effective == "now":
        return on
    if isinstance(effective, date):
        end = service_end(state)
        if end is not None and effective >= end:
            raise RefusedChange(f"effective {effective} is not before {end}, when the contract ends", "/effective")
        return effective
    if effective == "renewal":
        if state.term_ends_on is None or service_end(state) is not None:
            raise RefusedChange("the contract does not renew: name a day instead", "/effective")
        return None
    return _next_period(state, command, on)


def _next_period(state: ContractState, command: LineChange | Revise, on: date) -> date:
    """The next day on which a period begins: of the line concerned, or the first of any line."""
    if not state.started:
        return on
    concerned = _concerned(state, command)
    ends = []
    for progress in state.lines:
        line = state.terms.line(progress.id)
        if line.every != "once" and not progress.removed and (not concerned or line.id in concerned):
            index = grid.running_index(state, line, progress, on)
            begins = grid.period_start(state, line, progress, index)
            ends.append(on if begins == on else grid.period_start(state, line, progress, index + 1))
    if not ends:
        named = ", ".join(sorted(concerned))
        raise RefusedChange(f"the contract has no running line {named!r}" if named else "no line runs", "/line")
    return min(ends)


def _concerned(state: ContractState, command: LineChange | Revise) -> set[str]:
    """The lines whose next period a change awaits; none where that of any will do."""
    if isinstance(command, RemoveLine):
        return {command.line}
    if isinstance(command, Revise) and not command.changes:
        return readers(state, command.meters)
    return set()


def set_usage_limits(state: ContractState, command: SetUsageLimits, at: datetime) -> Decision:
    """The state with other limits of usage. What was told or billed in the running period stays so."""
    terms = checked(state.terms.model_copy(update={"usage_limits": command.limits}), "/limits")
    limits = ", ".join(limit.id for limit in command.limits) or "none"
    return Decision(replace(state, version=state.version + 1, terms=terms), f"limits of usage: {limits}")


def find(state: ContractState, line_id: str) -> tuple[Line, LineState]:
    """A line that is served, and how far it was billed.

    Raises:
        RefusedChange: if the contract has no such line, or has it no more.
    """
    for progress in state.lines:
        if progress.id == line_id and not progress.removed:
            return state.terms.line(line_id), progress
    known = ", ".join(progress.id for progress in state.lines if not progress.removed)
    raise RefusedChange(f"the contract has no line {line_id!r}; it has {known}", "/line")


def changed_line(line: Line, command: ChangeLine | Upcoming) -> Line:
    if command.quantity is None and command.price is None:
        raise RefusedChange("nothing to change: give a quantity, a price or both", "/quantity")
    try:
        return revised(line, command.quantity, command.price)
    except ValidationError as error:
        field = "/price" if command.price is not None else "/quantity"
        raise RefusedChange(_reason(error), field) from error


def checked(terms: Terms, field: str = "/price") -> Terms:
    """The terms themselves, where they agree with themselves after a change.

    Raises:
        RefusedChange: if they do not.
    """
    # Phases state what was agreed at the start; the lines have moved on.
    try:
        return Terms.model_validate(terms.model_copy(update={"phases": ()}).model_dump())
    except ValidationError as error:
        raise RefusedChange(_reason(error), field) from error


def _named(revision: Revise) -> str:
    if revision.plan is not None and not revision.changes:
        return f"moves to version {revision.plan.version} of {revision.plan.id}"
    if not revision.changes:
        return f"{', '.join(meter.id for meter in revision.meters)} counts otherwise"
    verbs = {"change_line": "changes", "add_line": "is added", "remove_line": "is removed"}
    return ", ".join(f"{line_of(one)} {verbs[one.kind]}" for one in revision.changes)


def _reason(error: ValidationError) -> str:
    return error.errors()[0]["msg"].removeprefix("Value error, ")
