"""The schedules of what runs before its invoice, and of the prepaid credits that pay for it, month by month."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from domain.books import Basis, Schedule
from domain.keys import derived
from domain.matter import ONE_DAY, Matter
from domain.measuring import days_of, value_before
from domain.prepaid import DRAWING, Draws, drawing_of, draws, earned
from domain.pricing import PricedLine, net_of
from domain.revenue import month_starts, next_month

Parts = tuple[tuple[date, int], ...]


@dataclass(slots=True)
class Run:
    """A line that runs before its invoice, or that is billed now.

    `net_minor` is before prepaid credits pay `paid_minor` of it. What is not billed has no invoice line, and what
    credits will pay of it is still to be found.
    """

    line: PricedLine
    schedule_id: str
    net_minor: int
    basis: Basis
    invoice_line_id: str | None = None
    paid_minor: int = 0


def schedules_of(matter: Matter, runs: Sequence[Run], used: dict[str, int]) -> list[Schedule]:
    """The schedules of the runs; `used` is what of each grant was drawn before them, and is counted on."""
    schedules = []
    metered = [run for run in runs if run.line.kind in DRAWING]
    paying = _Paying(matter, metered, used) if metered and used else None
    place = 0
    for run in runs:
        if run.line.kind not in DRAWING:
            schedules.append(_schedule(matter, run, run.net_minor, ()))
            continue
        cuts = _cuts(matter, run)
        if paying is None:
            parts = tuple((cut, _net_before(matter, run, cut, 0)) for cut in cuts)
            schedules.append(_schedule(matter, run, run.net_minor, parts))
        else:
            schedules += paying.schedules(place, cuts)
        place += 1
    return schedules


@dataclass(slots=True)
class _Paying:
    """Metered runs side by side, and what prepaid credits pay of them by each day on which months begin."""

    matter: Matter
    runs: Sequence[Run]
    used: dict[str, int]
    base: dict[str, int] = field(init=False)
    final: Draws = field(init=False)
    known: dict[date, Draws] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.base = dict(self.used)
        if self.runs[0].invoice_line_id is not None:
            self.final = [run.line.drawn_minor for run in self.runs]
        else:
            drawings = [drawing_of(self.matter, run.line) for run in self.runs]
            self.final = draws(self.matter.books, self.matter.terms, self.used, drawings)
            for run, own in zip(self.runs, self.final, strict=True):
                run.paid_minor = net_of(run.line, sum(own.values()))

    def schedules(self, place: int, cuts: Sequence[date]) -> list[Schedule]:
        """The schedule of the run in that place, and one for each grant that pays for it."""
        matter, run = self.matter, self.runs[place]
        if run.line.kind == "adjustment" and (run.paid_minor or self.final[place]):
            # What came late for a period that credits had paid in part counts on its last day.
            cuts = ()
        parts = tuple((cut, _net_before(matter, run, cut, sum(self._at(cut)[place].values()))) for cut in cuts)
        schedules = [_schedule(matter, run, run.net_minor - run.paid_minor, parts)]
        for grant_id, amount_minor in self._earned(self.final)[place].items():
            by_cut = tuple((cut, self._earned(self._at(cut))[place].get(grant_id, 0)) for cut in cuts)
            id_ = derived("sch", grant_id, run.schedule_id)
            schedules.append(_schedule(matter, run, amount_minor, by_cut, id_, "position"))
        return schedules

    def _at(self, cut: date) -> Draws:
        if cut not in self.known:
            drawings = [drawing_of(self.matter, run.line) for run in self.runs]
            self.known[cut] = draws(self.matter.books, self.matter.terms, dict(self.base), drawings, cut)
        return self.known[cut]

    def _earned(self, taken: Draws) -> list[dict[str, int]]:
        """What each run earns of each grant: cumulative over the runs, so that a grant earns what it was sold for."""
        used, grants = dict(self.base), self.matter.books.grants
        result: list[dict[str, int]] = []
        for own in taken:
            result.append({})
            for id_, minor in own.items():
                result[-1][id_] = earned(grants[id_], used[id_] + minor) - earned(grants[id_], used[id_])
                used[id_] += minor
        return result


def _schedule(
    matter: Matter, run: Run, amount_minor: int, parts: Parts, id_: str = "", basis: Basis | None = None
) -> Schedule:
    """A schedule of the run with what was recognised of it before."""
    line = run.line
    starts_on, ends_on = days_of(line.item, matter.books.zone)
    if line.earned_on is not None:
        starts_on, ends_on = line.earned_on, line.earned_on + ONE_DAY
    id_ = id_ or run.schedule_id
    before = matter.books.schedules.get(id_)
    return Schedule(
        id=id_,
        line_id=line.line_id,
        basis=basis or run.basis,
        method=line.item.recognize if basis is None else "as_used",
        starts_on=starts_on,
        ends_on=ends_on,
        amount_minor=amount_minor,
        recognized_minor=before.recognized_minor if before else 0,
        recognized_through=before.recognized_through if before else starts_on,
        parts=parts,
        posted=before.posted if before else (),
        progress=before.progress if before else (),
        invoice_line_id=run.invoice_line_id,
        billed=False,
    )


def _cuts(matter: Matter, run: Run) -> list[date]:
    """The days by which usage is measured: where months begin, and up to which it is recognised now."""
    if run.line.item.recognize != "as_used":
        return []
    start, end = days_of(run.line.item, matter.books.zone)
    cuts = set(month_starts(start, end))
    if start < matter.through < end:
        cuts.add(matter.through)
    return sorted(cuts)


def _net_before(matter: Matter, run: Run, cut: date, drawn_minor: int) -> int:
    net_minor = net_of(run.line, value_before(matter, run.line, cut) - drawn_minor)
    return net_minor - _posted_before(matter, run, cut) if run.line.kind == "adjustment" else net_minor


def _posted_before(matter: Matter, run: Run, cut: date) -> int:
    """What was posted before that day of the period that is adjusted."""
    item, month_end = run.line.item, next_month(cut - ONE_DAY)
    total_minor = 0
    for schedule in matter.books.schedules.values():
        inside = schedule.line_id == item.line and item.start <= schedule.starts_on < item.end
        if inside and schedule.id != run.schedule_id and schedule.method == "as_used":
            total_minor += _last(dict(schedule.posted), month_end)
    return total_minor


def _last(posted: Mapping[date, int], until: date) -> int:
    return next((minor for day, minor in sorted(posted.items(), reverse=True) if day <= until), 0)
