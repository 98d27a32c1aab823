"""Claims on usage: what a contract line counted in a stretch of time, counted once and then kept."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, cast

from pydantic import TypeAdapter
from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlmodel import Field, Session, SQLModel, col, select

from domain.filters import Filter
from domain.keys import derived
from models import usage_filters
from models.base import BIG, INSTANT, JSON, QUANTITY
from models.usage_lock import watermark
from models.usage_totals import Aggregate, Measure, UsageTotals, aggregate

_FILTERS: TypeAdapter[tuple[Filter, ...]] = TypeAdapter(tuple[Filter, ...])


class RatedLine(SQLModel, table=True):
    """The events of a line in `[from_at, to_at)` with a `seq` in `(after_seq, up_to_seq]`, and their quantity.

    Generation 0 claims a stretch first; each later one claims what arrived since the one before, and takes back the
    `voided_count` events that were counted before and voided since. An invoice line takes it over by putting itself
    into `invoice_line_id`, once; one that bills a period again takes several.
    """

    __tablename__ = "rated_line"
    __table_args__ = (
        UniqueConstraint("contract_id", "line_id", "from_at", "generation"),
        Index("ix_rated_line_invoice_line", "invoice_line_id", postgresql_where=text("invoice_line_id IS NOT NULL")),
        CheckConstraint("from_at < to_at", name="time_runs_forward"),
        CheckConstraint("after_seq <= up_to_seq", name="seq_runs_forward"),
        CheckConstraint("generation >= 0", name="generation_counts_from_zero"),
        # No event can be in two claims of a line. Ranges of one text, because equality needs an extension here.
        ExcludeConstraint(
            (text("textrange(contract_id, contract_id, '[]')"), "&&"),
            (text("textrange(line_id, line_id, '[]')"), "&&"),
            (text("tstzrange(from_at, to_at)"), "&&"),
            (text("int8range(after_seq, up_to_seq, '(]')"), "&&"),
            name="ex_rated_line_claimed_once",
            using="gist",
        ),
    )

    id: str = Field(primary_key=True)
    contract_id: str
    line_id: str
    period_start: date
    period_end: date
    from_at: datetime = Field(sa_type=INSTANT)
    to_at: datetime = Field(sa_type=INSTANT)
    event: str
    aggregate: str
    reads: str
    group_by: list[str] = Field(sa_type=JSON)
    generation: int
    after_seq: int = Field(sa_type=BIG)
    up_to_seq: int = Field(sa_type=BIG)
    event_count: int = Field(sa_type=BIG)
    ignored_count: int = Field(sa_type=BIG)
    quantity: Decimal = Field(sa_type=QUANTITY)
    groups: list[tuple[dict[str, str], str]] = Field(sa_type=JSON)
    invoice_line_id: str | None = None
    filters: list[dict[str, Any]] = Field(sa_type=JSON)
    voided_count: int = Field(default=0, sa_type=BIG)
    expression: str | None = None
    carry: bool

    @property
    def changes(self) -> int:
        """How many events it counts or takes back."""
        return self.event_count + self.voided_count

    @property
    def measure(self) -> Measure:
        """What was counted."""
        filters = _FILTERS.validate_python(self.filters)
        read = (self.event, cast(Aggregate, self.aggregate), self.reads, tuple(self.group_by))
        return Measure(*read, filters, self.expression, self.carry)

    @property
    def totals(self) -> UsageTotals:
        groups = tuple((tuple(sorted(properties.items())), Decimal(quantity)) for properties, quantity in self.groups)
        return UsageTotals(self.quantity, groups, self.event_count, self.ignored_count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The stretch `[from_at, to_at)` of a line's billing period whose usage is to be claimed.

    A weighted sum needs the instants of the whole period, where the stretch is a part of one.
    """

    contract_id: str
    line_id: str
    measure: Measure
    period_start: date
    period_end: date
    from_at: datetime
    to_at: datetime
    generation: int = 0
    period_from_at: datetime | None = None
    period_to_at: datetime | None = None


class ClaimMismatch(ValueError):
    """The claim was made before, of another stretch or measure."""


