"""What is left to do after a contract is over: late usage is billed, and the time to take it up again runs out."""

from dataclasses import replace
from datetime import date, timedelta

from domain.bill import billed
from domain.state import ContractState, Decision, Due


def closing_day(state: ContractState, on: date) -> date | None:
    """The day on which late usage is billed of a contract that ends on the day `on`; None where it never is."""
    days = state.terms.late_usage_days
    metered = any(line.meter is not None for line in state.terms.lines)
    return on + timedelta(days=days) if days and metered and state.started else None


def close(state: ContractState, due: Due) -> Decision:
    """The state after a contract that is over has come to the instant `due`.

    Late usage is billed on a document without items of its own, which is none where nothing came.
    """
    state = replace(state, decided_at=due.at)
    if due.reason == "close":
        return Decision(replace(state, reopens_until=None), f"closed on {due.on}")
    state = replace(state, closes_on=None)
    return billed(state, f"late usage billed on {due.on}", (), due.on, due.at)
