"""Usage as one quantity: aggregates over a contract's events, computed in the database as `domain.metering` does."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import text
from sqlmodel import Session

from domain.expression_text import parse
from domain.filters import Filter
from domain.line import Aggregate
from domain.metering import VALUE, microseconds
from domain.rating import QUOTIENT_DECIMALS
from models import usage_expression, usage_filters
from models.usage_expression import EXACT_DECIMALS
from models.usage_parts import refuse_archived

__all__ = ["Aggregate", "Group", "Measure", "UsageTotals", "aggregate"]

# No event has a larger one, so up to it all events count that were never voided.
LAST_SEQ: Final = 2**63 - 1
# Before any event.
LONG_AGO: Final = datetime(1, 1, 1, tzinfo=UTC)

Group = tuple[tuple[tuple[str, str], ...], Decimal]


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """`total` over all events, and the same for each group of events that have these properties alike.

    A property that an event lacks is absent from its group. `ignored_count` events had nothing to aggregate: the
    property is missing, or no number where one is needed. Both count what a meter carries on. `events` are the single
    values, where they were asked for, by time and then by id.
    """

    total: Decimal
    groups: tuple[Group, ...]
    event_count: int
    ignored_count: int
    events: tuple[Decimal, ...] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """What is aggregated of the events named `event`: the property `reads`, where "value" is the event's own value.

    An `expression` stands in its place, see `domain.expression`. To `carry` is to count what came before, too, see
    `domain.metering`.

    An average and a weighted sum are held to `QUOTIENT_DECIMALS`. Of events at the same instant, the one stored last
    is the latest. Without anything to aggregate, the quantity is zero. An event that `filters` exclude is neither
    counted nor ignored: it is as if it had never come.
    """

    event: str
    aggregate: Aggregate
    reads: str = VALUE
    group_by: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    expression: str | None = None
    carry: bool = False

    def counts_from(self, from_at: datetime) -> datetime:
        """The instant from which on events count for a stretch that begins at `from_at`."""
        return LONG_AGO if self.carry else from_at


def aggregate(
    session: Session,
    contract_id: str,
    measure: Measure,
    *,
    from_at: datetime,
    to_at: datetime,
    after_seq: int = 0,
    up_to_seq: int | None = None,
    period_from_at: datetime | None = None,
    period_to_at: datetime | None = None,
    until: datetime | None = None,
    each_event: bool = False,
) -> UsageTotals:
    """The quantity of the contract's events in `[from_at, to_at)`, with a `seq` in `(after_seq, up_to_seq]`.

    What was voided by `up_to_seq` does not count. For a weighted sum each value counts for the share of the period
    that is left when it comes; the period is `[from_at, to_at)` unless it is given. With `until` only what is before
    that instant counts, and a value weighs only up to it. `each_event` asks for the single values too.

    Raises:
        ValueError: if a weighted sum is asked for a period without length.
        UsageArchived: if some of the events are archived.
    """
    starts_at, ends_at = period_from_at or from_at, period_to_at or to_at
    if measure.aggregate == "weighted_sum" and starts_at >= ends_at:
        raise ValueError(f"a weighted sum needs a period, and {ends_at} is not after {starts_at}")
    refuse_archived(session, from_at, to_at)
    names = [f"group_{place}" for place in range(len(measure.group_by))]
    parameters = {
        "contract_id": contract_id,
        "from_at": measure.counts_from(from_at),
        "carried_to": from_at,
        "to_at": to_at if until is None else min(to_at, until),
        "after_seq": after_seq,
        "up_to_seq": LAST_SEQ if up_to_seq is None else up_to_seq,
        "runs_to": ends_at if until is None else min(ends_at, until),
        "period_seconds": Decimal(microseconds(starts_at, ends_at)).scaleb(-6),
        **bound_reading(measure),
    }
    rows = session.execute(text(_statement(measure, names, each_event)), parameters).all()
    groups = [
        (
            tuple((name, value) for name, value in zip(measure.group_by, row[5:], strict=True) if value is not None),
            row.quantity,
        )
        for row in rows
        if not row.is_total
    ]
    total = next(row for row in rows if row.is_total)
    return UsageTotals(
        total.quantity, tuple(sorted(groups)), total.event_count, total.ignored_count, tuple(total.events or ())
    )


def bound_reading(measure: Measure) -> dict[str, object]:
    """The parameters by which a statement finds what the measure reads."""
    return {
        "event": measure.event,
        "property": measure.reads,
        **{f"group_{place}": name for place, name in enumerate(measure.group_by)},
        **usage_filters.bound(measure.filters),
        **({} if measure.expression is None else usage_expression.bound(parse(measure.expression))),
    }


def held_quotient(dividend: str, divisor: str) -> str:
    """The quotient to so many decimals, rounded once: a dividend of more makes the division go as far as it must."""
    return f"trim_scale(round(round({dividend}, {EXACT_DECIMALS}) / {divisor}, {QUOTIENT_DECIMALS}))"


_NUMBER = """CASE jsonb_typeof(properties -> CAST(:property AS text))
      WHEN 'number' THEN CAST(properties -> CAST(:property AS text) AS numeric) END"""
_TEXT = "properties ->> CAST(:property AS text)"
# What is carried on stands at the beginning; all else is after it.
_CARRIED_TO = "CAST(:carried_to AS timestamptz)"
_SECONDS_LEFT = f"greatest(extract(epoch FROM CAST(:runs_to AS timestamptz) - greatest(at, {_CARRIED_TO})), 0)"


def _latest(condition: str) -> str:
    return f"(array_agg(read ORDER BY at DESC, seq DESC) FILTER (WHERE read IS NOT NULL{condition}))[1]"


_QUANTITY = {
    "sum": "sum(read)",
    "count": "count(*)",
    "max": "max(read)",
    "min": "min(read)",
    "latest": _latest(""),
    "average": held_quotient("sum(read)", "nullif(count(read), 0)"),
    "unique": "count(DISTINCT read)",
    "weighted_sum": held_quotient(f"sum(read * {_SECONDS_LEFT})", "CAST(:period_seconds AS numeric)"),
}
# Apart, because a plain maximum need not sort.
_CARRIED_MAX = f"greatest(max(read) FILTER (WHERE at >= {_CARRIED_TO}), {_latest(f' AND at < {_CARRIED_TO}')})"
# Ids stand in the order of their code points, whatever the database's collation.
_EVENTS = """array_agg(number ORDER BY at, event_id COLLATE "C", source COLLATE "C")
          FILTER (WHERE number IS NOT NULL)"""


def number(measure: Measure) -> str:
    """What the measure reads of an event as a number, in SQL; NULL where there is none."""
    if measure.expression is not None:
        return usage_expression.number(parse(measure.expression))
    return "value" if measure.reads == VALUE else _NUMBER


def _statement(measure: Measure, group_names: list[str], each_event: bool) -> str:
    value = number(measure)
    read = _TEXT if measure.aggregate == "unique" and value == _NUMBER else value
    quantity = _CARRIED_MAX if measure.carry and measure.aggregate == "max" else _QUANTITY[measure.aggregate]
    # Else it would be computed anew for each column that reads it.
    once = "" if measure.expression is None else "OFFSET 0"
    ignored = "0" if measure.aggregate == "count" else "count(*) FILTER (WHERE read IS NULL)"
    columns = "".join(f", {name}" for name in group_names)
    reads = "".join(f", properties ->> CAST(:{name} AS text) AS {name}" for name in group_names)
    grouping = f"GROUP BY GROUPING SETS ((), ({columns[2:]}))" if group_names else ""
    is_total = f"GROUPING({group_names[0]}) = 1" if group_names else "true"
    return f"""
        SELECT {is_total} AS is_total, coalesce(CAST({quantity} AS numeric), 0) AS quantity,
          count(*) AS event_count, {ignored} AS ignored_count, {_EVENTS if each_event else "NULL"} AS events{columns}
        FROM (
          SELECT at, seq, source, event_id, {read} AS read, {value} AS number{reads} FROM usage_event
          WHERE contract_id = :contract_id AND event = :event AND at >= :from_at AND at < :to_at
            AND seq > :after_seq AND seq <= CAST(:up_to_seq AS bigint)
            AND (voided_seq IS NULL OR voided_seq > CAST(:up_to_seq AS bigint))
            {usage_filters.conditions(measure.filters)} {once}
        ) AS used {grouping}
    """