class ClaimedEvent(NamedTuple):
    """Where a version of an accepted event went: the rated lines that count it, and those that take it back.

    What was never replaced has one version. A voided one is counted only where a line had counted it before.
    """

    source: str
    event_id: str
    contract_id: str | None
    is_voided: bool
    rated_line_ids: tuple[str, ...]
    taken_back_by: tuple[str, ...] = ()


def claim(session: Session, wanted: Claim) -> RatedLine:
    """The rated line of the claim: counted now, or as it was counted the first time.

    Events of the contract are kept out until this transaction ends.

    Raises:
        ClaimMismatch: if the claim was made before with another stretch or measure.
        sqlalchemy.exc.IntegrityError: if it overlaps another claim of the line.
    """
    up_to_seq = watermark(session, wanted.contract_id)
    earlier = _generations(session, wanted)
    if wanted.generation < len(earlier):
        return _same(earlier[wanted.generation], wanted)
    if wanted.generation > len(earlier):
        raise ClaimMismatch(f"generation {wanted.generation} follows {len(earlier)} generations, not itself")
    after_seq = earlier[-1].up_to_seq if earlier else 0
    totals = aggregate(
        session,
        wanted.contract_id,
        wanted.measure,
        from_at=wanted.from_at,
        to_at=wanted.to_at,
        after_seq=after_seq,
        up_to_seq=up_to_seq,
        period_from_at=wanted.period_from_at,
        period_to_at=wanted.period_to_at,
    )
    rated = RatedLine(
        id=derived("rl", wanted.contract_id, wanted.line_id, wanted.from_at.isoformat(), wanted.generation),
        contract_id=wanted.contract_id,
        line_id=wanted.line_id,
        period_start=wanted.period_start,
        period_end=wanted.period_end,
        from_at=wanted.from_at,
        to_at=wanted.to_at,
        event=wanted.measure.event,
        aggregate=wanted.measure.aggregate,
        reads=wanted.measure.reads,
        group_by=list(wanted.measure.group_by),
        filters=_FILTERS.dump_python(wanted.measure.filters, mode="json"),
        expression=wanted.measure.expression,
        carry=wanted.measure.carry,
        generation=wanted.generation,
        after_seq=after_seq,
        up_to_seq=up_to_seq,
        event_count=totals.event_count,
        ignored_count=totals.ignored_count,
        quantity=totals.total,
        groups=[(dict(properties), str(quantity)) for properties, quantity in totals.groups],
        voided_count=_voided_since(session, wanted, after_seq, up_to_seq) if after_seq else 0,
    )
    session.add(rated)
    session.flush()
    return rated


def rated_lines(session: Session, contract_id: str) -> Sequence[RatedLine]:
    """Every claim on the contract's usage, in the order of the time that they cover."""
    mine = select(RatedLine).where(RatedLine.contract_id == contract_id)
    order = (RatedLine.line_id, RatedLine.from_at, RatedLine.generation)
    return session.exec(mine.order_by(*(col(column) for column in order))).all()


def with_late_usage(session: Session, contract_id: str) -> Sequence[RatedLine]:
    """The newest claim of every stretch for which events have arrived or were voided since."""
    late = session.execute(_LATE, {"contract_id": contract_id}).scalars().all()
    order = (col(RatedLine.line_id), col(RatedLine.from_at))
    return session.exec(select(RatedLine).where(col(RatedLine.id).in_(late)).order_by(*order)).all()


def claim_late(session: Session, contract_id: str) -> int:
    """Claim what came late or was voided in stretches that were claimed before; return how many events that are.

    Events of the contract are kept out until this transaction ends. Done again, it claims what came meanwhile.
    """
    return sum(claim(session, _following(newest)).changes for newest in with_late_usage(session, contract_id))


def claims_since(session: Session, contract_id: str, lines: Collection[str], since_at: datetime) -> Sequence[RatedLine]:
    """The claims on the usage of those lines of a contract that reach beyond `since_at`, oldest first."""
    query = select(RatedLine).where(
        RatedLine.contract_id == contract_id, col(RatedLine.line_id).in_(lines), RatedLine.to_at > since_at
    )
    return session.exec(query.order_by(col(RatedLine.up_to_seq), col(RatedLine.generation))).all()


