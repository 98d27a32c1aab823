"""What time brings next."""

from datetime import date

from domain import grid
from domain.charges import ONE_DAY
from domain.line import Line
from domain.period import boundary, first_instant, local_date
from domain.state import ContractState, Due, LineState, Reason
from domain.terms import Terms


def next_due(state: ContractState) -> Due | None:
    """What time brings next; nothing once the contract has ended, or while it waits for a payment method.

    Of what comes at one instant, a document that was put off comes first.
    """
    zone = state.terms.timezone
    dues = [] if state.ended else _dues(state)
    next_on = min(dues, default=None)
    next_at = first_instant(next_on[0], zone) if next_on else None
    if state.waiting:
        issues_at = state.waiting[0].issues_at
        if next_at is None or issues_at <= next_at:
            return Due(local_date(issues_at, zone), issues_at, "issue")
    return Due(next_on[0], next_at, next_on[1]) if next_on and next_at else None


def service_end(state: ContractState) -> date | None:
    """The first day without service, as far as it is settled; None while the contract runs on."""
    if state.ends_on is not None:
        return state.ends_on
    term = state.terms.term
    return state.term_ends_on if term is not None and term.renew == "none" else None


def term_end(terms: Terms, origin: date, number: int, extended_days: int = 0) -> date | None:
    """The day on which term `number` is over, counted from the start of billing like every boundary."""
    if terms.term is None:
        return None
    return boundary(origin, "month", terms.term.months * number) + ONE_DAY * extended_days


def line_due(state: ContractState, line: Line, progress: LineState) -> date | None:
    """The day on which the line is billed next; None where nothing more will be."""
    end = service_end(state)
    if end is not None and progress.billed_through >= end:
        return None
    if progress.removed and progress.billed_through >= progress.since:
        return None
    if line.every == "once":
        if progress.index:
            return None
        return progress.billed_through if line.bill == "advance" else end
    if line.bill == "advance":
        return progress.billed_through
    close = grid.period_start(state, line, progress, progress.index + 1)
    return close if end is None else min(close, end)


def _dues(state: ContractState) -> list[tuple[date, Reason]]:
    if state.over:
        after: list[tuple[date | None, Reason]] = [(state.reopens_until, "close"), (state.closes_on, "late")]
        return [(on, reason) for on, reason in after if on is not None]
    if state.status == "signed":
        return [(state.terms.start, "start")]
    end = service_end(state)
    if state.awaits_payment_method:
        return [] if end is None else [(end, "end")]
    dues: list[tuple[date, Reason]] = [(s.on, "change") for s in state.scheduled if s.on is not None]
    if end is not None:
        dues.append((end, "end"))
    elif state.term_ends_on is not None:
        dues.append((state.term_ends_on, "renew"))
    if state.status == "trialing":
        return [*dues, (state.origin, "start")]
    dues += _billing(state)
    dues += [(window_end(state, position, end), "bill") for position in range(len(state.windows))]
    for credit in state.terms.credits:
        if credit.expires is not None and state.recognized_through <= credit.expires:
            dues.append((credit.expires + ONE_DAY, "recognise"))
    return dues


def _billing(state: ContractState) -> list[tuple[date, Reason]]:
    """When each line is billed next, and when a month's revenue is to be recognised in between."""
    dues: list[tuple[date, Reason]] = []
    long_periods = bool(state.carried)
    for line, progress in zip(state.terms.lines, state.lines, strict=True):
        day = line_due(state, line, progress)
        if day is not None:
            dues.append((day, "bill"))
        long_periods |= line.every != "month"
    if long_periods:
        # Monthly contracts recognise when they bill; longer periods would leave whole months without revenue.
        dues.append((_next_month(state.recognized_through), "recognise"))
    return dues


def window_end(state: ContractState, position: int, end: date | None) -> date:
    """The day on which the running window of commitment number `position` ends, at the latest with the contract."""
    close = grid.window_start(state, state.terms.commitments[position].every, state.windows[position] + 1)
    return close if end is None else min(close, end)


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
