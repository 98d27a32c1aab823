"""What follows from a decision: the bill, and the revenue that is earned by then."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from domain import charges
from domain.line import DELIVERED, Line
from domain.state import Bill, ContractState, Decision, Item, LineState


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
    """The decision that puts `items` on one bill dated `on`; without items there is no bill."""
    accruals = accruals_of(state, on) if recognise else ()
    through = on if recognise else None
    if not items:
        return Decision(state, happened, None, through, accruals)
    state = replace(state, documents=state.documents + 1)
    due_on = on + timedelta(days=state.terms.payment_terms_days)
    held = state.held is not None
    bill = Bill(state.documents, on, at, due_on, tuple(items), regular, held)
    return Decision(state, happened, bill, through, accruals)


def accruals_of(state: ContractState, through: date) -> tuple[Item, ...]:
    """What is earned by then, day by day or as used, and billed only later."""
    if state.over or not state.started:
        return ()
    running: list[Item] = list(state.carried)
    for progress in state.lines:
        line = state.terms.line(progress.id)
        if line.bill == "arrears" and _runs(line, progress, through):
            running += charges.accrued(state, line, progress, through)
    return tuple(running)


def _runs(line: Line, progress: LineState, through: date) -> bool:
    if line.every == "once":
        return progress.index == 0 and not progress.removed
    return progress.billed_through < through or line.pattern in DELIVERED
