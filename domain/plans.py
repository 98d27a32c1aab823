"""Plans: revenue that follows the whole term, whatever the invoices say; they only move the contract's position."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from domain.allocation import allocate
from domain.books import Document, Plan, Schedule
from domain.keys import derived
from domain.line import DELIVERED, Line, Recognition
from domain.matter import ONE_DAY, Matter
from domain.planning import planned_lines, sharing_lines, sure, window
from domain.revenue import earn, is_done


def follow(matter: Matter, document: Document | None) -> None:
    """Count what the document bills of the planned lines, and plan anew where the contract has changed.

    A plan is what was billed for its days and what is still sure to be. What was given stays, the rest is spread over
    the days left. While the contract is paused nothing is given; when it is over nothing is left to plan.
    """
    state, books = matter.state, matter.books
    running = state.status not in ("signed", "trialing")
    plans = _plans(matter) if running and not state.over else {}
    if document is not None:
        _count(matter, document)
    if state.over:
        return
    if any(plan.version != state.version for plan in plans.values()):
        if state.paused_on is not None:
            for plan in plans.values():
                _stop(matter, plan)
        else:
            _plan(matter, plans)
        for plan in plans.values():
            plan.version = state.version
            books.touched.add(("plans", plan.id))


def _plans(matter: Matter) -> dict[str, Plan]:
    """The plans of the term that runs, by line."""
    books, (start, _) = matter.books, window(matter.state)
    plans = {}
    for line in planned_lines(matter.terms):
        id_ = derived("plan", books.contract_id, line.id, start)
        if id_ not in books.plans and matter.terms.term is None and matter.on > start:
            # Without a term there is one plan, and what is added later stands for itself.
            continue
        if id_ not in books.plans:
            books.plans[id_] = Plan(id_, line.id, start, start + ONE_DAY, version=-1)
        plans[line.id] = books.plans[id_]
    return plans


def _count(matter: Matter, document: Document) -> None:
    sign = -1 if document.kind == "credit_note" else 1
    for line in document.lines:
        plan = _plan_of(matter, line.line_id, line.starts_on) if line.schedule_id is None else None
        if plan is not None:
            plan.billed_minor += sign * line.net_minor
            matter.books.touched.add(("plans", plan.id))


def _plan_of(matter: Matter, line_id: str, day: date) -> Plan | None:
    """The plan that the day belongs to: the last that began by then."""
    begun = [plan for plan in matter.books.plans.values() if plan.line_id == line_id and plan.starts_on <= day]
    return max(begun, key=lambda plan: plan.starts_on, default=None)


def _plan(matter: Matter, plans: Mapping[str, Plan]) -> None:
    start, end = window(matter.state)
    to_come = sure(matter, start, end)
    totals = {id_: plan.billed_minor + to_come.get(id_, 0) for id_, plan in plans.items()}
    sharing = [line for line in sharing_lines(matter.terms) if line.id in plans]
    if len(sharing) > 1:
        weights = [line.ssp or 0 for line in sharing]
        shares = allocate(sum(totals[line.id] for line in sharing), weights)
        totals.update(zip((line.id for line in sharing), shares, strict=True))
    for id_, plan in plans.items():
        _spread(matter, plan, matter.terms.line(id_), totals[id_], end)


def _spread(matter: Matter, plan: Plan, line: Line, amount_minor: int, end: date) -> None:
    """Give the plan this amount in all, to be earned by `end`."""
    before = _schedules(matter, plan)
    planned_minor = sum(schedule.amount_minor for schedule in before)
    same_end = bool(before) and before[-1].ends_on == end
    plan.amount_minor, plan.ends_on = amount_minor, end
    if planned_minor == amount_minor and same_end:
        return
    method: Recognition = "daily" if line.pattern == "with_contract" else line.pattern
    if not before:
        _run(matter, plan, method, plan.starts_on, end, amount_minor)
    elif method in DELIVERED:
        last = before[-1]
        more_minor = amount_minor - planned_minor
        _keep(matter, replace(last, amount_minor=last.amount_minor + more_minor, ends_on=end))
    else:
        _stop(matter, plan)
        given_minor = sum(schedule.recognized_minor for schedule in _schedules(matter, plan))
        start = max(matter.on, plan.starts_on)
        if amount_minor != given_minor:
            _run(matter, plan, method, start, max(end, start + ONE_DAY), amount_minor - given_minor)


def _stop(matter: Matter, plan: Plan) -> None:
    """End the plan's running schedule with what it has earned by today."""
    for schedule in _schedules(matter, plan):
        if schedule.method in DELIVERED or is_done(schedule):
            continue
        done, earnings = earn(schedule, max(matter.on, schedule.recognized_through))
        matter.earn(earnings, known_on=matter.on)
        ends_on = max(matter.on, schedule.starts_on + ONE_DAY)
        given_minor = done.recognized_minor
        _keep(
            matter,
            replace(
                done,
                method="daily",
                ends_on=ends_on,
                amount_minor=given_minor,
                recognized_through=max(done.recognized_through, ends_on),
            ),
        )


def _run(matter: Matter, plan: Plan, method: Recognition, start: date, end: date, amount_minor: int) -> None:
    number = plan.schedules
    while (id_ := _id(matter, plan, number)) in matter.books.schedules:
        number += 1
    schedule = Schedule(
        id=id_,
        line_id=plan.line_id,
        basis="position",
        method=method,
        starts_on=start,
        ends_on=end,
        amount_minor=amount_minor,
        recognized_minor=0,
        recognized_through=start,
    )
    plan.schedules = number + 1
    if method == "immediately" or start < matter.through:
        schedule, earnings = earn(schedule, max(matter.through, start + ONE_DAY if method == "immediately" else start))
        matter.earn(earnings, known_on=matter.on)
    _keep(matter, schedule)


def _schedules(matter: Matter, plan: Plan) -> list[Schedule]:
    schedules = matter.books.schedules
    ids = (_id(matter, plan, number) for number in range(plan.schedules))
    return [schedules[id_] for id_ in ids if id_ in schedules]


def _keep(matter: Matter, schedule: Schedule) -> None:
    matter.books.keep(schedule)
    if is_done(schedule):
        del matter.books.running[schedule.id]


def _id(matter: Matter, plan: Plan, number: int) -> str:
    return derived("sch", matter.books.contract_id, "plan", plan.id, number)
