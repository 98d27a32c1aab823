"""A trial that lasts longer, or ends early. Billing starts on the day on which it ends."""

from dataclasses import replace
from datetime import date, datetime

from domain.commands import EndTrial, ExtendTrial
from domain.due import term_end
from domain.errors import RefusedChange
from domain.period import first_instant, local_date
from domain.state import ContractState, Decision


def extend(state: ContractState, command: ExtendTrial, at: datetime) -> Decision:
    """The state with its trial ending on `until`."""
    _check(state)
    if command.until <= state.origin:
        raise RefusedChange(f"the trial lasts until {state.origin} already", "/until")
    return Decision(_starting(state, command.until), f"the trial lasts until {command.until}")


def end(state: ContractState, command: EndTrial, at: datetime) -> Decision:
    """The state with its trial ending today."""
    _check(state)
    on = local_date(at, state.terms.timezone)
    return Decision(_starting(state, max(on, state.terms.start)), f"the trial ends on {on}")


def take_up(state: ContractState, at: datetime) -> Decision:
    """The state that starts to bill today, where it waited for a payment method since its trial ended.

    It is not asked for a second time: what cannot be charged then is collected like any other invoice.
    """
    on = local_date(at, state.terms.timezone)
    terms = state.terms.model_copy(update={"without_payment_method": "bill"})
    return Decision(_starting(replace(state, terms=terms), on), f"the trial ends on {on}")


def _check(state: ContractState) -> None:
    if state.started or state.terms.trial_days == 0:
        raise RefusedChange(f"the contract is {state.status}, not in a trial")


def _starting(state: ContractState, origin: date) -> ContractState:
    start_at = first_instant(origin, state.terms.timezone)
    lines = tuple(
        replace(progress, billed_through=origin, since=origin, since_at=start_at, past=()) for progress in state.lines
    )
    return replace(
        state,
        version=state.version + 1,
        status="trialing" if state.awaits_payment_method else state.status,
        awaits_payment_method=False,
        billing_from=origin,
        lines=lines,
        recognized_through=origin,
        term_ends_on=term_end(state.terms, origin, 1),
    )
