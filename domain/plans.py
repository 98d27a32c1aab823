"""Plans: revenue that follows the whole term, whatever the invoices say; they only move the contract's position."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction

from domain.allocation import allocate
from domain.books import Document, Plan, Schedule
from domain.keys import derived
from domain.line import DELIVERED, Line, Recognition
from domain.matter import ONE_DAY, Matter
from domain.planning import planned_lines, sharing_lines, sure, whole_end, window
from domain.revenue import Earning, earn, earned_by, is_done


def follow(matter: Matter, document: Document | None) -> None:
    """Count what the document bills of the planned lines, and plan anew where the contract has changed.

    A plan is what was billed for its days and what is still sure to be. What was given stays, the rest is spread over
    the days left. While the contract is paused nothing is given; when it is over, what was billed is all there is.
    """
    state, books = matter.state, matter.books
    if not state.started:
        return
    plans = _plans(matter)
    if document is not None:
        _count(matter, document)
    _settle(matter, plans)
    # A fixed discount is shared with usage that nobody could know, so that a document may bill other than was planned.
    unsure = document is not None and any(one.amount is not None for one in state.terms.discounts)
    changed = unsure or any(plan.version != state.version for plan in plans.values())
    if not changed and not state.over:
        return
    if state.paused_on is not None and not state.over:
        for plan in plans.values():
            _stop(matter, plan)
    else:
        _plan(matter, plans)
    for plan in plans.values():
        plan.version = state.version
        books.touched.add(("plans", plan.id))


def _plans(matter: Matter) -> dict[str, Plan]:
    """The plans of the term that runs, by line. What is billed once belongs to the term that bills it."""
    books, state = matter.books, matter.state
    start, end = window(state)
    progress = {line.id: line for line in state.lines}
    plans = {}
    for line in planned_lines(state.terms):
        id_ = derived("plan", books.contract_id, line.id, start)
        if id_ not in books.plans:
            elsewhere = line.every == "once" and not start <= progress[line.id].billed_through < end
            # Without a term there is one plan, and what is added later stands for itself.
            late = state.terms.term is None and matter.on > start
            if elsewhere or late or state.over:
                continue
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


def _settle(matter: Matter, running: Mapping[str, Plan]) -> None:
    """Give what terms gone by have billed other than was planned, since nothing of them is left to deliver.

    A pause that outlasts its term leaves such a rest, and so does a period that is billed after its term.
    """
    now = {plan.id for plan in running.values()}
    terms: dict[date, dict[str, Plan]] = {}
    for plan in matter.books.plans.values():
        if plan.id not in now:
            terms.setdefault(plan.starts_on, {})[plan.line_id] = plan
    for plans in terms.values():
        shared = _shared(matter, plans)
        differs = [plan for id_, plan in plans.items() if id_ not in shared and plan.billed_minor != plan.amount_minor]
        if differs or sum(plan.billed_minor - plan.amount_minor for plan in shared.values()):
            _give(matter, plans, {}, max(plan.ends_on for plan in plans.values()))
            matter.books.touched.update(("plans", plan.id) for plan in plans.values())


def _plan(matter: Matter, plans: Mapping[str, Plan]) -> None:
    start, end = window(matter.state)
    _give(matter, plans, {} if matter.state.over else sure(matter, start, end), end)


def _give(matter: Matter, plans: Mapping[str, Plan], to_come: Mapping[str, int], end: date) -> None:
    """Plan what was billed and is to come of each line, up to the day `end`."""
    totals = {id_: plan.billed_minor + to_come.get(id_, 0) for id_, plan in plans.items()}
    shared = _shared(matter, plans)
    if shared:
        _share(matter, shared, totals, end)
    for id_, plan in plans.items():
        _spread(matter, plan, matter.terms.line(id_), totals[id_], end)


def _shared(matter: Matter, plans: Mapping[str, Plan]) -> dict[str, Plan]:
    """The plans of the lines that share the contract's price; none where one line has all of it."""
    shared = {line.id: plans[line.id] for line in sharing_lines(matter.terms) if line.id in plans}
    return shared if len(shared) > 1 else {}


def _share(matter: Matter, plans: Mapping[str, Plan], totals: dict[str, int], end: date) -> None:
    """Allocate the price of the lines that share it: what was given stays, and what is left bears the rest.

    The rest is allocated by the stand-alone prices of what is left to deliver.
    """
    price_minor = sum(totals[id_] for id_ in plans)
    unchanged = price_minor == sum(plan.amount_minor for plan in plans.values())
    if unchanged and all(plan.ends_on == end and plan.schedules for plan in plans.values()):
        totals.update((id_, plan.amount_minor) for id_, plan in plans.items())
        return
    given = {id_: _given(matter, plan) for id_, plan in plans.items()}
    left = [_left(matter, plan, end) for plan in plans.values()]
    if not any(left):
        left = [Fraction(matter.terms.line(id_).ssp or 0) for id_ in plans]
    rest = allocate(price_minor - sum(given.values()), left)
    totals.update((id_, given[id_] + part) for id_, part in zip(plans, rest, strict=True))


def _left(matter: Matter, plan: Plan, end: date) -> Fraction:
    """The stand-alone price of what is left to deliver of the plan's line."""
    line = matter.terms.line(plan.line_id)
    ssp = Fraction(line.ssp or 0)
    progress = next(one for one in matter.state.lines if one.id == line.id)
    if progress.removed:
        return Fraction(0)
    before = _schedules(matter, plan)
    if line.pattern in DELIVERED:
        percent = Fraction(before[-1].progress[-1][1]) if before and before[-1].progress else Fraction(0)
        return ssp * (1 - percent / 100)
    if line.pattern == "immediately":
        return ssp if not before else Fraction(0)
    start, _ = window(matter.state)
    days_left = max(0, (end - max(matter.on, start)).days)
    return ssp * days_left / max(1, (whole_end(matter.state) - start).days)


def _spread(matter: Matter, plan: Plan, line: Line, amount_minor: int, end: date) -> None:
    """Give the plan this amount in all, to be earned by `end`."""
    before = _schedules(matter, plan)
    planned_minor = sum(schedule.amount_minor for schedule in before)
    plan.amount_minor, plan.ends_on = amount_minor, max(end, plan.starts_on + ONE_DAY)
    if before and planned_minor == amount_minor and before[-1].ends_on == end:
        return
    method: Recognition = "daily" if line.pattern == "with_contract" else line.pattern
    if before and method in DELIVERED:
        last = before[-1]
        grown = replace(last, amount_minor=last.amount_minor + amount_minor - planned_minor, ends_on=plan.ends_on)
        reached_minor = earned_by(grown, matter.on)
        caught_up = Earning(grown.line_id, "position", matter.on, reached_minor - grown.recognized_minor)
        matter.earn([caught_up], known_on=matter.on)
        through = max(matter.on, grown.recognized_through)
        _keep(matter, replace(grown, recognized_minor=reached_minor, recognized_through=through))
        return
    _stop(matter, plan)
    rest_minor = amount_minor - _given(matter, plan)
    start = max(matter.on, plan.starts_on)
    # A plan of nothing has a schedule too, on which corrections can say what they have taken.
    if rest_minor or not before:
        _run(matter, plan, method, start, max(end, start + ONE_DAY), rest_minor)


def _given(matter: Matter, plan: Plan) -> int:
    """What the plan has earned by today."""
    total_minor = 0
    for schedule in _schedules(matter, plan):
        by_now = earned_by(schedule, matter.on) if matter.on > schedule.recognized_through else 0
        total_minor += by_now or schedule.recognized_minor
    return total_minor


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
