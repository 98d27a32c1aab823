"""What time brings next."""

from datetime import date
from typing import Literal

from domain import charges
from domain.period import first_instant
from domain.state import ContractState, Due, LineState
from domain.terms import Line

Reason = Literal["start", "bill", "renew", "end", "recognise"]


def next_due(state: ContractState) -> Due | None:
    """What time brings next; nothing once the contract has ended."""
    if state.ended:
        return None
    on, reason = min(_dues(state))
    return Due(on, first_instant(on, state.terms.timezone), reason)


def service_end(state: ContractState) -> date | None:
    """The first day without service, as far as it is settled; None while the contract runs on."""
    if state.ends_on is not None:
        return state.ends_on
    term = state.terms.term
    return state.term_ends_on if term is not None and term.renew == "none" else None


def line_due(state: ContractState, line: Line, progress: LineState) -> date | None:
    end = service_end(state)
    if end is not None and progress.billed_through >= end:
        return None
    if line.bill == "advance":
        return progress.billed_through
    close = charges.period_start(state.terms, line, progress.index + 1)
    return close if end is None else min(close, end)


def _dues(state: ContractState) -> list[tuple[date, Reason]]:
    if state.status == "signed":
        return [(state.terms.start, "start")]
    dues: list[tuple[date, Reason]] = []
    long_periods = False
    for line, progress in zip(state.terms.lines, state.lines, strict=True):
        day = line_due(state, line, progress)
        if day is not None:
            dues.append((day, "bill"))
        long_periods |= line.every != "month"
    end = service_end(state)
    if end is not None:
        dues.append((end, "end"))
    elif state.term_ends_on is not None:
        dues.append((state.term_ends_on, "renew"))
    if long_periods:
        # Monthly contracts recognise when they bill; longer periods would leave whole months without revenue.
        dues.append((_next_month(state.recognized_through), "recognise"))
    return dues


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
