"""What has been used so far, out of running totals where they can tell it, to the same quantity as a bill's."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import text
from sqlmodel import Session

from domain.metering import microseconds
from models import usage_filters
from models.usage_lock import lock_contract_soon
from models.usage_rollup import AGGREGATED, Reading, begin, group_column, is_kept, reading_of
from models.usage_totals import Aggregate, Measure, UsageTotals, aggregate, bound_reading, held_quotient, number

HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time `[from_at, to_at)`, of the period `[period_from_at, period_to_at)` where values are weighed by it."""

    from_at: datetime
    to_at: datetime
    period_from_at: datetime | None = None
    period_to_at: datetime | None = None


def so_far(
    session: Session, contract_id: str, measure: Measure, stretch: Stretch, *, keep: bool = False
) -> UsageTotals:
    """The quantity of the contract's events in the stretch, as `models.usage_totals.aggregate` gives it.

    With `keep` the reading is kept from the first question on, which takes as long as counting its events; where a
    long transaction stores usage of the contract, that is left to a later question. What is not kept, or cannot be
    told from totals, is counted.

    Raises:
        ValueError: if a weighted sum is asked for a period without length.
    """
    reading = reading_of(measure)
    told = measure.aggregate != "unique" and not measure.carry
    if told and (_keep(session, contract_id, reading) if keep else is_kept(session, contract_id, reading)):
        return _told(session, contract_id, reading, measure, stretch)
    return aggregate(
        session,
        contract_id,
        measure,
        from_at=stretch.from_at,
        to_at=stretch.to_at,
        period_from_at=stretch.period_from_at,
        period_to_at=stretch.period_to_at,
    )


def days_used(session: Session, contract_id: str, measure: Measure, stretch: Stretch, zone: str) -> list[date]:
    """The days of the stretch, in the time zone, in whose hours there is any event; keeps the reading."""
    reading = reading_of(measure)
    parameters = {
        "contract_id": contract_id,
        "reading_id": reading.id,
        "event": measure.event,
        "first_hour": _floor(stretch.from_at),
        "to_at": stretch.to_at,
        "zone": zone,
    }
    days = _DAYS if _keep(session, contract_id, reading) else _DAYS_COUNTED
    return list(session.execute(days, parameters).scalars())


def _keep(session: Session, contract_id: str, reading: Reading) -> bool:
    """Keep the reading, unless that has to wait for long; whether it is kept."""
    if is_kept(session, contract_id, reading):
        return True
    if not lock_contract_soon(session, contract_id):
        return False
    # Another may have begun just before.
    if not is_kept(session, contract_id, reading):
        begin(session, contract_id, reading)
    return True


def _told(session: Session, contract_id: str, reading: Reading, measure: Measure, stretch: Stretch) -> UsageTotals:
    starts_at, ends_at = stretch.period_from_at or stretch.from_at, stretch.period_to_at or stretch.to_at
    if measure.aggregate == "weighted_sum" and starts_at >= ends_at:
        raise ValueError(f"a weighted sum needs a period, and {ends_at} is not after {starts_at}")
    first_hour, last_hour = _ceiling(stretch.from_at), _floor(stretch.to_at)
    edges = [(stretch.from_at, min(first_hour, stretch.to_at)), (max(last_hour, first_hour), stretch.to_at)]
    edges = [(from_at, to_at) for from_at, to_at in edges if from_at < to_at]
    parameters: dict[str, Any] = {
        "contract_id": contract_id,
        "reading_id": reading.id,
        "first_hour": first_hour,
        "last_hour": last_hour,
        "runs_to": ends_at,
        "period_seconds": Decimal(microseconds(starts_at, ends_at)).scaleb(-6),
        **{f"edge_{place}_from": from_at for place, (from_at, _) in enumerate(edges)},
        **{f"edge_{place}_to": to_at for place, (_, to_at) in enumerate(edges)},
        **bound_reading(measure),
    }
    rows = session.execute(text(_statement(reading, measure.aggregate, len(edges))), parameters).all()
    total = next(row for row in rows if row.is_total)
    groups = [
        (tuple((name, row.group[name]) for name in measure.group_by if name in row.group), row.quantity)
        for row in rows
        if not row.is_total
    ]
    ignored = 0 if measure.aggregate == "count" else total.event_count - total.read_count
    return UsageTotals(total.quantity, tuple(sorted(groups)) if measure.group_by else (), total.event_count, ignored)


def _floor(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _ceiling(at: datetime) -> datetime:
    return _floor(at) if at == _floor(at) else _floor(at) + HOUR


_QUANTITY: Final = {
    "sum": "sum(total)",
    "count": "sum(event_count)",
    "max": "max(greatest)",
    "min": "min(least)",
    "latest": "(array_agg(latest ORDER BY latest_at DESC, latest_seq DESC) FILTER (WHERE latest_at IS NOT NULL))[1]",
    "average": held_quotient("sum(total)", "nullif(sum(read_count), 0)"),
    "weighted_sum": held_quotient(
        "(sum(total) * extract(epoch FROM CAST(:runs_to AS timestamptz)) - sum(moment))",
        "CAST(:period_seconds AS numeric)",
    ),
}


def _statement(reading: Reading, kind: Aggregate, edges: int) -> str:
    """Whole hours from their rows, and what lies before the first and after the last from the events."""
    counted = "".join(_edge(reading, place) for place in range(edges))
    return f"""
        WITH parts AS (
          SELECT "group", event_count, read_count, total, moment, least, greatest, latest, latest_at, latest_seq
          FROM usage_rollup
          WHERE contract_id = :contract_id AND reading_id = :reading_id AND hour >= :first_hour AND hour < :last_hour
          {counted}
        )
        SELECT GROUPING("group") = 1 AS is_total, CAST(coalesce({_QUANTITY[kind]}, 0) AS numeric) AS quantity,
          CAST(coalesce(sum(event_count), 0) AS bigint) AS event_count,
          CAST(coalesce(sum(read_count), 0) AS bigint) AS read_count, "group"
        FROM parts GROUP BY GROUPING SETS ((), ("group"))
    """


def _edge(reading: Reading, place: int) -> str:
    return f"""
          UNION ALL
          SELECT "group", {AGGREGATED}
          FROM (
            SELECT {group_column(reading.measure)} AS "group", at, seq, {number(reading.measure)} AS read
            FROM usage_event
            WHERE contract_id = :contract_id AND event = :event AND voided_seq IS NULL
              AND at >= :edge_{place}_from AND at < :edge_{place}_to
              {usage_filters.conditions(reading.measure.filters)}
          ) AS edge GROUP BY "group"
    """


# Where midnight is not on the hour, an hour is of two days.
_DAYS = text("""
    SELECT DISTINCT CAST(at AT TIME ZONE :zone AS date) AS day
    FROM usage_rollup, unnest(ARRAY[hour, hour + interval '59 minutes']) AS at
    WHERE contract_id = :contract_id AND reading_id = :reading_id AND hour >= :first_hour AND hour < :to_at
    ORDER BY day
""")
_DAYS_COUNTED = text("""
    SELECT DISTINCT CAST(at AT TIME ZONE :zone AS date) AS day FROM usage_event
    WHERE contract_id = :contract_id AND event = :event AND at >= :first_hour AND at < :to_at ORDER BY day
""")
