"""How departures become usage events."""

import gzip
from datetime import date
from pathlib import Path

import orjson

from demo.departures import BATCH, Event, batches, events_by_month, next_month, repeated
from demo.terms import terms
from domain.terms import Terms

HEADER = "id,departed_at,carrier,origin,dest,miles,seats"


def written(folder: Path, *rows: str) -> Path:
    file = folder / "departures.csv.gz"
    file.write_bytes(gzip.compress("\n".join([HEADER, *rows]).encode()))
    return file


def numbered(count: int) -> list[Event]:
    return [{"id": str(number)} for number in range(count)]


def test_a_departure_is_an_event_with_what_is_known_of_it(tmp_path: Path) -> None:
    file = written(tmp_path, "a,2013-01-01T10:17:00Z,UA,EWR,IAH,1400,149", "b,2013-01-01T10:18:00Z,UA,EWR,IAH,1400,")
    known, unknown = events_by_month(file)[date(2013, 1, 1)]
    assert known == {
        "id": "a",
        "source": "departures",
        "customer": "UA",
        "event": "departure",
        "at": "2013-01-01T10:17:00Z",
        "properties": {"origin": "EWR", "dest": "IAH", "miles": 1400, "seats": 149},
    }
    assert unknown["properties"] == {"origin": "EWR", "dest": "IAH", "miles": 1400}


def test_months_begin_at_midnight_in_new_york(tmp_path: Path) -> None:
    at = ("2013-02-01T04:59:59Z", "2013-02-01T05:00:00Z", "2013-07-01T03:59:59Z", "2013-07-01T04:00:00Z")
    file = written(tmp_path, *(f"{number},{instant},UA,EWR,IAH,1,1" for number, instant in enumerate(at)))
    months = {month: [event["id"] for event in events] for month, events in events_by_month(file).items()}
    assert months == {
        date(2013, 1, 1): ["0"],
        date(2013, 2, 1): ["1"],
        date(2013, 6, 1): ["2"],
        date(2013, 7, 1): ["3"],
    }


def test_every_fiftieth_event_of_the_year_is_sent_twice() -> None:
    year = numbered(230)
    first, second = year[:120], year[120:]
    assert [event["id"] for event in repeated(first, already=0)] == ["0", "50", "100"]
    assert [event["id"] for event in repeated(second, already=120)] == ["150", "200"]


def test_batches_hold_every_event_once() -> None:
    sizes = [len(orjson.loads(body)) for body in batches(numbered(2 * BATCH + 1))]
    assert sizes == [BATCH, BATCH, 1]


def test_december_is_followed_by_january() -> None:
    assert next_month(date(2013, 12, 1)) == date(2014, 1, 1)


def test_the_terms_are_those_of_the_product() -> None:
    found = Terms.model_validate_json(orjson.dumps(terms("UA")))
    assert [line.id for line in found.lines] == ["gates", "departures", "seats", "miles"]
    assert found.line("gates").units == 26
