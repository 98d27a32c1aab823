"""Which lines' revenue follows a plan over the whole term, and what the contract is sure to bill of them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from domain import grid
from domain.commands import Wake
from domain.contract import decide
from domain.drafting import charged, taxed
from domain.due import next_due, service_end
from domain.line import Line
from domain.matter import ONE_DAY, Matter
from domain.period import boundary
from domain.pricing import PricedLine
from domain.state import Bill, ContractState
from domain.terms import Terms


def planned_lines(terms: Terms) -> list[Line]:
    """The lines that run with the contract, and those that share its price by stand-alone prices."""
    if not any(line.ssp is not None or line.recognize == "with_contract" for line in terms.lines):
        return []
    shares = len(sharing_lines(terms)) > 0
    return [line for line in terms.lines if line.recognize == "with_contract" or (shares and line.ssp is not None)]


def sharing_lines(terms: Terms) -> list[Line]:
    """The lines over which the contract's price is allocated: there are none where only one has a stand-alone price."""
    priced = [line for line in terms.lines if line.ssp is not None]
    return priced if len(priced) > 1 else []


def is_planned(matter: Matter, line: PricedLine) -> bool:
    """Whether a plan earns the line: without a term one goes no further than the longest first period."""
    if line.line_id not in matter.planned:
        return False
    return matter.terms.term is not None or line.starts_on < first_period_end(matter.state)


def window(state: ContractState) -> tuple[date, date]:
    """The days [start, end) over which the running plans go: the term, or up to the contract's end."""
    start, term = state.origin, state.terms.term
    if term is not None and state.term_number > 1:
        start = boundary(state.origin, "month", term.months * (state.term_number - 1))
        start += ONE_DAY * state.extended_days
    end, settled = whole_end(state), service_end(state)
    return start, max(end if settled is None else min(end, settled), start + ONE_DAY)


def whole_end(state: ContractState) -> date:
    """The end of the term; without one, of the first period."""
    return first_period_end(state) if state.terms.term is None or state.term_ends_on is None else state.term_ends_on


def first_period_end(state: ContractState) -> date:
    """The end of the longest first period of the lines that share the contract's price."""
    ends = [state.origin + ONE_DAY]
    sharing = {line.id: line for line in sharing_lines(state.terms)}
    for progress in state.lines:
        line = sharing.get(progress.id)
        if line is not None and line.every != "once":
            ends.append(grid.period_start(state, line, progress, 1))
    return max(ends)


def sure(matter: Matter, start: date, end: date) -> dict[str, int]:
    """What the contract will bill of the planned lines for the days [start, end) if nothing happens: net, by line."""
    sums: dict[str, int] = {}
    for bill in _bills(matter.state, end):
        fixed = tuple(item for item in bill.items if item.kind in ("charge", "credit"))
        document = taxed(matter.terms, charged(matter, replace(bill, items=fixed)), [])
        for line, net_minor in zip(document.lines, document.taxes.net_by_line, strict=True):
            if line.line_id in matter.planned and start <= line.starts_on < end:
                sums[line.line_id] = sums.get(line.line_id, 0) + document.sign * net_minor
    return sums


def _bills(state: ContractState, end: date) -> Iterator[Bill]:
    for waiting in state.waiting:
        yield Bill(0, waiting.on, waiting.issues_at, waiting.on, waiting.items, waiting.regular)
    at_once = state.terms.model_copy(update={"usage_grace_hours": 0})
    state = replace(state, terms=at_once, waiting=())
    while (due := next_due(state)) is not None and due.on <= end:
        decision = decide(state, Wake(), due.at)
        state = decision.state
        if decision.bill is not None:
            yield decision.bill
