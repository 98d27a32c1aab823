"""The usage that a document bills: what was claimed for it, counted no further than the claims go."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session, select

from domain.books import BookedLine, RatedPeriod
from domain.prices import reads_events
from domain.rating import Group, Usage, group_by
from domain.state import Item
from models import books_rows
from models.rated_line import RatedLine, claims_since
from models.usage_so_far import Stretch, so_far
from models.usage_totals import Measure, UsageTotals, aggregate

# The claims on each line's usage, oldest first.
Claims = Mapping[str, Sequence[RatedLine]]

NO_CLAIMS: Claims = {}


def claims_on(session: Session, contract_id: str, items: Iterable[Item]) -> Claims:
    """The claims on the usage of those items: those of a bill, and those of the periods that are rated again."""
    metered = [(item.line, item.from_at) for item in items if item.from_at is not None]
    if not metered:
        return NO_CLAIMS
    since_at = min(from_at for _, from_at in metered)
    claims: dict[str, list[RatedLine]] = {}
    for claim in claims_since(session, contract_id, {line for line, _ in metered}, since_at):
        claims.setdefault(claim.line_id, []).append(claim)
    return claims


def unclaimed(claims: Claims, items: Iterable[Item]) -> list[Item]:
    """The metered ones of the items of which some usage was never claimed."""
    return [item for item in items if item.kind == "usage" and not _covered(claims, item)]


@dataclass(slots=True)
class DatabaseUsage:
    """Usage in the database, see `domain.books.UsageSource`.

    An item that was claimed counts what its claims count; one that was not, what has come so far. `rated_again` are
    the periods that were found to have changed.
    """

    session: Session
    contract_id: str
    claims: Claims = field(default_factory=dict)
    rated_again: set[str] = field(default_factory=set)
    _known: dict[tuple[object, ...], Usage] = field(default_factory=dict)
    _counted: dict[str, int] | None = None

    def usage(self, item: Item, until: datetime | None = None) -> Usage:
        """The usage of the item's stretch; only that of events before `until`, where given."""
        key = (item.line, measure_of(item), item.from_at, item.to_at, until, reads_events(item.price))
        if key not in self._known:
            self._known[key] = self._read(item, until)
        return self._known[key]

    def changed(self, period: RatedPeriod) -> bool:
        """Whether usage of the period was claimed after it was last billed."""
        late = [claim for claim in self._claims_in(period) if claim.generation and claim.changes]
        found = bool(late) and max(claim.up_to_seq for claim in late) > self._counted_up_to(period.id)
        if found:
            self.rated_again.add(period.id)
        return found

    def counted(self, period: RatedPeriod) -> int:
        """The sequence number up to which events of the period are counted."""
        return max((claim.up_to_seq for claim in self._claims_in(period)), default=0)

    def rated_lines(self, line: BookedLine) -> tuple[str, ...]:
        """The claims that an invoice line takes over: its stretch's, or all that came late for its period."""
        item = line.item
        found = [
            claim
            for claim in self.claims.get(line.line_id, ())
            if claim.invoice_line_id is None
            and line.starts_on <= claim.period_start < line.ends_on
            and (line.kind != "usage" or item is None or claim.from_at == item.from_at)
        ]
        return tuple(claim.id for claim in found)

    def _read(self, item: Item, until: datetime | None) -> Usage:
        each_event = reads_events(item.price)
        claims = _overlapping(self.claims, item)
        if until is None and not each_event and len(claims) == 1 and _is_of(claims[0], item):
            return usage_of(claims[0].totals)
        assert item.from_at is not None and item.to_at is not None
        if not claims and until is None and not each_event:
            stretch = Stretch(item.from_at, item.to_at, item.period_from_at, item.period_end_at)
            return usage_of(so_far(self.session, self.contract_id, measure_of(item), stretch))
        totals = aggregate(
            self.session,
            self.contract_id,
            measure_of(item),
            from_at=item.from_at,
            to_at=item.to_at,
            up_to_seq=max((claim.up_to_seq for claim in claims), default=None),
            period_from_at=item.period_from_at,
            period_to_at=item.period_end_at,
            until=until,
            each_event=each_event,
        )
        return usage_of(totals)

    def _claims_in(self, period: RatedPeriod) -> list[RatedLine]:
        claims = self.claims.get(period.line_id, ())
        return [claim for claim in claims if period.starts_on <= claim.period_start < period.ends_on]

    def _counted_up_to(self, period_id: str) -> int:
        if self._counted is None:
            periods = books_rows.RatedPeriod
            query = select(periods.id, periods.up_to_seq).where(periods.contract_id == self.contract_id)
            self._counted = {id_: up_to_seq for id_, up_to_seq in self.session.exec(query)}
        return self._counted.get(period_id, 0)


def measure_of(item: Item) -> Measure:
    """What is counted for a metered item."""
    assert item.event is not None and item.aggregate is not None and item.reads is not None
    return Measure(
        item.event, item.aggregate, item.reads, group_by(item.price), item.filters, item.expression, item.carry
    )


def _overlapping(claims: Claims, item: Item) -> list[RatedLine]:
    assert item.from_at is not None and item.to_at is not None
    return [c for c in claims.get(item.line, ()) if c.from_at < item.to_at and c.to_at > item.from_at]


def _covered(claims: Claims, item: Item) -> bool:
    """Whether claims reach from the beginning of the item's stretch to its end."""
    reached = item.from_at
    assert reached is not None and item.to_at is not None
    for claim in sorted(_overlapping(claims, item), key=lambda claim: claim.from_at):
        if claim.from_at <= reached:
            reached = max(reached, claim.to_at)
    return reached >= item.to_at


def _is_of(claim: RatedLine, item: Item) -> bool:
    same_measure = claim.measure == measure_of(item)
    return same_measure and (claim.from_at, claim.to_at) == (item.from_at, item.to_at)


def usage_of(totals: UsageTotals) -> Usage:
    """What was counted, as rating wants it; not rounded yet."""
    groups = tuple(Group(dict(properties), quantity) for properties, quantity in totals.groups)
    return Usage(totals.total, groups, totals.events)
