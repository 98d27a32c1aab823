"""How a contract ends: cancelled now, later or not after all; and how it is taken up again."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from domain import charges, grid
from domain.bill import concluded
from domain.closing import closing_day
from domain.commands import Cancel, Reactivate, SetRenewal, WithdrawCancellation
from domain.due import line_due, service_end
from domain.errors import RefusedChange
from domain.line import Line
from domain.period import boundary, first_instant, local_date
from domain.state import ContractState, Decision, Item, LineState
from domain.timeline import Moment, cut, moment, segments


def cancel(state: ContractState, command: Cancel, at: datetime) -> Decision:
    """The state after a cancellation; where it takes effect at once, with what it bills and credits."""
    on = local_date(at, state.terms.timezone)
    state = replace(state, version=state.version + 1, end_status="cancelled", end_credit=command.credit)
    if state.status == "signed" and command.when != "date":
        state = replace(state, status="cancelled", ends_on=state.terms.start, scheduled=())
        return Decision(state, "cancelled before it started")
    if command.when == "now" or (state.awaits_payment_method and command.when != "date"):
        return _at_once(state, command, on, at)
    ends_on = _ends_on(state, command, on)
    settled = service_end(replace(state, ends_on=None))
    if settled is not None:
        ends_on = min(ends_on, settled)
    credit = command.credit if command.when == "date" else "none"
    return Decision(replace(state, ends_on=ends_on, end_credit=credit), f"cancelled with effect from {ends_on}")


def withdraw(state: ContractState, command: WithdrawCancellation, at: datetime) -> Decision:
    """The state without its cancellation; the rest of a period that was billed in part is billed when it begins."""
    if state.end_status != "cancelled" or state.ends_on is None:
        raise RefusedChange("no cancellation waits to take effect")
    state = replace(state, version=state.version + 1, ends_on=None, end_status="expired", end_credit="none")
    return Decision(state, "the cancellation was withdrawn")


def reactivate(state: ContractState, command: Reactivate, at: datetime) -> Decision:
    """The state taken up again from today: the period that runs is billed from today, by day."""
    on = local_date(at, state.terms.timezone)
    if state.status != "cancelled" or state.reopens_until is None or state.ends_on is None:
        reason = "its grace time is over" if state.status == "cancelled" else f"it is {state.status}"
        raise RefusedChange(f"the contract cannot be taken up again: {reason}")
    ended_on = state.ends_on
    state = replace(
        state,
        version=state.version + 1,
        status="active",
        ends_on=None,
        ends_at=None,
        end_status="expired",
        end_credit="none",
        reopens_until=None,
        closes_on=None,
        paused_on=None,
        recognized_through=max(on, state.recognized_through),
    )
    state = replace(state, status=state.running_status)
    items: list[Item] = []
    lines = []
    for progress in state.lines:
        line = state.terms.line(progress.id)
        progress, billed = _taken_up(state, line, progress, ended_on, on)
        lines.append(progress)
        items += billed
    windows = tuple(_window_index(state, position, on) for position in range(len(state.windows)))
    state = replace(state, lines=tuple(lines), windows=windows)
    return concluded(state, "taken up again", items, on, at, regular=False)


def set_renewal(state: ContractState, command: SetRenewal, at: datetime) -> Decision:
    """The state with its term renewing, or not, when it ends."""
    term = state.terms.term
    if term is None or state.term_ends_on is None:
        raise RefusedChange("the contract has no term to renew")
    on = local_date(at, state.terms.timezone)
    late = command.renew == "none" and on + timedelta(days=term.notice_days) > state.term_ends_on
    if late:
        last = state.term_ends_on - timedelta(days=term.notice_days)
        raise RefusedChange(f"notice was due by {last}: cancel at the end of the next term instead", "/renew")
    terms = state.terms.model_copy(update={"term": term.model_copy(update={"renew": command.renew})})
    will = "renews" if command.renew == "auto" else "does not renew"
    return Decision(replace(state, version=state.version + 1, terms=terms), f"the term {will} on {state.term_ends_on}")


def end_items(state: ContractState, on: date) -> list[Item]:
    """What is credited of periods that were billed beyond the day on which the contract ends."""
    items: list[Item] = []
    for progress in state.lines:
        line = state.terms.line(progress.id)
        if line.bill == "advance" and progress.billed_through > on:
            items += _credit(state, line, progress, on, first_instant(on, state.terms.timezone))
    return items


def _at_once(state: ContractState, command: Cancel, on: date, at: datetime) -> Decision:
    items: list[Item] = list(state.carried)
    lines = []
    for progress in state.lines:
        line = state.terms.line(progress.id)
        if not state.started:
            pass
        elif line.bill == "arrears":
            items += _used(state, line, progress, on, at)
        elif on < progress.billed_through:
            items += _credit(state, line, progress, on, at)
        off = cut(line, progress, moment(state, line, on, at), off=True)
        lines.append(off if line.every != "once" else progress)
    if state.started:
        items += _true_ups(state, on)
    grace = state.terms.reactivation_days
    state = replace(
        state,
        lines=tuple(lines),
        ends_on=on,
        ends_at=at,
        status="cancelled",
        recognized_through=on,
        carried=(),
        scheduled=(),
        awaits_payment_method=False,
        reopens_until=on + timedelta(days=grace) if grace else None,
        closes_on=closing_day(state, on),
    )
    decision = concluded(state, "cancelled at once", items, on, at)
    return replace(decision, forfeited=command.credit == "none")


def _used(state: ContractState, line: Line, progress: LineState, on: date, at: datetime) -> tuple[Item, ...]:
    if line.every == "once":
        return () if progress.index or progress.removed else (charges.once(line, on),)
    return charges.arrears(state, line, progress, on, at)


def _credit(state: ContractState, line: Line, progress: LineState, on: date, at: datetime) -> tuple[Item, ...]:
    """The credit for what was billed in advance, by the policy of the cancellation."""
    nothing = state.end_credit == "none" or (state.end_credit == "unused" and state.terms.proration == "none")
    if nothing or line.every == "once":
        return ()
    zone = state.terms.timezone
    upper = Moment(progress.billed_through, first_instant(progress.billed_through, zone))
    lower = moment(state, line, on, at)
    if state.end_credit == "all":
        index = grid.running_index(state, line, progress, on)
        if grid.period_start(state, line, progress, index) == on and line_due(state, line, progress) == on:
            return ()
        start = grid.period_start(state, line, progress, index)
        lower = Moment(start, first_instant(start, zone))
    items = charges.between(state, line, progress, segments(line, progress, upper), lower, upper, "credit")
    return tuple(replace(item, own_day=True) for item in items)


def _true_ups(state: ContractState, on: date) -> list[Item]:
    """What the commitments' running windows come to when they are cut off."""
    items = []
    for position, commitment in enumerate(state.terms.commitments):
        index = state.windows[position]
        if grid.window_start(state, commitment.every, index) < on:
            items.append(charges.true_up(state, commitment, index, on))
    return items


