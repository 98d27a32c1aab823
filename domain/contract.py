"""A contract as a pure state machine: what time and the parties do to it, and what must then be billed."""

from dataclasses import replace
from datetime import date, datetime
from typing import assert_never

from domain import charges
from domain.amendment import cancel, change_line, changed_line
from domain.bill import concluded
from domain.due import line_due, next_due, service_end
from domain.errors import RefusedChange
from domain.period import boundary, first_instant
from domain.state import (
    Cancel,
    ChangeLine,
    Command,
    ContractState,
    Decision,
    Due,
    InvoiceSettled,
    InvoiceUnpaid,
    Item,
    LineState,
    Wake,
)
from domain.terms import Terms

INSTANT = "%Y-%m-%d %H:%M UTC"


def sign(contract_id: str, customer_id: str, terms: Terms, *, spread_seconds: int = 0) -> ContractState:
    """The state of a contract that was signed and has not started."""
    start_at = first_instant(terms.start, terms.timezone)
    return ContractState(
        contract_id=contract_id,
        customer_id=customer_id,
        terms=terms,
        status="signed",
        version=1,
        lines=tuple(LineState(line.id, 0, terms.start, terms.start, start_at) for line in terms.lines),
        recognized_through=terms.start,
        term_ends_on=_term_end(terms, 1),
        spread_seconds=spread_seconds,
    )


def decide(state: ContractState, command: Command, at: datetime) -> Decision:
    """The state after `command` at the instant `at`, and what must be made so.

    All that fell due before `at` must have been decided already; a change at an instant comes before the
    billing that is due at that instant.

    Raises:
        RefusedChange: if the state does not allow it. The state is as it was.
    """
    if state.ended and isinstance(command, Wake | ChangeLine | Cancel):
        raise RefusedChange(f"the contract is {state.status}; it takes no more changes")
    match command:
        case Wake():
            return _wake(state)
        case ChangeLine():
            return change_line(_dated(state, at), command, at)
        case Cancel():
            return cancel(_dated(state, at), command, at)
        case InvoiceUnpaid():
            unpaid = (*(i for i in state.unpaid if i != command.invoice_id), command.invoice_id)
            return _heard(state, unpaid, "an invoice is due and unpaid")
        case InvoiceSettled():
            unpaid = tuple(i for i in state.unpaid if i != command.invoice_id)
            return _heard(state, unpaid, "an invoice was settled")
    assert_never(command)


def _dated(state: ContractState, at: datetime) -> ContractState:
    """The state with `at` as the instant of its last change; what was billed up to a later one stands."""
    if state.decided_at is not None and at < state.decided_at:
        raise RefusedChange(f"dated {at:{INSTANT}}, before what was decided up to {state.decided_at:{INSTANT}}")
    return replace(state, decided_at=at)


def _wake(state: ContractState) -> Decision:
    due = next_due(state)
    assert due is not None
    terms, term_ends_on, number = state.terms, state.term_ends_on, state.term_number
    if service_end(state) is None and due.on == term_ends_on:
        number += 1
        term_ends_on = _term_end(terms, number)
    renewed = replace(state, term_ends_on=term_ends_on, term_number=number)
    items: list[Item] = []
    lines = []
    for progress in state.lines:
        terms, progress, billed = _bill_line(renewed, terms, progress, due.on)
        lines.append(progress)
        items += billed
    ended = service_end(state) == due.on
    # A renewal or the month's recognition is no regular invoice: what is carried waits on.
    regular = ended or bool(items)
    after = replace(
        renewed,
        terms=terms,
        lines=tuple(lines),
        status=state.end_status if ended else "past_due" if state.unpaid else "active",
        recognized_through=due.on,
        decided_at=due.at,
        carried=() if regular else state.carried,
    )
    carried = state.carried if regular else ()
    return concluded(after, _what_time_did(state, after, due), (*carried, *items), due.on, due.at)


def _bill_line(
    state: ContractState, terms: Terms, progress: LineState, on: date
) -> tuple[Terms, LineState, tuple[Item, ...]]:
    line = terms.line(progress.id)
    if line_due(state, line, progress) != on:
        return terms, progress, ()
    end = service_end(state)
    close = charges.period_start(terms, line, progress.index + 1)
    items: tuple[Item, ...] = ()
    if line.bill == "arrears":
        items = charges.arrears(terms, line, progress, on)
        closed, through = on == close, on
    else:
        through = close if end is None else min(close, end)
        closed = through == close
    if progress.upcoming is not None and on == charges.period_start(
        terms, line, progress.index + (line.bill == "arrears")
    ):
        line = changed_line(line, progress.upcoming.quantity, progress.upcoming.price)
        terms, progress = terms.with_line(line), replace(progress, upcoming=None)
    if line.bill == "advance":
        items = (charges.fixed(terms, line, "charge", on, through),)
    since_at = first_instant(on, terms.timezone)
    billed = LineState(line.id, progress.index + closed, through, on, since_at, upcoming=progress.upcoming)
    return terms, billed, items


def _heard(state: ContractState, unpaid: tuple[str, ...], happened: str) -> Decision:
    status = state.status
    if status in ("active", "past_due"):
        status = "past_due" if unpaid else "active"
    return Decision(replace(state, unpaid=unpaid, status=status), happened)


def _term_end(terms: Terms, number: int) -> date | None:
    """The day on which term `number` is over, counted from the start like every boundary."""
    return boundary(terms.start, "month", terms.term.months * number) if terms.term else None


def _what_time_did(before: ContractState, after: ContractState, due: Due) -> str:
    if after.ended:
        return f"{after.status} on {due.on}"
    if after.term_number != before.term_number:
        return f"renewed on {due.on} until {after.term_ends_on}"
    return {"start": f"started on {due.on}", "recognise": f"revenue recognised up to {due.on}"}.get(
        due.reason, f"billed on {due.on}"
    )
