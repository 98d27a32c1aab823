"""A contract as a pure state machine: what time and the parties do to it, and what must then be billed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from domain import amendment, ending, pausing, progressive, repair, trial, waking
from domain.amendment import change
from domain.bill import accruals_of
from domain.commands import (
    AddLine,
    BillUsage,
    Cancel,
    ChangeLine,
    Command,
    Deliver,
    EndTrial,
    ExtendTrial,
    Hold,
    InvoiceSettled,
    InvoiceUnpaid,
    MoveAnchor,
    Pause,
    PaymentMethodAdded,
    Reactivate,
    Recognise,
    Release,
    RemoveLine,
    Resume,
    Revise,
    SetRenewal,
    SetUsageLimits,
    SkipPeriod,
    Wake,
    WithdrawCancellation,
)
from domain.due import term_end
from domain.errors import RefusedChange
from domain.period import first_instant, local_date
from domain.state import ContractState, Decision, Delivered, LineState, Scheduled
from domain.terms import Terms

INSTANT = "%Y-%m-%d %H:%M UTC"


def sign(contract_id: str, customer_id: str, terms: Terms, *, spread_seconds: int = 0) -> ContractState:
    """The state of a contract that was signed and has not started."""
    start_at = first_instant(terms.origin, terms.timezone)
    return ContractState(
        contract_id=contract_id,
        customer_id=customer_id,
        terms=terms,
        status="signed",
        version=1,
        lines=tuple(LineState(line.id, 0, terms.origin, terms.origin, start_at) for line in terms.lines),
        recognized_through=terms.origin,
        term_ends_on=term_end(terms, terms.origin, 1),
        spread_seconds=spread_seconds,
        scheduled=tuple(
            Scheduled(
                phase.from_,
                tuple(ChangeLine(line=line, quantity=r.quantity, price=r.price) for line, r in phase.lines.items()),
            )
            for phase in terms.phases
        ),
        windows=(0,) * len(terms.commitments),
    )


def decide(state: ContractState, command: Command, at: datetime) -> Decision:
    """The state after `command` at the instant `at`, and what must be made so.

    All that fell due before `at` must have been decided already; a change at an instant comes before the
    billing that is due at that instant.

    Raises:
        RefusedChange: if the state does not allow it. The state is as it was.
    """
    match command:
        case Wake():
            if state.ended:
                raise RefusedChange(f"the contract is {state.status}; nothing is due")
            return waking.wake(state, payable=command.payable)
        case InvoiceUnpaid() | InvoiceSettled():
            return _heard(state, command)
        case Recognise():
            through = max(command.through, state.recognized_through)
            recognised = replace(state, recognized_through=through)
            happened = f"revenue recognised up to {command.through}"
            return Decision(recognised, happened, None, command.through, accruals_of(state, command.through))
        case PaymentMethodAdded():
            if not state.awaits_payment_method:
                raise RefusedChange("the contract does not wait for a payment method")
            return trial.take_up(_dated(state, at), at)
        case BillUsage():
            moment = at if state.decided_at is None else max(at, state.decided_at)
            return progressive.bill_usage(replace(state, decided_at=moment), command, moment)
        case Deliver():
            return _deliver(_dated(state, at), command, at)
    if state.over and not isinstance(command, Reactivate):
        raise RefusedChange(f"the contract is {state.status}; it takes no more changes")
    return _CHANGES[type(command)](_dated(state, at), command, at)


def _resume(state: ContractState, command: Resume, at: datetime) -> Decision:
    return trial.take_up(state, at) if state.awaits_payment_method else pausing.resume(state, command, at)


_CHANGES: Mapping[type, Callable[[ContractState, Any, datetime], Decision]] = {
    ChangeLine: change,
    AddLine: change,
    RemoveLine: change,
    Revise: change,
    Pause: pausing.pause,
    Resume: _resume,
    Cancel: ending.cancel,
    WithdrawCancellation: ending.withdraw,
    Reactivate: ending.reactivate,
    SetRenewal: ending.set_renewal,
    ExtendTrial: trial.extend,
    EndTrial: trial.end,
    MoveAnchor: repair.move_anchor,
    SkipPeriod: repair.skip_period,
    SetUsageLimits: amendment.set_usage_limits,
    Hold: repair.hold,
    Release: repair.release,
}


def _dated(state: ContractState, at: datetime) -> ContractState:
    """The state with `at` as the instant of its last change; what was billed up to a later one stands."""
    if state.decided_at is not None and at < state.decided_at:
        raise RefusedChange(f"dated {at:{INSTANT}}, before what was decided up to {state.decided_at:{INSTANT}}")
    return replace(state, decided_at=at)


def _heard(state: ContractState, news: InvoiceUnpaid | InvoiceSettled) -> Decision:
    unpaid, happened = tuple(i for i in state.unpaid if i != news.invoice_id), "an invoice was settled"
    if isinstance(news, InvoiceUnpaid):
        unpaid, happened = (*unpaid, news.invoice_id), "an invoice is due and unpaid"
    heard = replace(state, unpaid=unpaid)
    if state.status in ("active", "past_due"):
        heard = replace(heard, status="past_due" if unpaid else "active")
    return Decision(heard, happened)


def _deliver(state: ContractState, command: Deliver, at: datetime) -> Decision:
    known = {line.id: line for line in state.terms.lines}
    if command.line not in known:
        raise RefusedChange(f"the contract has no line {command.line!r}; it has {', '.join(known)}", "/line")
    pattern = known[command.line].pattern
    if pattern not in ("at_delivery", "percent_complete"):
        raise RefusedChange(f"{command.line} is recognised {pattern}; nothing of it is delivered", "/line")
    if pattern == "at_delivery" and command.percent not in (0, 100):
        raise RefusedChange(f"{command.line} is recognised at_delivery: give 100 percent", "/percent")
    on = local_date(at, state.terms.timezone)
    delivered = Delivered(command.line, on, command.percent)
    state = replace(state, version=state.version + 1)
    happened = f"{command.percent:f} percent of {command.line} delivered"
    return Decision(state, happened, None, on, accruals_of(state, on), delivered=delivered)
