"""What follows from a decision: the bill, and the revenue that is earned by then."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from domain import charges
from domain.state import Bill, ContractState, Decision, Item


def concluded(
    state: ContractState,
    happened: str,
    items: Sequence[Item],
    on: date,
    at: datetime,
    *,
    recognise: bool = True,
) -> Decision:
    """The decision that puts `items` on one bill dated `on`; without items there is no bill."""
    accruals = _accruals(state, on) if recognise else ()
    through = on if recognise else None
    if not items:
        return Decision(state, happened, None, through, accruals)
    state = replace(state, documents=state.documents + 1)
    due_on = on + timedelta(days=state.terms.payment_terms_days)
    return Decision(state, happened, Bill(state.documents, on, at, due_on, tuple(items)), through, accruals)


def _accruals(state: ContractState, through: date) -> tuple[Item, ...]:
    """The running stretches that are earned day by day or as used, and billed only when their period ends."""
    if state.ended:
        return ()
    running: list[Item] = []
    for progress in state.lines:
        line = state.terms.line(progress.id)
        if line.bill == "arrears" and progress.billed_through < through:
            running += charges.arrears(state.terms, line, progress, through)
    return tuple(running)
