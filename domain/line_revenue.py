"""The revenue of one invoice line while it is corrected, whatever bears it: schedules, a plan or prepaid credits."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Protocol

from domain.books import BookedLine, Books, Schedule
from domain.corrected import Remainder
from domain.keys import derived
from domain.line import DELIVERED
from domain.money import round_ratio
from domain.revenue import earned_by, is_done
from domain.schedule import recognized

ONE_DAY = timedelta(days=1)
BY_TIME = frozenset({"daily", "monthly_even", "monthly_prorated"})


class LineRevenue(Protocol):
    """Amounts are net minor units. Everything was recognised up to the day of the correction before."""

    def earned(self) -> int:
        """What is recognised of what is left of the line."""
        ...

    def take(self, net_minor: int) -> int:
        """Lower the line's revenue; return the part of it that was earned. The rest was to come."""
        ...

    def stop(self, net_minor: int) -> None:
        """Lower what is still to come; what is left of that is spread over the days left."""
        ...

    def undone(self, since: date) -> int:
        """What of the line a write-off on the day `since` has stopped."""
        ...

    def give(self, net_minor: int, since: date, ended_on: date | None) -> int:
        """Undo `stop` for the days from `since` on; return the part that is earned by now."""
        ...


@dataclass(frozen=True, slots=True)
class Settled:
    """Revenue that nothing bears any more: all of it is earned."""

    net_minor: int

    def earned(self) -> int:
        return self.net_minor

    def take(self, net_minor: int) -> int:
        return net_minor

    def stop(self, net_minor: int) -> None:
        assert net_minor == 0, "nothing is to come of what was earned at once"

    def undone(self, since: date) -> int:
        return 0

    def give(self, net_minor: int, since: date, ended_on: date | None) -> int:
        return net_minor


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Revenue of the line's own schedules.

    What is credited of a schedule is a mirror of it: a schedule below zero over the same days, which grows with each
    correction. So the two sum to zero on every day once all is credited.
    """

    books: Books
    of: Remainder
    on: date

    @property
    def line(self) -> BookedLine:
        return self.of.line

    def earned(self) -> int:
        # What the schedules do not bear, such as usage that prepaid credits paid, is not to come either.
        return self.of.net_minor - self._to_come()

    def take(self, net_minor: int) -> int:
        originals = list(self._originals())
        mirrors = [self._mirror(original) for original in originals]
        whole = sum(original.amount_minor for original in originals)
        before = -sum(mirror.amount_minor for mirror in mirrors)
        # What is beyond the schedules was written off, or paid by prepaid credits: it is no longer to come.
        mirrored = before + net_minor if abs(before + net_minor) <= abs(whole) else whole
        to_come = 0
        for original, mirror, part in zip(originals, mirrors, _parts(mirrored, originals), strict=True):
            fresh = self._grown(original, mirror, -part)
            keep(self.books, fresh)
            to_come += (mirror.amount_minor - mirror.recognized_minor) - (fresh.amount_minor - fresh.recognized_minor)
        return net_minor - to_come

    def stop(self, net_minor: int) -> None:
        if net_minor:
            self._restart(self._to_come() - net_minor, earned_minor=0)

    def give(self, net_minor: int, since: date, ended_on: date | None) -> int:
        until = min(self.line.ends_on, ended_on or self.line.ends_on)
        earned_minor = self._earned_of(net_minor, since, until)
        self._restart(self._to_come() + net_minor - earned_minor, earned_minor=earned_minor, until=until)
        return earned_minor

    def undone(self, since: date) -> int:
        if self.line.recognize not in BY_TIME | DELIVERED:
            return 0
        return self.of.net_minor - sum(schedule.amount_minor for schedule in self._all())

    def _own(self) -> Schedule:
        assert self.line.schedule_id is not None
        return self.books.schedules[self.line.schedule_id]

    def _originals(self) -> Iterator[Schedule]:
        """The line's schedule, what a write-off left of it, and those by which changes credited its days."""
        schedules = self.books.schedules
        yield self._own()
        rest_id = derived("sch", self.line.id, "rest")
        if rest_id in schedules:
            yield schedules[rest_id]
        for change in self.of.changes:
            if change.schedule_id in schedules:
                yield schedules[change.schedule_id]

    def _all(self) -> Iterator[Schedule]:
        for original in self._originals():
            yield original
            yield self._mirror(original)

    def _mirror(self, original: Schedule) -> Schedule:
        fresh = replace(
            original,
            id=_mirror_id(original),
            amount_minor=0,
            recognized_minor=0,
            parts=(),
            posted=(),
            invoice_line_id=self.line.id,
        )
        return self.books.schedules.get(fresh.id, fresh)

    def _grown(self, original: Schedule, mirror: Schedule, amount_minor: int) -> Schedule:
        cut = max(self.on, original.recognized_through)
        fresh = replace(mirror, amount_minor=amount_minor, progress=original.progress)
        done = original.recognized_minor == original.amount_minor
        return replace(fresh, recognized_minor=amount_minor if done else earned_by(fresh, cut), recognized_through=cut)

    def _to_come(self) -> int:
        return sum(schedule.amount_minor - schedule.recognized_minor for schedule in self._all())

    def _earned_of(self, net_minor: int, since: date, until: date) -> int:
        if self.line.recognize in BY_TIME:
            start = max(since, self.line.starts_on)
            return recognized(net_minor, start, until, self.on) if start < until else net_minor
        if self.line.recognize in DELIVERED:
            return earned_by(replace(self._rest(net_minor, self.line.ends_on), recognized_minor=0), self.on)
        return net_minor

    def _restart(self, to_come_minor: int, *, earned_minor: int, until: date | None = None) -> None:
        """Gather what is recognised on the line's own schedule, which ends; the rest runs from the day on."""
        own, recognized_minor = self._own(), sum(one.recognized_minor for one in self._all()) + earned_minor
        rest = self._rest(to_come_minor, until or self.line.ends_on)
        for schedule in list(self._all()):
            if schedule.id in self.books.schedules:
                keep(self.books, ended(schedule, self.on, 0))
        keep(self.books, ended(own, self.on, recognized_minor))
        if to_come_minor or rest.id in self.books.schedules:
            keep(self.books, rest)

    def _rest(self, amount_minor: int, until: date) -> Schedule:
        """A schedule for what is still to come. What waits for delivery is earned when all of it is delivered."""
        own, delivered = self._own(), self.line.recognize in DELIVERED
        start = own.starts_on if delivered else max(self.on, own.starts_on)
        return replace(
            own,
            id=derived("sch", self.line.id, "rest"),
            method="at_delivery" if delivered else "daily",
            starts_on=start,
            ends_on=max(until, start + ONE_DAY),
            amount_minor=amount_minor,
            recognized_minor=0,
            recognized_through=max(self.on, own.recognized_through),
            parts=(),
            posted=(),
        )


