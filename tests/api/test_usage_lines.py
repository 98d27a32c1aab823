"""Usage sent as NDJSON."""

import json
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.problems import Problem
from api.usage_batches import Batch
from api.usage_events import Rejection
from api.usage_lines import LINE_BYTES_MAX, LineReader
from models.database import Database
from models.usage import UsageEvent
from tests.api.given import rows

URL = "/v1/usage"
LINES = {"Content-Type": "application/x-ndjson"}


def line(event_id: str, **changes: object) -> bytes:
    event = {"id": event_id, "customer": "airline-UA", "event": "departure", "at": "2013-01-15T12:00:00Z", **changes}
    return json.dumps(event).encode()


def read(*pieces: bytes) -> Batch:
    reader = LineReader()
    for piece in pieces:
        reader.feed(piece)
    return reader.finish()


def ids(batch: Batch) -> list[str | None]:
    return [event.event_id for event in batch.events]


async def test_a_line_that_is_no_json_is_rejected_with_its_number_and_the_rest_is_stored(
    client: httpx.AsyncClient, database: Database
) -> None:
    body = b"\n".join(
        [line("e1"), b"", b'{"id": "e2", ', b"  \r", line("e3", at="yesterday"), b'{"id": NaN}', b"\xff", line("e4")]
    )
    response = await client.post(URL, content=body, headers=LINES)

    assert response.status_code == 200
    reason = "The line is not JSON: Expecting property name enclosed in double quotes at column 14."
    assert response.json() == {
        "accepted": 2,
        "duplicate": 0,
        "conflict": 0,
        "replaced": 0,
        "rejected": 4,
        "results": [
            {"id": "e1", "result": "accepted", "contract": None},
            {"id": None, "result": "rejected", "reason": reason, "pointer": "", "line": 3},
            {
                "id": "e3",
                "result": "rejected",
                "reason": "This must be an instant such as 2013-01-01T05:17:00Z.",
                "pointer": "/at",
                "line": 5,
            },
            {
                "id": None,
                "result": "rejected",
                "reason": "Give either the key of a customer or the id of a contract.",
                "pointer": "/customer",
                "line": 6,
            },
            {"id": None, "result": "rejected", "reason": "The line is not UTF-8.", "pointer": "", "line": 7},
            {"id": "e4", "result": "accepted", "contract": None},
        ],
    }
    assert rows(database, "SELECT event_id FROM usage_event ORDER BY event_id") == [("e1",), ("e4",)]


async def test_lines_may_be_written_into_the_request_one_after_another(client: httpx.AsyncClient) -> None:
    async def found() -> AsyncIterator[bytes]:
        for number in range(10_000):
            yield line(f"e{number}") + b"\n"

    response = await client.post(URL, content=found(), headers=LINES)

    assert (response.status_code, response.json()["accepted"]) == (200, 10_000)


async def test_more_lines_than_a_batch_holds_end_the_reading_and_store_nothing(
    client: httpx.AsyncClient, database: Database
) -> None:
    written = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal written
        while True:
            yield line(f"e{written}") + b"\n"
            written += 1

    response = await client.post(URL, content=endless(), headers=LINES)

    assert (response.status_code, response.json()["detail"]) == (
        422,
        "The batch has more than 10000 events. Split it.",
    )
    assert written < 11_000
    assert rows(database, "SELECT count(*) FROM usage_event") == [(0,)]


async def test_lines_of_more_than_eight_mebibytes_are_413(client: httpx.AsyncClient) -> None:
    async def blank() -> AsyncIterator[bytes]:
        while True:
            yield b"\n" * 65_536

    assert (await client.post(URL, content=blank(), headers=LINES)).status_code == 413


async def test_a_refused_atomic_batch_names_the_lines(client: httpx.AsyncClient, database: Database) -> None:
    body = b"\n\n".join([line("e1"), line("e2", at="yesterday"), line("e1", value=2), b"}"])
    response = await client.post(URL, params={"atomic": "true"}, content=body, headers=LINES)

    assert response.status_code == 422
    assert response.json()["errors"] == [
        {"detail": "Line 3, /at: This must be an instant such as 2013-01-01T05:17:00Z."},
        {"detail": "Line 5: This was stored before, or stands earlier in the batch, with other content."},
        {"detail": "Line 7: The line is not JSON: Expecting value at column 1."},
    ]
    assert rows(database, "SELECT count(*) FROM usage_event") == [(0,)]


async def test_other_routes_take_no_lines(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/customers", content=line("e1"), headers=LINES)).status_code == 415
    response = await client.post(URL, content=line("e1"), headers={"Content-Type": "text/csv"})
    assert (response.status_code, response.json()["detail"]) == (
        415,
        "Send the body as application/json or application/x-ndjson or application/cloudevents-batch+json or "
        "application/cloudevents+json.",
    )


async def test_no_lines_are_an_empty_batch(client: httpx.AsyncClient) -> None:
    for body in (b"", b"\n \r\n"):
        answer: dict[str, Any] = (await client.post(URL, content=body, headers=LINES)).json()
        assert answer["results"] == []


@pytest.mark.parametrize("size", [1, 7, 100, 100_000])
def test_lines_are_the_same_however_the_body_is_cut(size: int) -> None:
    body = line("e1") + b"\r\n\n" + line("Zürich ✈") + b"\n" + line("e3")
    batch = read(*(body[start : start + size] for start in range(0, len(body), size)))
    assert (ids(batch), batch.lines) == (["e1", "Zürich ✈", "e3"], [1, 3, 4])


def test_a_line_that_is_too_long_is_not_kept() -> None:
    """64 MiB without an end of line take up the memory of one line, and the next line is read as ever."""
    reader, piece = LineReader(), b"x" * 65_536
    tracemalloc.start()
    for _ in range(1024):
        reader.feed(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    reader.feed(b"\n" + line("e2"))
    batch = reader.finish()

    assert peak < 4 * LINE_BYTES_MAX
    too_long, good = batch.events
    assert too_long == Rejection(None, "The line is longer than 524288 bytes.", "")
    assert isinstance(good, UsageEvent)
    assert batch.lines == [1, 2]


def test_the_largest_event_fits_in_a_line_however_it_is_written() -> None:
    properties = {f"{number:02}{'é' * 198}": "é" * 500 for number in range(50)}
    escaped = line("e1", properties=properties)
    assert len(escaped) > 200_000
    assert ids(read(escaped)) == ["e1"]


def test_a_deep_line_and_a_card_number_are_rejected_by_themselves() -> None:
    batch = read(b"\n".join([b"[" * 100_000, line("4242424242424242"), line("e3")]))
    deep, card, _ = batch.events
    assert deep == Rejection(None, "The line is nested too deep. Flatten it.", "")
    assert isinstance(card, Rejection)
    assert ids(batch) == [None, None, "e3"]


def test_a_reader_stops_at_the_first_event_too_many() -> None:
    reader = LineReader()
    reader.feed(b"7\n" * 10_000)
    with pytest.raises(Problem, match="more than 10000 events"):
        reader.feed(b"7\n")
