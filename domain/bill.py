"""What follows from a decision: the bill, and the revenue that is earned by then."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from domain import charges
from domain.line import DELIVERED, Line
from domain.period import on_the_clock
from domain.state import Bill, ContractState, Decision, Due, Item, LineState, Waiting

INSTANT = "%Y-%m-%d %H:%M UTC"
HOURS_A_DAY = 24


def concluded(
    state: ContractState,
    happened: str,
    items: Sequence[Item],
    on: date,
    at: datetime,
    *,
    recognise: bool = True,
    regular: bool = True,
) -> Decision:
    """The decision that puts `items` on one bill dated `on`; without items there is no bill.

    Where usage has a grace time, its document waits until that is over, and no later document overtakes it.
    """
    issues_at = _issues_at(state, items, at, regular=regular)
    if items and issues_at > at:
        put_off = tuple(replace(item, waits=True) for item in items)
        state = replace(state, waiting=(*state.waiting, Waiting(on, issues_at, put_off, regular)))
        happened = f"{happened}; its document waits until {issues_at:{INSTANT}}"
    elif items:
        return billed(state, happened, items, on, at, recognise=recognise, regular=regular)
    through = on if recognise else None
    return Decision(state, happened, None, through, accruals_of(state, on) if recognise else ())


def issued(state: ContractState, due: Due) -> Decision:
    """The decision that issues the document that has waited longest."""
    first, *rest = state.waiting
    recognized_through = max(state.recognized_through, due.on)
    state = replace(state, waiting=tuple(rest), recognized_through=recognized_through, decided_at=due.at)
    happened = f"issued on {due.on} what was due on {first.on}"
    return billed(state, happened, first.items, due.on, due.at, regular=first.regular)


def billed(
    state: ContractState,
    happened: str,
    items: Sequence[Item],
    on: date,
    at: datetime,
    *,
    recognise: bool = True,
    regular: bool = True,
) -> Decision:
    """The decision that issues a document of `items` at once; a regular one takes up late usage even without items."""
    accruals = accruals_of(state, on) if recognise else ()
    through = on if recognise else None
    state = replace(state, documents=state.documents + 1)
    due_on = on + timedelta(days=state.terms.payment_terms_days)
    held = state.held is not None
    bill = Bill(state.documents, on, at, due_on, tuple(items), regular, held)
    return Decision(state, happened, bill, through, accruals)


def accruals_of(state: ContractState, through: date) -> tuple[Item, ...]:
    """What is earned by then, day by day or as used, and billed only later."""
    running: list[Item] = [item for waiting in state.waiting for item in waiting.items]
    if state.over or not state.started:
        return tuple(running)
    running += state.carried
    for progress in state.lines:
        line = state.terms.line(progress.id)
        if line.bill == "arrears" and _runs(line, progress, through):
            running += charges.accrued(state, line, progress, through)
    return tuple(running)


def _runs(line: Line, progress: LineState, through: date) -> bool:
    if line.every == "once":
        return progress.index == 0 and not progress.removed
    return progress.billed_through < through or line.pattern in DELIVERED


def _issues_at(state: ContractState, items: Sequence[Item], at: datetime, *, regular: bool) -> datetime:
    """When a document of `items` is issued: after the grace time of its usage, and after those that wait already."""
    waiting_until = state.waiting[-1].issues_at if state.waiting else at
    hours = state.terms.usage_grace_hours
    if not hours or not any(item.kind == "usage" and (regular or not item.rerated) for item in items):
        return max(at, waiting_until)
    days, hours = divmod(hours, HOURS_A_DAY)
    return max(on_the_clock(at, days, state.terms.timezone) + timedelta(hours=hours), waiting_until)
