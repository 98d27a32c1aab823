"""Events out of the API into files, and back in: every digit the same."""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import usage_files.writing as writing
from tests.usage_files.conftest import Commands, counts

LINES = [
    '{"id": "a/1", "source": "/ops", "customer": "UA", "event": "departure", "at": "2013-01-15T07:00:00.000001-05:00",'
    ' "value": 0.10, "properties": {"fare": 12.300000000000000001, "n": 10, "tiny": 0.00000015, "full": true,'
    ' "note": "one\\n\\"two\\", é"}}',
    '{"id": "b", "contract": "con_UA_1", "event": "arrival", "at": "2013-02-15T12:00:00Z"}',
    '{"id": "c", "customer": "nobody", "event": "departure", "at": "2013-02-15T12:00:00Z", "value": -1000000000000.5}',
    '{"id": "d", "source": "-", "customer": "UA", "event": "=1+1", "at": "2013-03-01T00:00:00Z", "value": 1}',
]
ENDINGS = ["ndjson", "jsonl.gz", "csv", "csv.gz", "parquet"]


@pytest.fixture
def filled(usage: Commands) -> Commands:
    assert usage.imported(usage.file("first.ndjson", "\n".join(LINES)))["accepted"] == 4
    return usage


def exported(usage: Commands, path: Path, *options: str) -> int:
    answer = usage.run("export", path, *options)
    assert answer.exit_code == 0, answer.output
    found: int = json.loads(answer.stdout)["events"]
    return found


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_was_exported_is_imported_as_all_duplicates(filled: Commands, ending: str) -> None:
    file = filled.folder / f"all.{ending}"
    assert exported(filled, file) == 4
    assert counts(filled.imported(file)) == (0, 4, 0, 0, 0)


def test_lines_are_in_the_shape_in_which_they_are_sent(filled: Commands) -> None:
    file = filled.folder / "all.ndjson"
    exported(filled, file, "--event", "departure", "--customer", "UA")
    assert file.read_text() == (
        '{"id":"a/1","source":"/ops","customer":"UA","event":"departure","at":"2013-01-15T12:00:00.000001Z",'
        '"value":0.10,"properties":{"n":10,"fare":12.300000000000000001,"full":true,'
        '"note":"one\\n\\"two\\", é","tiny":1.5E-7}}\n'
    )


def test_a_table_also_says_which_contract_takes_an_event(filled: Commands) -> None:
    file = filled.folder / "all.csv"
    exported(filled, file)
    found = {row["id"]: (row["counts_for"], row["value"]) for row in csv.DictReader(file.read_text().splitlines())}
    assert found == {
        "a/1": ("con_UA_1", "0.10"),
        "b": ("con_UA_1", ""),
        "c": ("", "-1000000000000.5"),
        "d": ("con_UA_1", "1"),
    }


def test_parquet_has_instants_and_texts(filled: Commands) -> None:
    file = filled.folder / "all.parquet"
    exported(filled, file, "--from", "2013-01-01T00:00:00Z", "--to", "2013-02-01T00:00:00Z")
    [row] = pq.read_table(file).to_pylist()
    assert row["at"] == datetime(2013, 1, 15, 12, 0, 0, 1, tzinfo=UTC)
    assert (row["value"], row["customer"], row["contract"], row["counts_for"]) == ("0.10", "UA", None, "con_UA_1")
    assert json.loads(row["properties"])["note"] == 'one\n"two", é'


def test_more_than_a_page_and_more_than_a_group(filled: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "GROUP_ROWS", 100)
    rows = "".join(f"e{number},departure,2013-01-15T12:00:00Z\n" for number in range(321))
    filled.imported(filled.file("more.csv", "id,event,at\n" + rows), "--customer", "UA", "--source", "more")
    file = filled.folder / "more.parquet"
    assert exported(filled, file, "--source", "more") == 321
    assert sorted(pq.read_table(file)["id"].to_pylist()) == sorted(f"e{number}" for number in range(321))
    assert pq.ParquetFile(file).metadata.num_row_groups == 4


def test_nothing_to_export_is_a_file_without_events(usage: Commands) -> None:
    for ending in ENDINGS:
        file = usage.folder / f"none.{ending}"
        assert exported(usage, file) == 0
        assert counts(usage.imported(file)) == (0, 0, 0, 0, 0)


@contextmanager
def broken_after(items: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        whole = writing._Lines.write

        def write(self: Any, item: Any) -> None:
            nonlocal items
            items -= 1
            if items < 0:
                raise OSError("no space left on device")
            whole(self, item)

        patch.setattr(writing._Lines, "write", write)
        yield


def test_an_export_that_breaks_leaves_the_file_of_before(filled: Commands) -> None:
    file = filled.file("all.ndjson", "the export of yesterday\n")
    with broken_after(2):
        assert "no space left on device" in filled.refused("export", file)
    assert file.read_text() == "the export of yesterday\n"
    assert sorted(path.name for path in filled.folder.iterdir()) == ["all.ndjson", "first.ndjson"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["a.txt"], "must end in .csv, .ndjson, .jsonl"),
        (["nowhere/a.csv"], "there is no folder"),
        (["a.csv", "--from", "yesterday"], "was refused: 422"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    usage: Commands, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(usage.folder)
    assert message in usage.refused("export", *options)
    assert list(usage.folder.iterdir()) == []
