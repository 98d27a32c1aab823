"""What is due at one instant: changes that waited for it, the renewal, and one bill for all of it."""

from dataclasses import replace
from datetime import date

from domain import charges, grid, unpaid_trial
from domain.amendment import apply
from domain.bill import concluded, issued
from domain.closing import close, closing_day
from domain.commands import ChangeLine
from domain.due import line_due, next_due, service_end, term_end, window_end
from domain.ending import end_items
from domain.errors import RefusedChange
from domain.line import Line
from domain.pausing import go_on
from domain.period import first_instant
from domain.revising import with_plan
from domain.state import ContractState, Decision, Due, Item, LineState, Scheduled
from domain.terms import Terms, revised
from domain.timeline import Moment, cut
from domain.uplift import scaled


def wake(state: ContractState, *, payable: bool = True) -> Decision:
    """The state after all that is due at the next instant; `payable`: there is a payment method to charge."""
    due = next_due(state)
    assert due is not None
    if due.reason == "issue":
        return issued(state, due)
    if state.over:
        return close(state, due)
    if state.awaits_payment_method:
        return unpaid_trial.closed(state, due)
    starts = not state.started and due.on >= state.origin
    if not state.started and not starts and service_end(state) != due.on:
        return _trial(state, due)
    if not payable and unpaid_trial.asks(state, due):
        return unpaid_trial.held_up(state, due)
    after, items, happened = _changes(state, due)
    lines = []
    terms = after.terms
    for progress in after.lines:
        terms, progress, billed = _bill_line(after, terms, progress, due.on)
        lines.append(progress)
        items += billed
    after = replace(after, terms=terms, lines=tuple(lines))
    ended = service_end(after) == due.on
    after, more = _offers(after, due.on, started=starts and not ended)
    items += more
    if ended:
        items += end_items(after, due.on)
    # A renewal or the month's recognition is no regular invoice: what is carried waits on.
    regular = ended or bool(items)
    carried = after.carried if regular else ()
    after = replace(
        after,
        status=after.end_status if ended else after.running_status,
        recognized_through=due.on,
        decided_at=due.at,
        carried=() if regular else after.carried,
    )
    if ended:
        after = replace(after, closes_on=closing_day(after, due.on))
    if ended and after.status == "cancelled" and after.terms.reactivation_days:
        after = replace(after, reopens_until=due.on + charges.ONE_DAY * after.terms.reactivation_days)
    return concluded(after, happened or _what_time_did(state, after, due), (*carried, *items), due.on, due.at)


def _trial(state: ContractState, due: Due) -> Decision:
    """The trial starts, or a change that waited takes effect in it."""
    state, _, happened = _changes(state, due)
    return Decision(replace(state, status="trialing", decided_at=due.at), happened or f"trial started on {due.on}")


def _changes(state: ContractState, due: Due) -> tuple[ContractState, list[Item], str]:
    """The changes that were to take effect on this day, the renewal's among them."""
    number = state.term_number
    renews = service_end(state) is None and due.on == state.term_ends_on
    if renews:
        number += 1
    ready = [s for s in state.scheduled if (renews if s.on is None else s.on <= due.on)]
    happened = ""
    if ready:
        state = replace(state, scheduled=tuple(s for s in state.scheduled if s not in ready))
    if renews:
        ends_on = term_end(state.terms, state.origin, number, state.extended_days)
        state = _uplifted(replace(state, term_number=number, term_ends_on=ends_on), due.on)
    items: list[Item] = []
    for scheduled in ready:
        state, some, happened = _apply_scheduled(state, scheduled, due)
        items += some
    return state, items, happened