def _ends_on(state: ContractState, command: Cancel, on: date) -> date:
    if command.when == "date":
        assert command.on is not None
        if command.on <= on:
            raise RefusedChange(f"{command.on} is not in the future: cancel now, or name a later day", "/on")
        return command.on
    if command.when == "term_end":
        return _term_end_after_notice(state, on)
    return _running_periods_end(state, on)


def _term_end_after_notice(state: ContractState, on: date) -> date:
    """The first end of a term for which notice is still in time."""
    term = state.terms.term
    if term is None or state.term_ends_on is None:
        raise RefusedChange("the contract has no term: cancel at the period's end instead", "/when")
    number, end = state.term_number, state.term_ends_on
    while on + timedelta(days=term.notice_days) > end:
        number += 1
        end = boundary(state.origin, "month", term.months * number) + timedelta(days=state.extended_days)
    return end


def _running_periods_end(state: ContractState, on: date) -> date:
    """The day on which the last of the periods that run on `on` is over, so that all that was paid is delivered."""
    if on < state.origin:
        return state.origin
    ends = [on]
    for progress in state.lines:
        line = state.terms.line(progress.id)
        if line.every == "once" or progress.removed:
            continue
        if line_due(state, line, progress) == on:
            # A step comes before the billing of its instant: here one period is over and the next has not begun.
            continue
        index = grid.running_index(state, line, progress, on)
        ends.append(grid.period_start(state, line, progress, index + 1))
    return max(ends)


def _taken_up(
    state: ContractState, line: Line, progress: LineState, ended_on: date, on: date
) -> tuple[LineState, tuple[Item, ...]]:
    if line.every == "once" or progress.removed:
        return progress, ()
    zone = state.terms.timezone
    off = cut(line, progress, Moment(ended_on, first_instant(ended_on, zone)), off=True)
    served = cut(line, off, Moment(on, first_instant(on, zone)), off=False)
    index = grid.running_index(state, line, served, on)
    if grid.period_start(state, line, served, index) != served.interim:
        served = replace(served, interim=None)
    if line.bill == "arrears" or grid.period_start(state, line, served, index) == on:
        return replace(served, index=index, billed_through=on, upcoming=None), ()
    close = grid.period_start(state, line, served, index + 1)
    lower, upper = (Moment(day, first_instant(day, zone)) for day in (on, close))
    items = charges.between(state, line, served, segments(line, served, upper), lower, upper)
    return replace(served, index=index + 1, billed_through=close, upcoming=None), items


def _window_index(state: ContractState, position: int, on: date) -> int:
    index = state.windows[position]
    every = state.terms.commitments[position].every
    while grid.window_start(state, every, index + 1) <= on:
        index += 1
    return index
