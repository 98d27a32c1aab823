"""Months of usage taken out of the database, once nothing in them will be billed any more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import insert, text
from sqlmodel import Session, col, select

from domain.period import first_instant
from domain.state import ContractState
from models.contract import Contract, state_of
from models.rated_line import with_late_usage
from models.usage_parts import month_after, part_of
from models.usage_tables import UsageArchive

ROWS_READ = 10_000


class Obstacle(NamedTuple):
    """Why the events of a month must stay: how many, and of which contract, None where they wait for one."""

    reason: str
    contract_id: str | None


@dataclass(frozen=True, slots=True)
class Contents:
    """What was read of a month; what came or was voided meanwhile changes it."""

    event_count: int
    last_seq: int


class MonthChanged(Exception):
    """Events of the month came or were voided after they were read."""


def archivable_months(session: Session, before: date) -> Sequence[date]:
    """The months that have a part of their own and end by `before`, oldest first."""
    return session.execute(_MONTHS, {"before": before}).scalars().all()


def obstacles(session: Session, month: date) -> list[Obstacle]:
    """Why the month must stay: events that wait, and contracts that are yet to bill some of it. Empty if it need not.

    A meter that carries on counts all events that ever came, so they stay as long as its contract bills.
    """
    span = {"from_at": month, "to_at": month_after(month)}
    found = []
    waiting: int = session.execute(_WAITING, span).scalar_one()
    if waiting:
        found.append(Obstacle(f"{waiting} events wait for a contract", None))
    ids = session.execute(_CONTRACTS, span).scalars().all()
    for contract in session.exec(select(Contract).where(col(Contract.id).in_(ids)).order_by(Contract.id)):
        reason = _unbilled(state_of(contract), month_after(month))
        late = with_late_usage(session, contract.id) if reason is None else ()
        if any(stretch.period_start < month_after(month) for stretch in late):
            reason = "usage that came late or was voided is not billed yet"
        if reason is not None:
            found.append(Obstacle(reason, contract.id))
    return found


def _unbilled(state: ContractState, end: date) -> str | None:
    """What of the contract is not billed up to the instant, in UTC, at which the day `end` begins."""
    if state.over:
        return None
    terms, end_at = state.terms, first_instant(end, "UTC")
    carried = {meter.id for meter in terms.meters if meter.carry}
    for progress in state.lines:
        line = terms.line(progress.id)
        if line.meter is None or progress.removed:
            continue
        if line.meter in carried:
            return f"meter {line.meter} carries on what came in it"
        through = progress.interim or progress.billed_through
        if first_instant(through, terms.timezone) < end_at:
            return f"line {line.id} is billed up to {through} only"
    return None


def read_month(session: Session, month: date) -> Iterator[Sequence[Any]]:
    """The events of the month, every version, in the order they came, so many rows at a time."""
    rows = session.execute(
        _EVENTS, {"from_at": month, "to_at": month_after(month)}, execution_options={"yield_per": ROWS_READ}
    )
    yield from rows.partitions()


def contents(session: Session, month: date) -> Contents:
    return Contents(*session.execute(_CONTENTS, {"from_at": month, "to_at": month_after(month)}).one())


def drop_month(session: Session, month: date, read: Contents, *, file: str, sha256: str) -> None:
    """Take the month's events out of the database, now that they are in the file.

    Nothing of the month is stored before this transaction ends, and from then on it is refused.

    Raises:
        MonthChanged: they are not what was read. Nothing was taken out.
    """
    session.connection().exec_driver_sql(f"LOCK TABLE usage_part.{part_of(month)} IN ACCESS EXCLUSIVE MODE")
    if contents(session, month) != read:
        raise MonthChanged
    values = {"month": month, "file": file, "sha256": sha256, "event_count": read.event_count}
    session.execute(insert(UsageArchive).values(values))
    session.connection().exec_driver_sql(f"ALTER TABLE usage_event DETACH PARTITION usage_part.{part_of(month)}")
    session.connection().exec_driver_sql(f"DROP TABLE usage_part.{part_of(month)}")


_IN_MONTH = "at >= CAST(:from_at AS timestamp) AT TIME ZONE 'UTC' AND at < CAST(:to_at AS timestamp) AT TIME ZONE 'UTC'"
_MONTHS = text("""
    SELECT to_date(relname, '"y"YYYY"m"MM') AS month FROM pg_class
    WHERE relnamespace = CAST('usage_part' AS regnamespace) AND relkind = 'r'
      AND to_date(relname, '"y"YYYY"m"MM') + interval '1 month' <= CAST(:before AS date)
    ORDER BY month
""")
_WAITING = text(f"SELECT count(*) FROM usage_event WHERE {_IN_MONTH} AND contract_id IS NULL AND voided_seq IS NULL")
_CONTRACTS = text(f"SELECT DISTINCT contract_id FROM usage_event WHERE {_IN_MONTH} AND contract_id IS NOT NULL")
_EVENTS = text(f"""
    SELECT seq, at, source, event_id, customer_key, requested_contract_id, contract_id, event,
      CAST(value AS text) AS value, CAST(properties AS text) AS properties, received_at, voided_seq
    FROM usage_event WHERE {_IN_MONTH} ORDER BY seq
""")
_CONTENTS = text(f"""
    SELECT count(*), coalesce(greatest(max(seq), max(voided_seq)), 0) FROM usage_event WHERE {_IN_MONTH}
""")
