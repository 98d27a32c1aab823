"""How fast usage is taken in, how fast it is answered, and how fast it is rated; everything on one machine."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import psycopg
from sqlalchemy import make_url

from bench.row import Row
from bench.stack import client_of, customer_with_card
from demo.client import ApiClient
from domain.line import Aggregate
from models.database import Database
from models.usage_totals import Measure, aggregate
from sandbox.plan import Plan

# The first contract gets a million of them, for the rows on rating.
EVENTS = int(os.environ.get("PERENNIAL_BENCH_EVENTS", "5000000"))
BATCH = 1_000
SENDERS = 4
CONTRACTS = 100
RATED = 1_000_000
COPIED = 500_000
QUESTIONS = 1_000
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)
EVENT = (
    '{"id":"%d","source":"bench","customer":"usage-%d","event":"departure","at":"%s","value":%d,'
    '"properties":{"origin":"%s","seats":%d}}'
)
USAGE_ROWS = (
    "usage_ingest_rate",
    "usage_ingest_ratio",
    "usage_ingest_flat",
    "usage_current_p99_ms",
    "usage_rate_ms",
    "usage_rate_exact_ms",
)
AIRPORTS = ("EWR", "JFK", "LGA")


async def usage_speed(plan: Plan) -> list[Row]:
    """Take usage in over HTTP, ask for it and rate it."""
    return await asyncio.to_thread(_measured, plan)


def _measured(plan: Plan) -> list[Row]:
    api = client_of(plan)
    contracts = _contracts(api)
    copied = _copy_rate(plan)
    batches = max(EVENTS // BATCH, 2 * SENDERS)
    answered = _send(api, batches)
    tenth = batches // 10
    rate = BATCH * batches / (answered[-1] - answered[0])
    first = tenth / (answered[tenth] - answered[0])
    last = tenth / (answered[-1] - answered[-1 - tenth])
    stored = f"{BATCH * batches:,} events"
    p99 = _asked(api, contracts)
    return [
        Row("usage_ingest_rate", f"events/s over HTTP, {SENDERS} senders, {stored}", rate, "events/s", ">=", 40_000),
        Row("usage_ingest_ratio", f"of raw COPY into the same tables ({copied:,.0f}/s)", rate / copied, "", ">=", 0.25),
        Row("usage_ingest_flat", "rate of the last tenth to the first", last / first, "", ">=", 0.8),
        Row("usage_current_p99_ms", f"usage so far of a contract, {stored} stored", p99, "ms", "<=", 50),
        *_rated(plan),
    ]


def _contracts(api: ApiClient) -> list[str]:
    """Contracts on a test clock in the middle of January."""
    clock = api.post("/v1/test-clocks", {"name": "usage", "now": "2026-01-01T00:00:00Z"})["id"]
    contracts = []
    for number in range(CONTRACTS):
        customer = customer_with_card(api, f"usage-{number}")
        contract = api.post("/v1/contracts", {"customer": customer, "clock": clock, "terms": _terms()})
        contracts.append(str(contract["id"]))
    return contracts


def _terms() -> dict[str, Any]:
    seats = {"id": "seats", "meter": "seats", "price": {"model": "per_unit", "amount": "0.01"}}
    count = {"id": "departures", "meter": "departures", "price": {"model": "per_unit", "amount": "1.00"}}
    return {
        "currency": "USD",
        "start": "2026-01-01",
        "term": {"months": 12, "renew": "auto"},
        "meters": [
            {"id": "seats", "event": "departure", "aggregate": "sum", "reads": "seats"},
            {"id": "departures", "event": "departure", "aggregate": "count"},
        ],
        "lines": [{**line, "every": "month", "bill": "arrears"} for line in (seats, count)],
    }


def _bodies(batches: int) -> Iterator[bytes]:
    """The first contract has each other event until it has enough; the others share the rest."""
    mine = min(RATED, EVENTS // 2)
    step = (FEBRUARY - JANUARY) / (BATCH * batches)
    for batch in range(batches):
        numbers = range(batch * BATCH, (batch + 1) * BATCH)
        yield b"[" + b",".join(_event(number, mine, step) for number in numbers) + b"]"


def _event(number: int, mine: int, step: timedelta) -> bytes:
    contract = 0 if number % 2 and number < 2 * mine else 1 + number % (CONTRACTS - 1)
    at = (JANUARY + step * number).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return (EVENT % (number, contract, at, number % 7, AIRPORTS[number % 3], 50 + number % 300)).encode()


def _send(api: ApiClient, batches: int) -> list[float]:
    """When each batch was answered, after the instant when the first was sent."""
    bodies, turn = _bodies(batches), threading.Lock()
    began = time.perf_counter()
    answered: list[float] = []

    def send(client: ApiClient) -> None:
        while True:
            with turn:
                body = next(bodies, None)
            if body is None:
                return
            assert client.send("/v1/usage", body)["accepted"] == BATCH
            answered.append(time.perf_counter())

    with ThreadPoolExecutor(SENDERS) as pool:
        for done in [pool.submit(send, api.another()) for _ in range(SENDERS)]:
            done.result()
    return [began, *sorted(answered)]


def _copy_rate(plan: Plan) -> float:
    """Rows per second of COPY into copies of the tables of events and of keys, with their indexes."""
    step = (FEBRUARY - JANUARY) / COPIED
    keys = "".join(
        f"bench\t{number}\t{number}\t{JANUARY + step * number}\t\\\\x{number:032x}\n" for number in range(COPIED)
    )
    events = "".join(
        f"{number}\t{JANUARY + step * number}\tbench\t{number}\tusage-{number % CONTRACTS}\t"
        f"con_{number % CONTRACTS:032x}\t"
        f'departure\t{number % 7}\t{{"origin": "{AIRPORTS[number % 3]}", "seats": {50 + number % 300}}}\n'
        for number in range(COPIED)
    )
    dsn = make_url(plan.database_url()).set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg.connect(dsn)) as connection, connection.cursor() as cursor:
        for table in ("usage_key", "usage_event"):
            cursor.execute(cast("Any", f"CREATE TABLE copied_{table} (LIKE {table} INCLUDING ALL)"))
        connection.commit()
        began = time.perf_counter()
        for table, rows in (
            ("usage_key (source, event_id, seq, at, body_hash)", keys),
            ("usage_event (seq, at, source, event_id, customer_key, contract_id, event, value, properties)", events),
        ):
            with cursor.copy(cast("Any", f"COPY copied_{table} FROM STDIN")) as copy:
                copy.write(rows)
        connection.commit()
        took = time.perf_counter() - began
        cursor.execute("DROP TABLE copied_usage_key, copied_usage_event")
        connection.commit()
    return COPIED / took


def _asked(api: ApiClient, contracts: list[str]) -> float:
    """The 99th percentile, in ms, of asking for a contract's usage, one question after the other."""
    took = []
    for number in range(QUESTIONS):
        began = time.perf_counter()
        api.get(f"/v1/contracts/{contracts[number % CONTRACTS]}/usage")
        took.append(time.perf_counter() - began)
    return 1000 * sorted(took)[int(QUESTIONS * 0.99)]


def _rated(plan: Plan) -> list[Row]:
    database = Database(plan.database_url())
    with database.transaction() as session:
        contract = session.connection().exec_driver_sql(
            "SELECT contract_id FROM usage_event WHERE customer_key = 'usage-0' LIMIT 1"
        )
        contract_id = str(contract.scalar_one())

    def took(kind: Aggregate) -> tuple[float, int]:
        began = time.perf_counter()
        with database.transaction() as session:
            measure = Measure("departure", kind, "seats")
            counted = aggregate(session, contract_id, measure, from_at=JANUARY, to_at=FEBRUARY)
        return 1000 * (time.perf_counter() - began), counted.event_count

    kinds: tuple[Aggregate, ...] = ("sum", "count", "max", "unique", "weighted_sum")
    found = {kind: took(kind) for kind in kinds}
    database.dispose()
    events = found["count"][1]
    return [
        Row(
            name,
            f"rate {events:,} events by {' or '.join(kinds)}",
            max(found[kind][0] for kind in kinds),
            "ms",
            "<=",
            budget,
        )
        for name, kinds, budget in (("usage_rate_ms", kinds[:3], 1000), ("usage_rate_exact_ms", kinds[3:], 3000))
    ]
