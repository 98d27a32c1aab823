"""Changes that the parties make to a contract: other quantities, other prices, its end."""

from dataclasses import replace
from datetime import date, datetime

from pydantic import ValidationError

from domain import charges
from domain.bill import concluded
from domain.due import line_due, service_end
from domain.errors import RefusedChange
from domain.period import first_instant, local_date
from domain.state import Cancel, ChangeLine, ContractState, Decision, Item, LineState, Upcoming
from domain.terms import Line, Terms


def change_line(state: ContractState, change: ChangeLine, at: datetime) -> Decision:
    terms = state.terms
    try:
        line = terms.line(change.line)
    except KeyError:
        known = ", ".join(line.id for line in terms.lines)
        raise RefusedChange(f"the contract has no line {change.line!r}; it has {known}", "/line") from None
    if change.quantity is None and change.price is None:
        raise RefusedChange("nothing to change: give a quantity, a price or both", "/quantity")
    position = [progress.id for progress in state.lines].index(line.id)
    progress = state.lines[position]
    items: tuple[Item, ...] = ()
    on = local_date(at, terms.timezone)
    if change.effective == "next_period" and state.status != "signed":
        progress = replace(progress, upcoming=_merged(progress.upcoming or Upcoming(), change))
        changed = line
    else:
        changed = changed_line(line, change.quantity, change.price)
        terms = _checked(terms.with_line(changed))
        if state.status != "signed":
            progress, items = _split(terms, line, changed, progress, on, at)
    if progress.upcoming is not None:
        _checked(terms.with_line(changed_line(changed, progress.upcoming.quantity, progress.upcoming.price)))
    lines = (*state.lines[:position], progress, *state.lines[position + 1 :])
    state = replace(state, version=state.version + 1, terms=terms, lines=lines)
    happened = f"{line.id} changes {'now' if change.effective == 'now' else 'at its next period'}"
    if change.invoice == "next":
        return Decision(replace(state, carried=(*state.carried, *items)), happened)
    return concluded(state, happened, items, on, at, recognise=bool(items))


def cancel(state: ContractState, command: Cancel, at: datetime) -> Decision:
    on = local_date(at, state.terms.timezone)
    state = replace(state, version=state.version + 1, end_status="cancelled")
    if state.status == "signed":
        state = replace(state, status="cancelled", ends_on=state.terms.start)
        return Decision(state, "cancelled before it started")
    if command.when == "period_end":
        state = replace(state, ends_on=_running_periods_end(state, on))
        return Decision(state, f"cancelled with effect from {state.ends_on}")
    items: list[Item] = list(state.carried)
    for progress in state.lines:
        line = state.terms.line(progress.id)
        if line.bill == "arrears":
            items += charges.arrears(state.terms, line, progress, on, at)
        elif command.credit == "unused" and on < progress.billed_through:
            items.append(charges.fixed(state.terms, line, "credit", on, progress.billed_through))
    state = replace(state, ends_on=on, ends_at=at, status="cancelled", recognized_through=on, carried=())
    decision = concluded(state, "cancelled at once", items, on, at)
    return replace(decision, forfeited=command.credit == "none")


def _merged(waiting: Upcoming, change: ChangeLine) -> Upcoming:
    quantity = waiting.quantity if change.quantity is None else change.quantity
    return Upcoming(quantity, change.price or waiting.price)


def _split(
    terms: Terms, line: Line, changed: Line, progress: LineState, on: date, at: datetime
) -> tuple[LineState, tuple[Item, ...]]:
    """End the stretch under the old state; the local day of a change counts as the new state's."""
    if line.bill == "advance":
        if on >= progress.billed_through:
            return progress, ()
        credit = charges.fixed(terms, line, "credit", on, progress.billed_through)
        return progress, (credit, charges.fixed(terms, changed, "charge", on, progress.billed_through))
    since_at = at if line.meter else first_instant(on, terms.timezone)
    past = progress.past
    if progress.since_at < since_at:
        past = (*past, charges.running_segment(line, progress, on, since_at))
    return replace(progress, past=past, since=on, since_at=since_at), ()


def _running_periods_end(state: ContractState, on: date) -> date:
    """The day on which the last of the periods that run on `on` is over, so that all that was paid is delivered."""
    ends = []
    for progress in state.lines:
        line = state.terms.line(progress.id)
        if line_due(state, line, progress) == on:
            # A step comes before the billing of its instant: here one period is over and the next has not begun.
            ends.append(on)
        else:
            index = charges.running_index(state.terms, line, on)
            ends.append(charges.period_start(state.terms, line, index + 1))
    end = service_end(state)
    return max(ends) if end is None else min(max(ends), end)


def changed_line(line: Line, quantity: object, price: object) -> Line:
    values = {name: getattr(line, name) for name in Line.model_fields}
    values |= {name: value for name, value in (("quantity", quantity), ("price", price)) if value is not None}
    try:
        return Line(**values)
    except ValidationError as error:
        raise RefusedChange(_reason(error), "/price" if price is not None else "/quantity") from error


def _checked(terms: Terms) -> Terms:
    try:
        return Terms.model_validate(terms.model_dump())
    except ValidationError as error:
        raise RefusedChange(_reason(error), "/price") from error


def _reason(error: ValidationError) -> str:
    return error.errors()[0]["msg"].removeprefix("Value error, ")
