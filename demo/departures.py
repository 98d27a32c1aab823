"""The departures of the year as usage events, month by month."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from demo import agreed
from demo.terms import EVENT

DATA: Final = Path(__file__).parent / "data"
DEPARTURES: Final = DATA / "departures-2013.csv.gz"
AIRLINES: Final = DATA / "airlines.csv"
SOURCE: Final = "departures"
# Every fiftieth is sent twice: 2 %.
SENT_TWICE: Final = 50
BATCH: Final = 5_000

Event = dict[str, Any]


def airlines() -> dict[str, str]:
    """The names of the airlines by code."""
    with AIRLINES.open(newline="") as file:
        return {row["carrier"]: row["name"] for row in csv.DictReader(file)}


def events_by_month(csv_file: Path = DEPARTURES) -> dict[date, list[Event]]:
    """The usage events of each local month, by its first day, in the order of the file."""
    months: dict[date, list[Event]] = defaultdict(list)
    first = last = ""
    month = agreed.STARTS_ON
    with gzip.open(csv_file, "rt", newline="") as file:
        for row in csv.DictReader(file):
            at = row["departed_at"]
            if not first <= at < last:
                first, last, month = _local_month(at)
            months[month].append(_event(row))
    return dict(months)


def repeated(events: Sequence[Event], *, already: int) -> list[Event]:
    """Those that are sent twice; `already` counts the events of the year before these."""
    return list(events[-already % SENT_TWICE :: SENT_TWICE])


def batches(events: Sequence[Event]) -> Iterator[bytes]:
    """The bodies of requests that send the events."""
    for start in range(0, len(events), BATCH):
        yield orjson.dumps(events[start : start + BATCH])


def _event(row: dict[str, str]) -> Event:
    properties: dict[str, str | int] = {"origin": row["origin"], "dest": row["dest"], "miles": int(row["miles"])}
    if row["seats"]:
        properties["seats"] = int(row["seats"])
    return {
        "id": row["id"],
        "source": SOURCE,
        "customer": row["carrier"],
        "event": EVENT,
        "at": row["departed_at"],
        "properties": properties,
    }


def _local_month(at: str) -> tuple[str, str, date]:
    """The instants, written as in the file, that the local month of `at` begins and ends with, and its first day."""
    zone = ZoneInfo(agreed.ZONE)
    month = datetime.fromisoformat(at).astimezone(zone).date().replace(day=1)
    return instant(month), instant(next_month(month)), month


def next_month(month: date) -> date:
    """The first day of the month after that of `month`."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def local_day(at: str) -> date:
    """The day in New York at an instant."""
    return datetime.fromisoformat(at).astimezone(ZoneInfo(agreed.ZONE)).date()


def instant(day: date) -> str:
    """The instant at which a local day begins, as it is written in the file."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(agreed.ZONE))
    return f"{midnight.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
