"""Revenue of a decision: what is billed or accrued gets a schedule, and what schedules have earned is posted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlmodel import Session

from activities.metering import Claims, Metered, stretch, up_to, usage_so_far, usage_within
from activities.signatures import Decided
from domain.invoice import Draft, DraftLine, earned
from domain.keys import derived
from domain.period import local_date
from domain.revenue import ONE_DAY, Basis, Earning, Schedule, by_day, conclude, earn, month_starts
from domain.state import ContractState, Item
from domain.tax import tax_on
from domain.terms import Terms
from models.journal import Entry, Posting
from models.recognition import store

ACCOUNTS: Mapping[Basis, str] = {"position": "contract_position", "unbilled": "unbilled_receivable"}
BASES: Mapping[str, Basis] = {"advance": "position", "arrears": "unbilled"}

Known = Mapping[str, Schedule]


def billed(
    session: Session, state: ContractState, document: Draft, line_ids: Sequence[str], claims: Claims, known: Known
) -> list[Schedule]:
    """The schedules of a document's lines; `line_ids` are the ids of its lines, in their order."""
    sign = -1 if document.kind == "credit_note" else 1
    schedules = []
    for line, line_id in zip(document.lines, line_ids, strict=True):
        fresh = _of_item(state, line.item, sign * line.net_minor, line_id)
        metered = claims.get(stretch(line.item))
        if metered is not None:
            fresh = _in_parts(session, state, fresh, line.item, metered, known)
        schedules.append(_continued(known, fresh))
    return [schedule for schedule in schedules if schedule.amount_minor or schedule.id in known]


def unbilled(state: ContractState, items: Iterable[Item], lines: Iterable[DraftLine], known: Known) -> list[Schedule]:
    """The schedules of accrued stretches whose bill came to nothing: what they have earned is taken back."""
    on_document = {_schedule_id(state, line.item, "") for line in lines}
    ids = {_schedule_id(state, item, "") for item in items if item.bill == "arrears"} - on_document
    return [replace(known[id_], amount_minor=0, parts=(), billed=True) for id_ in sorted(ids) if id_ in known]


def accrued(session: Session, state: ContractState, items: Sequence[Item], known: Known) -> list[Schedule]:
    """The schedules of the running stretches, with what they have earned so far."""
    schedules = []
    for item in items:
        metered = usage_so_far(session, state.contract_id, item) if item.kind == "usage" else None
        fresh = _of_item(state, item, _net(item, metered, state.terms), None)
        if metered is not None:
            fresh = _in_parts(session, state, fresh, item, metered, known)
        if fresh.amount_minor or fresh.id in known:
            schedules.append(_continued(known, fresh))
    return schedules


def recognise(session: Session, request: Decided, known: Known, fresh: Iterable[Schedule]) -> list[Entry]:
    """Store the schedules after recognition up to the decision's day, and return what is to be posted for it.

    Once the contract has ended nothing is left to deliver: what its schedules still hold is earned on that day.
    """
    current = {**known, **{schedule.id: schedule for schedule in fresh}}
    through = request.decision.recognise_through
    earnings: list[Earning] = []
    if through is not None:
        for id_, schedule in current.items():
            current[id_], some = earn(schedule, through)
            earnings += some
            if request.decision.state.ended:
                current[id_], rest = conclude(current[id_], through)
                earnings += rest
    changed = (schedule for id_, schedule in current.items() if schedule != known.get(id_))
    store(session, request.decision.state.contract_id, changed)
    return _entries(request, earnings)


def _entries(request: Decided, earnings: Sequence[Earning]) -> list[Entry]:
    state = request.decision.state
    entries = []
    for on, sums in by_day(earnings).items():
        postings = [
            posting
            for (line_id, basis), amount in sums.items()
            for posting in (Posting(ACCOUNTS[basis], amount, line_id), Posting("revenue", -amount, line_id))
        ]
        entries.append(
            Entry(
                idempotency_key=f"recognition/{state.contract_id}/{request.sequence}/{on}",
                kind="recognition",
                source_type="contract",
                source_id=state.contract_id,
                posting_on=on,
                currency=state.terms.currency,
                postings=tuple(postings),
                contract_id=state.contract_id,
                customer_id=state.customer_id,
            )
        )
    return entries


def _of_item(state: ContractState, item: Item, amount_minor: int, invoice_line_id: str | None) -> Schedule:
    ends_on = max(item.end, item.start + ONE_DAY)
    if item.to_at is not None:
        # A stretch of usage may end within a day, which then belongs to it.
        ends_on = max(ends_on, local_date(item.to_at - timedelta(microseconds=1), state.terms.timezone) + ONE_DAY)
    return Schedule(
        id=_schedule_id(state, item, invoice_line_id or ""),
        line_id=item.line,
        basis=BASES[item.bill],
        method=item.recognize,
        starts_on=item.start,
        ends_on=ends_on,
        amount_minor=amount_minor,
        recognized_minor=0,
        recognized_through=item.start,
        invoice_line_id=invoice_line_id,
        billed=invoice_line_id is not None,
    )


def _schedule_id(state: ContractState, item: Item, invoice_line_id: str) -> str:
    """A stretch in arrears keeps its schedule from its first accrual to its invoice line."""
    if item.bill == "advance":
        return derived("sch", invoice_line_id)
    since = item.from_at.isoformat() if item.from_at else ""
    return derived("sch", state.contract_id, item.line, item.start, since)


def _continued(known: Known, fresh: Schedule) -> Schedule:
    """`fresh` with what was recognised of it before."""
    before = known.get(fresh.id)
    if before is None:
        return fresh
    return replace(fresh, recognized_minor=before.recognized_minor, recognized_through=before.recognized_through)


def _in_parts(
    session: Session, state: ContractState, fresh: Schedule, item: Item, metered: Metered, known: Known
) -> Schedule:
    """`fresh` with its usage told apart by the calendar months that are not recognised yet."""
    if fresh.method != "as_used":
        return fresh
    terms = state.terms
    parts = []
    for month in month_starts(_continued(known, fresh).recognized_through, fresh.ends_on):
        part = up_to(item, month, terms.timezone)
        usage = usage_within(session, state.contract_id, part, metered)
        parts.append((month, _net(part, Metered(usage), terms)))
    return replace(fresh, parts=tuple(parts))


def _net(item: Item, metered: Metered | None, terms: Terms) -> int:
    """What the item is worth before any tax, also where its price includes some."""
    amount = earned(item, metered.usage if metered else None, terms.currency)
    return tax_on([amount], terms.tax).net_minor if any(rate.inclusive for rate in terms.tax) else amount
