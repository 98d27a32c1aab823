"""Usage as one quantity: aggregates over a contract's events, computed in the database."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from sqlalchemy import text
from sqlmodel import Session

Aggregate = Literal["sum", "count", "max", "min", "latest", "average", "unique"]
Group = tuple[tuple[tuple[str, str], ...], Decimal]

# Reads the event's own value instead of a property.
VALUE = "value"


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """`total` over all events, and the same for each group of events that have these properties alike.

    A property that an event lacks is absent from its group. `ignored_count` events had nothing to aggregate: the
    property is missing, or no number where one is needed.
    """

    total: Decimal
    groups: tuple[Group, ...]
    event_count: int
    ignored_count: int


@dataclass(frozen=True, slots=True)
class Measure:
    """What is aggregated: the property `reads` of the events named `event`; "value" is the event's own value.

    An average is exact to sixteen significant digits at least. Of events at the same instant, the one stored last
    is the latest. Without anything to aggregate, the quantity is zero.
    """

    event: str
    aggregate: Aggregate
    reads: str = VALUE
    group_by: tuple[str, ...] = ()


def aggregate(
    session: Session,
    contract_id: str,
    measure: Measure,
    *,
    from_at: datetime,
    to_at: datetime,
    after_seq: int = 0,
    up_to_seq: int | None = None,
) -> UsageTotals:
    """The quantity of the contract's events in `[from_at, to_at)`, with a `seq` in `(after_seq, up_to_seq]`."""
    names = {f"group_{number}": name for number, name in enumerate(measure.group_by)}
    parameters = {
        "contract_id": contract_id,
        "event": measure.event,
        "from_at": from_at,
        "to_at": to_at,
        "after_seq": after_seq,
        "up_to_seq": up_to_seq,
        "property": measure.reads,
        **names,
    }
    rows = session.execute(text(_statement(measure, list(names))), parameters).all()
    groups = [
        (
            tuple((name, value) for name, value in zip(measure.group_by, row[4:], strict=True) if value is not None),
            row[1],
        )
        for row in rows
        if not row.is_total
    ]
    total = next(row for row in rows if row.is_total)
    return UsageTotals(total[1], tuple(sorted(groups)), total[2], total[3])


_READ = {
    "number": """CASE jsonb_typeof(properties -> CAST(:property AS text))
      WHEN 'number' THEN CAST(properties -> CAST(:property AS text) AS numeric) END""",
    "text": "properties ->> CAST(:property AS text)",
}
_QUANTITY = {
    "sum": "sum(read)",
    "count": "count(*)",
    "max": "max(read)",
    "min": "min(read)",
    "latest": "(array_agg(read ORDER BY at DESC, seq DESC) FILTER (WHERE read IS NOT NULL))[1]",
    "average": "avg(read)",
    "unique": "count(DISTINCT read)",
}


def _statement(measure: Measure, group_names: list[str]) -> str:
    read = "value" if measure.reads == VALUE else _READ["text" if measure.aggregate == "unique" else "number"]
    ignored = "0" if measure.aggregate == "count" else "count(*) FILTER (WHERE read IS NULL)"
    columns = "".join(f", {name}" for name in group_names)
    reads = "".join(f", properties ->> CAST(:{name} AS text) AS {name}" for name in group_names)
    grouping = f"GROUP BY GROUPING SETS ((), ({columns[2:]}))" if group_names else ""
    is_total = f"GROUPING({group_names[0]}) = 1" if group_names else "true"
    return f"""
        SELECT {is_total} AS is_total, coalesce(CAST({_QUANTITY[measure.aggregate]} AS numeric), 0),
          count(*), {ignored}{columns}
        FROM (
          SELECT at, seq, {read} AS read{reads} FROM usage_event
          WHERE contract_id = :contract_id AND event = :event AND at >= :from_at AND at < :to_at
            AND seq > :after_seq AND seq <= coalesce(CAST(:up_to_seq AS bigint), 9223372036854775807)
        ) AS used {grouping}
    """
