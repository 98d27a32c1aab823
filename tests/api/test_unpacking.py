"""Bodies packed with gzip."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from random import Random

import httpx
import pytest

from api.problems import Problem
from api.unpacking import PART_BYTES_MAX, Unpacker
from models.database import Database
from tests.api.given import rows

URL = "/v1/usage"
PACKED = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
EVENT = {"id": "e1", "customer": "airline-UA", "event": "departure", "at": "2013-01-15T12:00:00Z"}
BATCH = json.dumps([EVENT]).encode()


def unpacked(*pieces: bytes) -> bytes:
    unpacker = Unpacker()
    found = b"".join(part for piece in pieces for part in unpacker.feed(piece))
    unpacker.finish()
    return found


async def test_a_packed_batch_is_stored_in_every_shape(client: httpx.AsyncClient, database: Database) -> None:
    batch = await client.post(URL, content=gzip.compress(BATCH), headers=PACKED)
    lines = gzip.compress(json.dumps(EVENT | {"id": "e2"}).encode())
    line = await client.post(URL, content=lines, headers=PACKED | {"Content-Type": "application/x-ndjson"})

    assert (batch.json()["accepted"], line.json()["accepted"]) == (1, 1)
    assert rows(database, "SELECT event_id FROM usage_event ORDER BY event_id") == [("e1",), ("e2",)]


async def test_a_body_says_that_it_is_not_packed(client: httpx.AsyncClient) -> None:
    response = await client.post(URL, content=BATCH, headers=PACKED | {"Content-Encoding": "identity"})
    assert response.json()["accepted"] == 1


async def test_eight_mebibytes_are_unpacked_and_a_byte_more_is_not(client: httpx.AsyncClient) -> None:
    full = BATCH + b" " * (8 * 1024 * 1024 - len(BATCH))
    assert (await client.post(URL, content=gzip.compress(full), headers=PACKED)).status_code == 200
    response = await client.post(URL, content=gzip.compress(full + b" "), headers=PACKED)
    assert (response.status_code, response.json()["type"]) == (413, "urn:perennial:problem:body-too-large")


async def test_a_bomb_takes_up_no_memory(client: httpx.AsyncClient) -> None:
    """One MiB that unpacks to one GiB is let go of at 8 MiB."""
    pack = zlib.compressobj(9, wbits=31)
    bomb = b"".join(pack.compress(b" " * 2**20) for _ in range(1024)) + pack.flush()
    tracemalloc.start()
    response = await client.post(URL, content=bomb, headers=PACKED)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(bomb) < 1_100_000
    assert response.status_code == 413
    assert peak < 32 * 2**20


async def test_a_packed_body_that_never_yields_a_byte_ends_too(client: httpx.AsyncClient) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        yield gzip.compress(b"")[:10]
        while True:
            yield b"\x00\x00\x00\xff\xff" * 10_000

    assert (await client.post(URL, content=nothing(), headers=PACKED)).status_code == 413


async def test_a_damaged_body_is_400_and_nothing_of_it_is_stored(client: httpx.AsyncClient, database: Database) -> None:
    lines = "\n".join(json.dumps(EVENT | {"id": f"e{number}"}) for number in range(5000)).encode()
    packed = gzip.compress(lines)
    wrong_sum = packed[:-8] + bytes(byte ^ 1 for byte in packed[-8:])
    for body in (packed[:-1], packed[:-9], packed[:5000], wrong_sum, lines, b"", packed + b"x", packed * 2):
        response = await client.post(URL, content=body, headers=PACKED | {"Content-Type": "application/x-ndjson"})
        assert response.status_code == 400, body[:10]
        assert response.json()["type"] == "urn:perennial:problem:malformed-request"
    assert rows(database, "SELECT count(*) FROM usage_event") == [(0,)]


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "GZip, br", "utf-8", "\xff"])
async def test_other_encodings_are_415(client: httpx.AsyncClient, encoding: str) -> None:
    headers = httpx.Headers(PACKED | {"Content-Encoding": encoding}, encoding="latin-1")
    response = await client.post(URL, content=gzip.compress(BATCH), headers=headers)
    assert (response.status_code, response.json()["type"]) == (415, "urn:perennial:problem:unsupported-encoding")
    assert response.headers["accept-encoding"] == "gzip"


async def test_other_routes_take_nothing_packed(client: httpx.AsyncClient) -> None:
    raw = gzip.compress(b'{"key": "airline-UA", "name": "United"}')
    response = await client.post("/v1/customers", content=raw, headers=PACKED)
    assert (response.status_code, response.headers["accept-encoding"]) == (415, "identity")


@pytest.mark.parametrize("size", [1, 13, 65_536, 10**6])
def test_what_was_packed_is_the_same_however_it_is_cut(size: int) -> None:
    content = b" " * 300_000 + Random(1).randbytes(100_000) + b"x" * 300_000
    packed = gzip.compress(content)
    assert unpacked(*(packed[start : start + size] for start in range(0, len(packed), size))) == content


def test_parts_are_small_however_much_a_piece_holds() -> None:
    parts = list(Unpacker().feed(gzip.compress(b" " * 10**6)))
    assert max(map(len, parts)) == PART_BYTES_MAX
    assert sum(map(len, parts)) == 10**6


def test_nothing_follows_the_end() -> None:
    with pytest.raises(Problem, match="goes on after the end"):
        unpacked(gzip.compress(b"a"), b"b")
