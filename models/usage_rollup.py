"""Running totals of usage: for each reading of a contract a row an hour and group, kept by whoever changes the events.

A reading is what meters make of an event, whatever they do with it then: sum, count, average and the others come of one
row. It is kept from the first time that somebody asks, see `models.usage_so_far`. Bills count the events themselves.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

import orjson
from pydantic import TypeAdapter
from sqlalchemy import text
from sqlmodel import Field, Session, SQLModel

from domain.filters import Filter
from domain.keys import derived
from models import usage_filters
from models.base import BIG, INSTANT, JSON, QUANTITY
from models.usage_tally import Place, Stored, Tally, tally
from models.usage_totals import Measure, bound_reading, number

_FILTERS: Final[TypeAdapter[tuple[Filter, ...]]] = TypeAdapter(tuple[Filter, ...])


class UsageReading(SQLModel, table=True):
    """What is kept of a contract's events of one name; `id` says it all, so two contracts may share it."""

    __tablename__ = "usage_reading"

    contract_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    event: str
    spec: dict[str, Any] = Field(sa_type=JSON)


class UsageRollup(SQLModel, table=True):
    """The events of one hour, in UTC, that have the properties in `group` alike.

    `latest` is what the last of them read. `moment` is the sum of what each read times its instant in seconds since
    1970: with `total` it weighs them all up to any later instant.
    """

    __tablename__ = "usage_rollup"

    contract_id: str = Field(primary_key=True)
    reading_id: str = Field(primary_key=True)
    hour: datetime = Field(primary_key=True, sa_type=INSTANT)
    group: dict[str, str] = Field(primary_key=True, sa_type=JSON)
    event_count: int = Field(sa_type=BIG)
    read_count: int = Field(sa_type=BIG)
    total: Decimal = Field(sa_type=QUANTITY)
    moment: Decimal = Field(sa_type=QUANTITY)
    least: Decimal | None = Field(default=None, sa_type=QUANTITY)
    greatest: Decimal | None = Field(default=None, sa_type=QUANTITY)
    latest: Decimal | None = Field(default=None, sa_type=QUANTITY)
    latest_at: datetime | None = Field(default=None, sa_type=INSTANT)
    latest_seq: int | None = Field(default=None, sa_type=BIG)


class Reading(NamedTuple):
    """What is read of events, by which the same is found again."""

    id: str
    measure: Measure


def reading_of(measure: Measure) -> Reading:
    """What the measure reads, whatever it makes of it."""
    filters = _FILTERS.dump_python(measure.filters, mode="json")
    id_ = derived("urd", measure.event, measure.reads, repr(measure.expression), list(measure.group_by), filters)
    plain = Measure(measure.event, "sum", measure.reads, measure.group_by, measure.filters, measure.expression)
    return Reading(id_, plain)


def add(session: Session, stored: Iterable[tuple[str, Stored]]) -> None:
    """Count events that were just stored, each with the contract that takes it."""
    by_contract: dict[str, list[tuple[str, Stored]]] = {}
    for one in stored:
        by_contract.setdefault(one[0], []).append(one)
    rows = [
        _row(reading.id, place, gained)
        for reading, contracts in _readings(session, by_contract).items()
        for place, gained in tally(reading.measure, (one for id_ in contracts for one in by_contract[id_])).items()
    ]
    if rows:
        session.execute(_ADD, {"rows": orjson.dumps(rows, default=str).decode()})


def _row(reading_id: str, place: Place, gained: Tally) -> dict[str, object]:
    at_micros, seq = gained.latest_by
    read = gained.read_count > 0
    return {
        "contract_id": place.contract_id,
        "reading_id": reading_id,
        "hour": place.hour,
        "group": dict(place.group),
        "event_count": gained.event_count,
        "read_count": gained.read_count,
        "total": str(gained.total),
        "moment": str(gained.moment),
        "least": gained.least,
        "greatest": gained.greatest,
        "latest": gained.latest,
        "latest_micros": at_micros if read else None,
        "latest_seq": seq if read else None,
    }


def begin(session: Session, contract_id: str, reading: Reading) -> None:
    """Keep the reading of the contract from now on, with what is there; the contract is locked."""
    spec = {
        "reads": reading.measure.reads,
        "group_by": list(reading.measure.group_by),
        "filters": _FILTERS.dump_python(reading.measure.filters, mode="json"),
        "expression": reading.measure.expression,
    }
    row = UsageReading(contract_id=contract_id, id=reading.id, event=reading.measure.event, spec=spec)
    session.add(row)
    session.flush()
    _count(session, reading, "true", {"contract_ids": [contract_id]})


def recount(session: Session, contract_id: str, instants: Collection[datetime]) -> None:
    """Count the hours of these instants anew, after events have joined, left or been voided; the contract is locked."""
    hours = sorted({at.replace(minute=0, second=0, microsecond=0) for at in instants})
    if not hours:
        return
    session.execute(_FORGET, {"contract_id": contract_id, "hours": hours})
    parameters = {"contract_ids": [contract_id], "hours": hours, "first_at": hours[0]}
    within = "at >= :first_at AND date_trunc('hour', at) = ANY(CAST(:hours AS timestamptz[]))"
    for reading in _readings(session, [contract_id]):
        _count(session, reading, within, parameters)