def ended(schedule: Schedule, on: date, amount_minor: int) -> Schedule:
    """The schedule as one that is over on the day `on`, with `amount_minor` recognised in all."""
    ends_on = min(schedule.ends_on, max(on, schedule.starts_on + ONE_DAY))
    return replace(
        schedule,
        method="daily",
        ends_on=ends_on,
        amount_minor=amount_minor,
        recognized_minor=amount_minor,
        recognized_through=max(on, ends_on, schedule.recognized_through),
        parts=(),
        posted=(),
    )


def keep(books: Books, schedule: Schedule) -> None:
    """Store the schedule, and forget it among those that may earn more if it will not."""
    books.keep(schedule)
    if is_done(schedule):
        books.running.pop(schedule.id)


def mirror_id(books: Books, line: BookedLine) -> str | None:
    """The schedule that takes back what was credited of the line; None where no schedule of its own earns it."""
    own = books.schedules.get(line.schedule_id) if line.schedule_id else None
    return _mirror_id(own) if own is not None and _mirror_id(own) in books.schedules else None


def _mirror_id(original: Schedule) -> str:
    return derived("sch", original.id, "mirror")


def _parts(amount_minor: int, originals: list[Schedule]) -> list[int]:
    """`amount_minor` in proportion to the schedules, which may be of both signs; the first takes what is left over."""
    whole = sum(original.amount_minor for original in originals)
    if whole == 0:
        return [0] * len(originals)
    sign = 1 if whole > 0 else -1
    others = [round_ratio(sign * amount_minor * original.amount_minor, abs(whole)) for original in originals[1:]]
    return [amount_minor - sum(others), *others]
