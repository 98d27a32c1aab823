"""Pausing a contract and taking it up again. Boundaries stay, unless unused days are to be served later."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from domain import charges
from domain.bill import concluded
from domain.commands import Pause, Resume
from domain.errors import RefusedChange
from domain.lines import replaced
from domain.period import local_date
from domain.rebilling import rebilled
from domain.state import ContractState, Decision, Item, Scheduled
from domain.timeline import cut, moment


def pause(state: ContractState, command: Pause, at: datetime) -> Decision:
    """The paused state, with a credit for the days that were billed in advance.

    Where unused days are to be served later, the credit and the charge for them meet on the next regular invoice.
    """
    if state.status not in ("active", "past_due"):
        raise RefusedChange(f"the contract is {state.status}; only a running one can be paused")
    on = local_date(at, state.terms.timezone)
    if command.resume_on is not None and command.resume_on <= on:
        raise RefusedChange(f"{command.resume_on} is not in the future", "/resume_on")
    items: list[Item] = []
    for progress in state.lines:
        line = state.terms.line(progress.id)
        if line.every == "once" or progress.removed:
            continue
        when = moment(state, line, on, at)
        after = cut(line, progress, when, off=True)
        if line.bill == "advance" and state.terms.proration != "none":
            items += rebilled(state, line, line, progress, after, when)
        state = replaced(state, after)
    state = replace(state, version=state.version + 1, status="paused", paused_on=on)
    if command.resume_on is not None:
        waiting = Scheduled(command.resume_on, (), resume=True)
        state = replace(state, scheduled=(*state.scheduled, waiting))
    if command.unused == "extend":
        kept = charges.carried(items)
        state = replace(state, carried=(*state.carried, *kept), paused_items=tuple(items))
        return Decision(state, "paused; unused days are kept")
    return concluded(state, "paused", items, on, at, regular=False)


def resume(state: ContractState, command: Resume, at: datetime) -> Decision:
    """The state taken up again, with a charge for the rest of the period that runs."""
    on = local_date(at, state.terms.timezone)
    state, items = go_on(state, on, at)
    state = replace(state, version=state.version + 1, scheduled=tuple(s for s in state.scheduled if not s.resume))
    return concluded(state, "resumed", items, on, at, regular=False)


def go_on(state: ContractState, on: date, at: datetime) -> tuple[ContractState, tuple[Item, ...]]:
    """The state served again from `on`, and what that bills."""
    if state.paused_on is None:
        raise RefusedChange(f"the contract is {state.status}, not paused")
    shift = on - state.paused_on
    kept = {item.line for item in state.paused_items}
    items: list[Item] = []
    for progress in state.lines:
        line = state.terms.line(progress.id)
        if line.every == "once" or progress.removed:
            continue
        when = moment(state, line, on, at)
        after = cut(line, progress, when, off=False)
        if line.id in kept:
            paid_until = max(item.end for item in state.paused_items if item.line == line.id) + shift
            after = replace(after, origin=paid_until, index=0, billed_through=paid_until)
        elif line.bill == "advance" and state.terms.proration != "none":
            items += rebilled(state, line, line, progress, after, when)
        state = replaced(state, after)
    served = _served_later(state, shift)
    state = replace(
        state,
        paused_on=None,
        paused_items=(),
        carried=(*state.carried, *served),
        extended_days=state.extended_days + (shift.days if kept else 0),
        term_ends_on=state.term_ends_on + shift if kept and state.term_ends_on else state.term_ends_on,
    )
    return replace(state, status=state.running_status), tuple(items)


def _served_later(state: ContractState, shift: timedelta) -> tuple[Item, ...]:
    """The unused days at their old price, from today on."""
    return charges.carried(
        replace(item, kind="charge", start=item.start + shift, end=item.end + shift) for item in state.paused_items
    )