def is_kept(session: Session, contract_id: str, reading: Reading) -> bool:
    return session.get(UsageReading, (contract_id, reading.id)) is not None


def _readings(session: Session, contract_ids: Collection[str]) -> dict[Reading, list[str]]:
    """Each reading that is kept of any of the contracts, with those of which it is kept."""
    found: dict[Reading, list[str]] = {}
    for contract_id, id_, event, spec in session.execute(_READINGS, {"contract_ids": list(contract_ids)}):
        filters = _FILTERS.validate_python(spec["filters"])
        measure = Measure(event, "sum", spec["reads"], tuple(spec["group_by"]), filters, spec["expression"])
        found.setdefault(Reading(id_, measure), []).append(contract_id)
    return found


def _count(session: Session, reading: Reading, condition: str, parameters: dict[str, object]) -> None:
    counted = f"""
      INSERT INTO usage_rollup AS r (
        contract_id, reading_id, hour, "group", event_count, read_count, total, moment, least, greatest,
        latest, latest_at, latest_seq
      )
      SELECT contract_id, :reading_id, hour, "group", {AGGREGATED}
      FROM (
        SELECT contract_id, date_trunc('hour', at) AS hour, {group_column(reading.measure)} AS "group", at, seq,
          {number(reading.measure)} AS read
        FROM usage_event
        WHERE contract_id = ANY(CAST(:contract_ids AS text[])) AND event = :event AND voided_seq IS NULL
          AND {condition} {usage_filters.conditions(reading.measure.filters)}
      ) AS used
      GROUP BY contract_id, hour, "group" ORDER BY contract_id, hour, "group"
      {_ADDED}
    """
    session.execute(text(counted), {"reading_id": reading.id, **bound_reading(reading.measure), **parameters})


def group_column(measure: Measure) -> str:
    """The properties of a group as an object, without those that the event lacks."""
    named = "".join(
        f", CAST(:group_{place} AS text), properties ->> CAST(:group_{place} AS text)"
        for place in range(len(measure.group_by))
    )
    return f"jsonb_strip_nulls(jsonb_build_object({named[2:]}))"


_LATEST = "(array_agg({} ORDER BY at DESC, seq DESC) FILTER (WHERE read IS NOT NULL))[1]"
# What a row holds, of events with `at`, `seq` and what is `read`.
AGGREGATED = f"""count(*) AS event_count, count(read) AS read_count, coalesce(sum(read), 0) AS total,
        coalesce(sum(read * extract(epoch FROM at)), 0) AS moment, min(read) AS least, max(read) AS greatest,
        {_LATEST.format("read")} AS latest, {_LATEST.format("at")} AS latest_at,
        {_LATEST.format("seq")} AS latest_seq"""
_IS_LATER = """CASE WHEN r.latest_at IS NULL OR (excluded.latest_at, excluded.latest_seq) > (r.latest_at, r.latest_seq)
        THEN excluded.{0} ELSE r.{0} END"""
_ADDED = f"""ON CONFLICT (contract_id, reading_id, hour, "group") DO UPDATE SET
        event_count = r.event_count + excluded.event_count, read_count = r.read_count + excluded.read_count,
        total = r.total + excluded.total, moment = r.moment + excluded.moment,
        least = least(r.least, excluded.least), greatest = greatest(r.greatest, excluded.greatest),
        latest = {_IS_LATER.format("latest")}, latest_at = {_IS_LATER.format("latest_at")},
        latest_seq = {_IS_LATER.format("latest_seq")}"""
# In one order for all, so that two batches never wait for each other.
_ADD = text(f"""
      INSERT INTO usage_rollup AS r (
        contract_id, reading_id, hour, "group", event_count, read_count, total, moment, least, greatest,
        latest, latest_at, latest_seq
      )
      SELECT contract_id, reading_id, timestamptz 'epoch' + hour * interval '1 hour', "group", event_count, read_count,
        total, trim_scale(moment / 1000000), least, greatest, latest,
        timestamptz 'epoch' + latest_micros * interval '1 microsecond', latest_seq
      FROM json_to_recordset(CAST(:rows AS json)) AS e (
        contract_id text, reading_id text, hour bigint, "group" jsonb, event_count bigint, read_count bigint,
        total numeric, moment numeric, least numeric, greatest numeric, latest numeric, latest_micros bigint,
        latest_seq bigint
      )
      ORDER BY contract_id, reading_id, hour, "group"
      {_ADDED}
""")
_READINGS = text("""
    SELECT contract_id, id, event, spec FROM usage_reading WHERE contract_id = ANY(CAST(:contract_ids AS text[]))
    ORDER BY id, contract_id
""")
_FORGET = text("""
    DELETE FROM usage_rollup WHERE contract_id = :contract_id AND hour = ANY(CAST(:hours AS timestamptz[]))
""")
