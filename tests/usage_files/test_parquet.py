"""Parquet: each type of column as the API is told of it, and the file read a piece at a time."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import usage_files.parquet as parquet
from tests.api.given import rows
from tests.usage_files.conftest import Commands, counts, reasons
from usage_files.rows import NoCell

NOON = dt.datetime(2013, 7, 15, 12)
NOON_UTC = NOON.replace(tzinfo=dt.UTC)
ALL = ("--customer", "UA", "--event", "departure")


def cells(tmp_path: Path, column: Any) -> list[object]:
    """What is read of one column."""
    file = tmp_path / "one.parquet"
    pq.write_table(pa.table({"x": column}), file)
    with parquet.open_parquet(file) as opened:
        return [getattr(row, "cells", {}).get("x") for row in opened.rows(0)]


@pytest.mark.parametrize(
    ("column", "read"),
    [
        (pa.array([1, None, -(2**63)]), [1, None, -(2**63)]),
        (pa.array([2**64 - 1], pa.uint64()), [2**64 - 1]),
        (pa.array([0.1, 149.0, 1e-7, None]), [Decimal("0.1"), Decimal(149), Decimal("1E-7"), None]),
        (pa.array([0.1], pa.float32()), [Decimal("0.1")]),
        (pa.array([Decimal("12.30")], pa.decimal128(10, 2)), [Decimal("12.30")]),
        (pa.array([True, False]), [True, False]),
        (pa.array(["a", None]).dictionary_encode(), ["a", None]),
        (pa.array([NOON], pa.timestamp("ms")), [NOON]),
        (pa.array([NOON], pa.timestamp("ns", "Europe/Paris")), [NOON_UTC]),
        (pa.array([dt.date(2013, 7, 15)]), [dt.date(2013, 7, 15)]),
        (pa.array([{"a": 0.1, "b": None}]), [{"a": Decimal("0.1")}]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_a_column_is_read_exactly(tmp_path: Path, column: Any, read: list[object]) -> None:
    found = cells(tmp_path, column)
    assert found == read
    assert [type(cell) for cell in found] == [type(cell) for cell in read]


def test_an_instant_is_the_same_whatever_zone_the_column_is_in(tmp_path: Path) -> None:
    [found] = cells(tmp_path, pa.array([NOON_UTC], pa.timestamp("us", "America/New_York")))
    assert isinstance(found, dt.datetime)
    assert found.astimezone(dt.UTC) == NOON_UTC


@pytest.mark.parametrize(
    "column",
    [
        pa.array([float("nan"), float("inf"), float("-inf")]),
        pa.array([2**62, -(2**62), 2**61], pa.timestamp("ms")),
        pa.array([b"a", b"", b"\xff"]),
    ],
    ids=["not finite", "out of range", "bytes"],
)
def test_a_cell_that_holds_nothing_is_told_by_itself(tmp_path: Path, column: Any) -> None:
    assert [type(cell) for cell in cells(tmp_path, column)] == [NoCell] * 3


def test_bad_cells_reject_their_rows(usage: Commands) -> None:
    table = pa.table(
        {
            "id": pa.array([1, 2, 3, 4, None]),
            "at": pa.array([NOON, NOON, None, dt.datetime(2013, 3, 10, 2, 30), NOON], pa.timestamp("ns")),
            "value": pa.array([1.5, float("nan"), 1.0, 1.0, 1.0]),
            "miles": pa.array([Decimal("1400.50"), None, None, None, None], pa.decimal128(20, 2)),
        }
    )
    file, rejects = usage.folder / "a.parquet", usage.folder / "rejects.ndjson"
    pq.write_table(table, file)

    options = (*ALL, "--zone", "America/New_York", "--property", "*", "--rejects", rejects)
    summary = usage.imported(file, *options)

    assert counts(summary) == (1, 0, 0, 4, 2)
    assert reasons(rejects) == [
        (2, "/value", "The number is not finite."),
        (3, "/at", "This must be an instant such as 2013-01-01T05:17:00Z."),
        (4, "/at", "Clocks in America/New_York never showed this: they were set forward."),
        (5, "/id", "The row has no id."),
    ]
    query = "SELECT event_id, at::text, value::text, properties::text FROM usage_event"
    assert rows(usage.live.database, query) == [("1", "2013-07-15 16:00:00+00", "1.5", '{"miles": 1400.50}')]


def test_instants_without_zone_need_one(usage: Commands) -> None:
    file = usage.folder / "a.parquet"
    pq.write_table(pa.table({"id": ["a"], "at": pa.array([NOON], pa.timestamp("us"))}), file)
    assert counts(usage.imported(file, *ALL)) == (0, 0, 0, 1, 2)
    assert counts(usage.imported(file, *ALL, "--zone", "UTC")) == (1, 0, 0, 0, 0)


def test_a_file_without_rows(usage: Commands) -> None:
    file = usage.folder / "a.parquet"
    pq.write_table(pa.table({"id": pa.array([], pa.string()), "at": pa.array([], pa.timestamp("us", "UTC"))}), file)
    assert counts(usage.imported(file, *ALL)) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("after", [0, 1, 9, 10, 11, 25, 30])
def test_reading_goes_on_after_any_row(tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS_READ", 7)
    file = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": list(range(1, 31))}), file, row_group_size=10)
    with parquet.open_parquet(file) as opened:
        found = [(row.number, getattr(row, "cells", {})["x"]) for row in opened.rows(after)]
        assert opened.place() == opened.size == 30
    assert found == [(number, number) for number in range(after + 1, 31)]


def test_an_import_that_gave_up_goes_on(usage: Commands) -> None:
    file = usage.folder / "a.parquet"
    table = pa.table({"id": [f"e{n}" for n in range(900)], "at": pa.array([NOON] * 900, pa.timestamp("us", "UTC"))})
    pq.write_table(table, file, row_group_size=250)
    usage.live.fault = lambda number: "503" if number > 3 else None
    options = (*ALL, "--batch", 200, "--senders", 1)
    usage.refused("import", file, *options, "--patience", 0)
    usage.live.fault = lambda _: None
    summary = usage.imported(file, *options)
    assert (summary["resumed_after"], counts(summary), usage.live.count()) == (600, (900, 0, 0, 0, 0), 900)