def claimed_events(session: Session) -> list[ClaimedEvent]:
    """Every version of every accepted event with where it went. Reads all events: for audits and tests."""
    rows = session.execute(_CLAIMED)
    return [ClaimedEvent(row[0], row[1], row[2], row[3], tuple(row[4]), tuple(row[5])) for row in rows]


def _voided_since(session: Session, wanted: Claim, after_seq: int, up_to_seq: int) -> int:
    """How many events of the stretch an earlier claim counted that were voided between the watermarks."""
    parameters = {
        "contract_id": wanted.contract_id,
        "event": wanted.measure.event,
        "from_at": wanted.measure.counts_from(wanted.from_at),
        "to_at": wanted.to_at,
        "after_seq": after_seq,
        "up_to_seq": up_to_seq,
        **usage_filters.bound(wanted.measure.filters),
    }
    counted = text(_VOIDED + usage_filters.conditions(wanted.measure.filters))
    voided: int = session.execute(counted, parameters).scalar_one()
    return voided


def _generations(session: Session, wanted: Claim) -> Sequence[RatedLine]:
    same = select(RatedLine).where(
        RatedLine.contract_id == wanted.contract_id,
        RatedLine.line_id == wanted.line_id,
        RatedLine.from_at == wanted.from_at,
    )
    return session.exec(same.order_by(col(RatedLine.generation))).all()


def _following(newest: RatedLine) -> Claim:
    return Claim(
        contract_id=newest.contract_id,
        line_id=newest.line_id,
        measure=newest.measure,
        period_start=newest.period_start,
        period_end=newest.period_end,
        from_at=newest.from_at,
        to_at=newest.to_at,
        generation=newest.generation + 1,
    )


def _same(made: RatedLine, wanted: Claim) -> RatedLine:
    asked = wanted.measure
    measure = made.measure
    if (made.to_at, made.period_start, made.period_end) != (wanted.to_at, wanted.period_start, wanted.period_end):
        raise ClaimMismatch(f"line {wanted.line_id} claimed up to {made.to_at} from {made.from_at} before")
    if measure != asked:
        raise ClaimMismatch(f"line {wanted.line_id} claimed {measure} from {made.from_at} before, not {asked}")
    return made


_COUNTS = """r.contract_id = e.contract_id AND r.event = e.event AND r.from_at <= e.at AND e.at < r.to_at"""
_LATE = text("""
    SELECT r.id FROM rated_line r
    WHERE r.contract_id = :contract_id
      AND NOT EXISTS (
        SELECT FROM rated_line n
        WHERE n.contract_id = r.contract_id AND n.line_id = r.line_id AND n.from_at = r.from_at
          AND n.generation > r.generation
      )
      AND EXISTS (
        SELECT FROM usage_event e WHERE e.contract_id = r.contract_id AND e.event = r.event AND e.at < r.to_at
          AND e.at >= CASE WHEN r.carry THEN '-infinity' ELSE r.from_at END
          AND (e.seq > r.up_to_seq AND e.voided_seq IS NULL OR e.seq <= r.up_to_seq AND e.voided_seq > r.up_to_seq)
      )
""")
_VOIDED = """
    SELECT count(*) FROM usage_event
    WHERE contract_id = :contract_id AND event = :event AND at >= :from_at AND at < :to_at
      AND seq <= :after_seq AND voided_seq > :after_seq AND voided_seq <= :up_to_seq
"""
_CLAIMED = text(f"""
    SELECT e.source, e.event_id, e.contract_id, e.voided_seq IS NOT NULL,
      coalesce(array_agg(r.id ORDER BY r.id) FILTER (
        WHERE r.after_seq < e.seq AND e.seq <= r.up_to_seq AND (e.voided_seq IS NULL OR e.voided_seq > r.up_to_seq)
      ), '{{}}'),
      coalesce(array_agg(r.id ORDER BY r.id) FILTER (
        WHERE e.seq <= r.after_seq AND r.after_seq < e.voided_seq AND e.voided_seq <= r.up_to_seq
      ), '{{}}')
    FROM usage_event e LEFT JOIN rated_line r ON {_COUNTS}
    GROUP BY e.seq, e.at ORDER BY e.source, e.event_id, e.seq
""")
