"""The revenue of an invoice line whose plan over the term earns it, while the line is corrected."""

from dataclasses import dataclass, replace
from datetime import date
from itertools import count

from domain.books import BookedLine, Books, Plan, Schedule
from domain.corrected import Remainder
from domain.keys import derived
from domain.line import DELIVERED
from domain.line_revenue import ONE_DAY, ended, keep
from domain.money import round_ratio
from domain.schedule import recognized


@dataclass(frozen=True, slots=True)
class Planned:
    """Revenue of a plan: a correction lowers what is planned, and the rest is spread over the days left.

    The earned share of a line goes by the days of its own period. A line that is billed once has only one day; its
    share is the plan's. Where its invoice `bears_all`, what is not earned of the line is what its plan has still to
    come: so the lines together have earned what the plans have given.
    """

    books: Books
    plan: Plan
    of: Remainder
    on: date
    bears_all: bool = False

    def earned(self) -> int:
        return self._earned_of(self.of.net_minor)

    def take(self, net_minor: int) -> int:
        earned_minor = self._earned_of(net_minor)
        lower(self.books, self.plan, net_minor, earned_minor=earned_minor, on=self.on)
        return earned_minor

    def stop(self, net_minor: int) -> None:
        if net_minor:
            restart(self.books, self.plan, net_minor, earned_minor=0, on=self.on)

    def undone(self, since: date) -> int:
        line, net_minor = self.of.line, self.of.net_minor
        return net_minor - recognized(net_minor, line.starts_on, line.ends_on, since)

    def give(self, net_minor: int, since: date, ended_on: date | None) -> int:
        line = self.of.line
        start, end = max(since, line.starts_on), min(line.ends_on, ended_on or line.ends_on)
        running = current(self.books, self.plan)
        runs = running is not None and self.on < running.ends_on and start < end
        earned_minor = recognized(net_minor, start, end, self.on) if runs else net_minor
        restart(self.books, self.plan, -net_minor, earned_minor=-earned_minor, on=self.on)
        return earned_minor

    def _earned_of(self, net_minor: int) -> int:
        line, running = self.of.line, current(self.books, self.plan)
        if running is not None and self.bears_all:
            to_come_minor = running.amount_minor - running.recognized_minor
            return round_ratio(net_minor * (self.of.net_minor - to_come_minor), self.of.net_minor)
        if running is None or self.on >= running.ends_on or running.recognized_minor == running.amount_minor:
            return net_minor
        if line.ends_on - line.starts_on > ONE_DAY and running.method not in DELIVERED:
            return recognized(net_minor, line.starts_on, line.ends_on, self.on)
        given = sum(schedule.recognized_minor for schedule in schedules(self.books, self.plan))
        whole = self.plan.amount_minor
        return round_ratio(net_minor * given, whole) if whole > 0 else net_minor


def schedules(books: Books, plan: Plan) -> list[Schedule]:
    """The plan's schedules, in their order."""
    ids = (_id(books, plan, number) for number in range(plan.schedules + 1))
    return [books.schedules[id_] for id_ in ids if id_ in books.schedules]


def current(books: Books, plan: Plan) -> Schedule | None:
    """The plan's last schedule, which runs to the end of the plan."""
    return next(reversed(schedules(books, plan)), None)


def lower(books: Books, plan: Plan, net_minor: int, *, earned_minor: int, on: date) -> None:
    """Take `net_minor` off the plan, of which `earned_minor` is posted now: the rest of it is no longer to come."""
    running = current(books, plan)
    if running is None or running.method not in DELIVERED:
        restart(books, plan, net_minor, earned_minor=earned_minor, on=on)
        return
    # Progress is of the whole, whatever the whole costs.
    _bill(books, plan, -net_minor)
    amount_minor = running.amount_minor - net_minor
    keep(books, replace(running, amount_minor=amount_minor, recognized_minor=running.recognized_minor - earned_minor))


def restart(books: Books, plan: Plan, net_minor: int, *, earned_minor: int, on: date) -> None:
    """Take `net_minor` off the plan, and spread what is still to come over the days left.

    What waits for delivery is earned when all of it is delivered.
    """
    running = current(books, plan)
    _bill(books, plan, -net_minor)
    if running is None:
        return
    to_come_minor = running.amount_minor - running.recognized_minor - (net_minor - earned_minor)
    keep(books, ended(running, on, running.recognized_minor - earned_minor))
    if to_come_minor == 0:
        return
    start = running.starts_on if running.method in DELIVERED else max(on, running.starts_on)
    number = next(n for n in count(plan.schedules) if _id(books, plan, n) not in books.schedules)
    rest = replace(
        running,
        id=_id(books, plan, number),
        method="at_delivery" if running.method in DELIVERED else running.method,
        starts_on=start,
        ends_on=max(running.ends_on, start + ONE_DAY),
        amount_minor=to_come_minor,
        recognized_minor=0,
        recognized_through=max(on, running.recognized_through),
    )
    keep(books, rest)
    plan.schedules = number + 1


def bears_all(books: Books, plan: Plan, line: BookedLine) -> bool:
    """Whether the line's invoice has billed all that the plans of its term share, one line for each of them."""
    plans = {one.line_id: one for one in books.plans.values() if one.starts_on == plan.starts_on}
    invoice = next((one for one in books.documents.values() if any(its.id == line.id for its in one.lines)), None)
    lines = [its for its in invoice.lines if its.line_id in plans] if invoice else []
    if len(plans) < 2 or sorted(its.line_id for its in lines) != sorted(plans):
        return False
    alone = all(its.net_minor - its.credited_minor == plans[its.line_id].billed_minor > 0 for its in lines)
    return alone and sum(one.billed_minor - one.amount_minor for one in plans.values()) == 0


def _bill(books: Books, plan: Plan, net_minor: int) -> None:
    plan.billed_minor += net_minor
    plan.amount_minor += net_minor
    books.touched.add(("plans", plan.id))


def _id(books: Books, plan: Plan, number: int) -> str:
    return derived("sch", books.contract_id, "plan", plan.id, number)
