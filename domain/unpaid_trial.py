"""A trial that ends where nothing can be charged: by the terms the contract waits unbilled, or is cancelled."""

from dataclasses import replace

from domain.due import service_end
from domain.state import ContractState, Decision, Due


def asks(state: ContractState, due: Due) -> bool:
    """Whether billing starts at that instant only if there is a payment method to charge."""
    if state.terms.without_payment_method == "bill" or state.started:
        return False
    return due.on >= state.origin and service_end(state) != due.on


def held_up(state: ContractState, due: Due) -> Decision:
    """The state after a trial for which there is nothing to charge. Nothing is billed."""
    if state.terms.without_payment_method == "cancel":
        cancelled = replace(state, status="cancelled", ends_on=due.on, ends_at=due.at, end_status="cancelled")
        return _nothing_more(cancelled, due, "cancelled at the end of the trial: there is no payment method")
    waiting = replace(state, status="paused", awaits_payment_method=True, decided_at=due.at)
    return Decision(waiting, "paused at the end of the trial until there is a payment method")


def closed(state: ContractState, due: Due) -> Decision:
    """The state after its last day, which came while it still waited. Nothing is billed."""
    ended = replace(state, status=state.end_status, ends_on=due.on, awaits_payment_method=False)
    return _nothing_more(ended, due, f"{ended.status} on {due.on}: there was no payment method")


def _nothing_more(state: ContractState, due: Due, happened: str) -> Decision:
    return Decision(replace(state, scheduled=(), carried=(), recognized_through=due.on, decided_at=due.at), happened)