def _apply_scheduled(state: ContractState, scheduled: Scheduled, due: Due) -> tuple[ContractState, list[Item], str]:
    try:
        if scheduled.resume:
            state, resumed = go_on(state, due.on, due.at)
            return state, list(resumed), f"resumed on {due.on}"
        state = with_plan(state, scheduled.plan, scheduled.meters)
        state, billed = apply(state, scheduled.changes, due.on, due.on, due.at, scheduled.meters)
    except RefusedChange as refusal:
        # It was possible when it was agreed; what the parties did since has overtaken it.
        return state, [], f"a change for {due.on} was dropped: {refusal.message}"
    if scheduled.invoice == "next":
        return replace(state, carried=(*state.carried, *charges.carried(billed))), [], f"changed on {due.on}"
    return state, list(billed), f"changed on {due.on}"


def _uplifted(state: ContractState, on: date) -> ContractState:
    """The state with recurring prices raised for the new term."""
    terms = state.terms
    if terms.term is None or not terms.term.uplift:
        return state
    factor = 1 + terms.term.uplift / 100
    served = {progress.id for progress in state.lines if not progress.removed}
    dearer = tuple(
        ChangeLine(line=line.id, price=scaled(line.price, factor, terms.currency))
        for line in terms.lines
        if line.every != "once" and line.id in served
    )
    return apply(state, dearer, on, on, first_instant(on, terms.timezone))[0]


def _bill_line(
    state: ContractState, terms: Terms, progress: LineState, on: date
) -> tuple[Terms, LineState, tuple[Item, ...]]:
    line = terms.line(progress.id)
    if line_due(state, line, progress) != on:
        return terms, progress, ()
    if line.every == "once":
        billed = () if progress.skip else (charges.once(line, progress.billed_through),)
        return terms, replace(progress, index=1, skip=max(0, progress.skip - 1)), billed
    return _bill_period(state, terms, line, progress, on)


def _bill_period(
    state: ContractState, terms: Terms, line: Line, progress: LineState, on: date
) -> tuple[Terms, LineState, tuple[Item, ...]]:
    end = service_end(state)
    close = grid.period_start(state, line, progress, progress.index + 1)
    items: tuple[Item, ...] = ()
    if line.bill == "arrears":
        items = charges.arrears(state, line, progress, on)
        closed, through = on == close, on
    else:
        through = close if end is None else min(close, end)
        closed = through == close
    at = first_instant(on, terms.timezone)
    begins = progress.index + (line.bill == "arrears")
    if progress.upcoming is not None and on == grid.period_start(state, line, progress, begins):
        quantity, price = progress.upcoming.quantity, progress.upcoming.price
        progress = replace(cut(line, progress, Moment(on, at), quantity=quantity, price=price), upcoming=None)
        line = revised(line, quantity, price)
        terms = terms.with_line(line)
    if line.bill == "advance" and not progress.off:
        items = (charges.whole(state, line, progress, on, through),)
    skipped = bool(progress.skip) and bool(items)
    if skipped and closed:
        progress = replace(progress, skip=progress.skip - 1)
    if progress.since_at > at:
        progress = replace(progress, since=on, since_at=at)
    progress = replace(
        progress,
        index=progress.index + closed,
        billed_through=through,
        interim=None if closed else progress.interim,
    )
    return terms, progress, () if skipped else items


def _offers(state: ContractState, on: date, *, started: bool) -> tuple[ContractState, list[Item]]:
    """The purchase of prepaid credits at the start, and the commitments whose window ends."""
    if not state.windows and not started:
        return state, []
    items: list[Item] = []
    end = service_end(state)
    windows = list(state.windows)
    for position, commitment in enumerate(state.terms.commitments):
        if window_end(state, position, end) == on:
            items.append(charges.true_up(state, commitment, windows[position], on))
            windows[position] += 1
    if started:
        items += [charges.prepaid(credit, on) for credit in state.terms.credits]
    return replace(state, windows=tuple(windows)), items


def _what_time_did(before: ContractState, after: ContractState, due: Due) -> str:
    if after.over:
        return f"{after.status} on {due.on}"
    if after.term_number != before.term_number:
        return f"renewed on {due.on} until {after.term_ends_on}"
    return {"start": f"started on {due.on}", "recognise": f"revenue recognised up to {due.on}"}.get(
        due.reason, f"billed on {due.on}"
    )
