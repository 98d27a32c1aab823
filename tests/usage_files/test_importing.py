"""Files into the API over HTTP: every row stored once, whatever breaks on the way."""

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.given import rows
from tests.usage_files.conftest import Commands, counts, reasons

ROOT = Path(__file__).parents[2]
HEAD = "id,source,customer,event,at,value\n"


def csv_rows(count: int, first: int = 1) -> str:
    return "".join(f"e{n:05},ops,UA,departure,2013-01-15T12:00:00Z,{n}\n" for n in range(first, first + count))


def test_a_csv_file_is_mapped_by_its_options(usage: Commands) -> None:
    file = usage.file(
        "flights.csv",
        "flight,time,origin,miles,full\nUA/1,2013-01-01 05:17:00,EWR,1400.50,true\nUA/2,2013-07-01T05:17:00,JFK,,\n",
    )

    summary = usage.imported(
        file,
        *("--map", "id=flight", "--map", "at=time", "--map", "value=miles"),
        *("--property", "origin", "--property", "distance=miles:number", "--property", "full:boolean"),
        *("--source", "/ops", "--customer", "UA", "--event", "departure", "--zone", "America/New_York"),
    )

    assert counts(summary) == (2, 0, 0, 0, 0)
    assert (summary["rows"], summary["unmatched"], summary["columns_not_used"]) == (2, 0, [])
    query = "SELECT event_id, source, customer_key, event, at::text, value::text, properties::text FROM usage_event"
    assert sorted(rows(usage.live.database, query)) == [
        (
            *("UA/1", "/ops", "UA", "departure", "2013-01-01 10:17:00+00", "1400.50"),
            '{"full": true, "origin": "EWR", "distance": 1400.50}',
        ),
        ("UA/2", "/ops", "UA", "departure", "2013-07-01 09:17:00+00", None, '{"origin": "JFK"}'),
    ]


def test_a_second_run_is_all_duplicates(usage: Commands) -> None:
    file = usage.file("a.csv", HEAD + csv_rows(2_500))
    assert counts(usage.imported(file)) == (2_500, 0, 0, 0, 0)
    assert counts(usage.imported(file, "--batch", 300, "--senders", 1)) == (0, 2_500, 0, 0, 0)
    assert usage.live.count() == 2_500
    assert list(usage.folder.iterdir()) == [file]


def test_bad_rows_are_written_down_and_harm_no_other(usage: Commands) -> None:
    usage.imported(usage.file("before.csv", HEAD + "changed,ops,UA,departure,2013-01-15T12:00:00Z,1\n"))
    file = usage.file(
        "bad.csv",
        HEAD
        + "good,ops,UA,departure,2013-01-15T12:00:00Z,1\n"
        + "nan,ops,UA,departure,2013-01-15T12:00:00Z,NaN\n"
        + "text,ops,UA,departure,2013-01-15T12:00:00Z,1_000\n"
        + "short,ops,UA\n"
        + ",ops,UA,departure,2013-01-15T12:00:00Z,1\n"
        + "day,ops,UA,departure,2013-01-15,1\n"
        + "naive,ops,UA,departure,2013-01-15T12:00:00,1\n"
        + "never,ops,UA,departure,soon,1\n"
        + "nobody,ops,,departure,2013-01-15T12:00:00Z,1\n"
        + 'quoted,ops,UA,"depart"ure,2013-01-15T12:00:00Z,1\n'
        + "changed,ops,UA,departure,2013-01-15T12:00:00Z,2\n"
        + "good too,ops,UA,departure,2013-01-15T12:00:00Z,\n",
    )
    rejects = usage.folder / "rejects.ndjson"

    summary = usage.imported(file, "--rejects", rejects, "--batch", 3)

    assert counts(summary) == (2, 0, 1, 9, 2)
    assert [name for name, _ in usage.live.stored()] == ["changed", "good", "good too"]
    assert reasons(rejects) == [
        (3, "/value", "This must be a number such as 1500 or 12.5."),
        (4, "/value", "This must be a number such as 1500 or 12.5."),
        (5, "", "The row has 3 cells, the head 6."),
        (6, "/id", "The row has no id."),
        (7, "/at", "This is a day; an instant has a time too."),
        (8, "/at", "The instant has no offset. Name its time zone with --zone."),
        (9, "/at", "This must be an instant such as 2013-01-01T05:17:00Z."),
        (10, "/customer", "Give either the key of a customer or the id of a contract."),
        (11, "", "The row is no CSV: ',' expected after '\"'."),
        (12, "", "This was stored before, or stands earlier in the batch, with other content."),
    ]
    told = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [one["result"] for one in told] == ["rejected"] * 9 + ["conflict"]
    assert told[0]["cells"]["id"] == "nan"


def test_what_was_stored_is_replaced_only_where_that_was_asked_for(usage: Commands) -> None:
    first, second = (HEAD + f"e1,ops,UA,departure,2013-01-15T12:00:00Z,{value}\n" for value in (1, 2))
    usage.imported(usage.file("a.csv", first))
    file = usage.file("a.csv", second)
    assert counts(usage.imported(file)) == (0, 0, 1, 0, 2)
    replaced = usage.imported(file, "--replace")
    assert (counts(replaced), replaced["replaced"]) == ((0, 0, 0, 0, 0), 1)
    query = "SELECT value::text FROM usage_event WHERE voided_seq IS NULL"
    assert rows(usage.live.database, query) == [("2",)]


def test_bytes_that_are_no_utf_8_reject_their_row_only(usage: Commands) -> None:
    row = HEAD.encode() + b"caf\xe9,ops,UA,departure,2013-01-15T12:00:00Z,1\n" + csv_rows(1).encode()
    rejects = usage.folder / "rejects.ndjson"
    assert counts(usage.imported(usage.file("a.csv", row), "--rejects", rejects)) == (1, 0, 0, 1, 2)
    assert json.loads(rejects.read_text())["row"] == 2


@pytest.mark.parametrize(
    ("content", "accepted"),
    [
        (HEAD, 0),
        ("\ufeff" + HEAD + csv_rows(2), 2),
        (HEAD + "\n" + csv_rows(1) + "\r\n" + csv_rows(1, 2), 2),
        (HEAD + '"a ""b""",ops,UA,departure,2013-01-15T12:00:00Z,1\n', 1),
    ],
    ids=["head only", "BOM", "blank lines", "quotes"],
)
def test_csv_as_programs_write_it(usage: Commands, content: str, accepted: int) -> None:
    assert counts(usage.imported(usage.file("a.csv", content))) == (accepted, 0, 0, 0, 0)


def test_a_cell_may_hold_line_breaks_and_a_row_keeps_its_number(usage: Commands) -> None:
    head = "id,customer,event,at,note\n"
    content = head + 'a,UA,departure,2013-01-15T12:00:00Z,"one\ntwo"\nb,UA,departure,never,x\n'
    rejects = usage.folder / "rejects.ndjson"
    file = usage.file("a.csv", content)
    assert counts(usage.imported(file, "--property", "note", "--rejects", rejects)) == (1, 0, 0, 1, 2)
    assert [row for row, _, _ in reasons(rejects)] == [3]
    assert rows(usage.live.database, "SELECT properties ->> 'note' FROM usage_event") == [("one\ntwo",)]


def test_lines_are_sent_as_they_are(usage: Commands) -> None:
    """Our own shape, CloudEvents, numbers digit by digit; what is no event is rejected by its line."""
    lines = [
        '{"id": "a", "customer": "UA", "event": "departure", "at": "2013-01-15T12:00:00Z", "value": 0.10,'
        ' "properties": {"fare": 12.300000000000000001, "seats": 9223372036854775808}, "value_hint": 1}',
        "",
        '{"specversion": "1.0", "id": "b", "source": "/ops", "type": "departure", "subject": "UA",'
        ' "time": "2013-01-15T12:00:00Z", "data": {"value": 2}}',
        '{"id": "c", "value": NaN}',
        "[1]",
        '{"id": 17, "customer": "nobody", "event": "departure", "at": "2013-01-15T12:00:00Z", "value": null}',
    ]
    rejects = usage.folder / "rejects.ndjson"

    summary = usage.imported(usage.file("a.ndjson", "\ufeff" + "\n".join(lines)), "--rejects", rejects)

    assert counts(summary) == (2, 0, 0, 3, 2)
    assert (summary["unmatched"], summary["columns_not_used"]) == (1, ["value_hint"])
    assert [(row, pointer) for row, pointer, _ in reasons(rejects)] == [
        (1, "/properties/seats"),
        (4, "/value"),
        (5, ""),
    ]
    assert [name for name, _ in usage.live.stored()] == ["17", "b"]


def test_packed_files_and_packed_requests(usage: Commands) -> None:
    file = usage.file("a.csv.gz", gzip.compress((HEAD + csv_rows(1_500)).encode()))
    assert counts(usage.imported(file, "--gzip")) == (1_500, 0, 0, 0, 0)


def test_a_damaged_archive_ends_the_import_and_what_came_before_is_stored(usage: Commands) -> None:
    whole = gzip.compress((HEAD + csv_rows(50_000)).encode())
    file = usage.file("a.csv.gz", whole[: len(whole) // 2])
    assert "a.csv.gz is damaged" in usage.refused("import", file)
    assert 0 < usage.live.count() < 50_000


def test_an_id_is_made_of_columns_that_tell_rows_apart(usage: Commands) -> None:
    content = "a,b,at\nx/y,z,2013-01-15T12:00:00Z\nx,y/z,2013-01-15T12:00:00Z\n,z,2013-01-15T12:00:00Z\n"
    options = ("--id-from", "a,b", "--customer", "UA", "--event", "departure")
    assert counts(usage.imported(usage.file("a.csv", content), *options)) == (2, 0, 0, 1, 2)
    assert [name for name, _ in usage.live.stored()] == ["x/y~1z", "x~1y/z"]


def test_an_id_is_the_rows_number_only_where_that_was_asked_for(usage: Commands) -> None:
    file = usage.file("a.csv", "at\n2013-01-15T12:00:00Z\n2013-01-15T12:00:00Z\n")
    options = ("--customer", "UA", "--event", "departure")
    assert "no column gives the ids" in usage.refused("import", file, *options)
    assert counts(usage.imported(file, *options, "--id-from-row", "jan")) == (2, 0, 0, 0, 0)
    assert [name for name, _ in usage.live.stored()] == ["jan-2", "jan-3"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--map", "at=wen"], "there is no column 'wen'; there are id, source, customer, event, at, value"),
        (["--map", "when=at"], "--map when=at: write FIELD=COLUMN"),
        (["--map", "customer=id", "--customer", "UA"], "exclude each other"),
        (["--id-from", "id", "--map", "id=id"], "exclude each other"),
        (["--customer", "UA", "--contract", "con_1"], "give one of them"),
        (["--zone", "Mars/Olympus"], "there is no time zone 'Mars/Olympus'"),
        (["--property", "seats"], "there is no column 'seats'"),
        (["--delimiter", ";;"], "give one character"),
        (["--rejects", "a.csv"], "another file"),
    ],
)
def test_options_that_cannot_be_meant_are_refused_before_anything_is_sent(
    usage: Commands, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(usage.folder)
    usage.file("a.csv", HEAD + csv_rows(1))
    assert message in usage.refused("import", "a.csv", *options)
    assert usage.live.sent == 0


@pytest.mark.parametrize(("name", "message"), [("a.csv", "is empty"), ("a.parquet", "no Parquet"), ("a.txt", "end in")])
def test_a_file_that_is_none_is_refused(usage: Commands, name: str, message: str) -> None:
    assert message in usage.refused("import", usage.file(name, b""))


def test_a_file_without_lines_holds_no_events(usage: Commands) -> None:
    assert counts(usage.imported(usage.file("a.ndjson", b""))) == (0, 0, 0, 0, 0)


def test_a_dry_run_says_what_the_api_would_reject_and_sends_nothing(usage: Commands) -> None:
    content = HEAD + csv_rows(3) + "e9,ops,UA,departure,1900-01-01T00:00:00Z,1\n"
    summary = usage.imported(usage.file("a.csv", content), "--dry-run")
    assert counts(summary) == (3, 0, 0, 1, 2)
    assert (usage.live.sent, usage.live.count()) == (0, 0)


def test_what_is_not_answered_is_sent_again(usage: Commands) -> None:
    """Busy, broken, and cut off once it was stored: then it comes back as a duplicate."""
    faults = {2: "429", 4: "503", 5: "cut", 7: "500"}
    usage.live.fault = faults.get
    summary = usage.imported(usage.file("a.csv", HEAD + csv_rows(1_000)), "--batch", 200, "--senders", 1)
    assert counts(summary) == (800, 200, 0, 0, 0)
    assert (usage.live.count(), usage.live.sent) == (1_000, 9)


def test_an_import_that_gives_up_goes_on_where_it_was(usage: Commands) -> None:
    file, rejects = usage.file("a.csv", HEAD + "bad,,,,,\n" + csv_rows(999)), usage.folder / "rejects.ndjson"
    options = ("--batch", 200, "--senders", 1, "--rejects", rejects)
    usage.live.fault = lambda number: "503" if number > 3 else None
    message = usage.refused("import", file, *options, "--patience", 0)
    assert "did not answer for 0 s: 503" in message
    assert "All up to row 601 is answered; the same command goes on there" in message
    assert usage.live.count() == 599
    usage.live.fault = lambda _: None

    assert "other options" in usage.refused("import", file)
    before = usage.live.sent
    summary = usage.imported(file, *options)

    assert (summary["resumed_after"], counts(summary)) == (601, (999, 0, 0, 1, 2))
    assert usage.live.sent - before == 2
    assert [row for row, _, _ in reasons(rejects)] == [2]
    assert sorted(path.name for path in usage.folder.iterdir()) == ["a.csv", "rejects.ndjson"]


def test_a_state_is_not_taken_for_another_files(usage: Commands) -> None:
    file = usage.file("a.csv", HEAD + csv_rows(1_000))
    usage.live.fault = lambda number: "503" if number > 1 else None
    usage.refused("import", file, "--batch", 200, "--senders", 1, "--patience", 0)
    usage.live.fault = lambda _: None
    usage.file("a.csv", HEAD + csv_rows(1_001))
    assert "the file has changed" in usage.refused("import", file)
    assert counts(usage.imported(file, "--restart")) == (801, 200, 0, 0, 0)


def test_a_key_that_may_not_send_ends_the_import_with_the_reason(usage: Commands) -> None:
    usage.live.key = usage.live.key[:-1] + ("a" if usage.live.key[-1] != "a" else "b")
    message = usage.refused("import", usage.file("a.csv", HEAD + csv_rows(1)))
    assert "was refused: 401" in message
    assert usage.live.key not in message


@pytest.mark.parametrize(("how", "status"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_an_import_that_is_broken_off_stores_every_row_once(usage: Commands, how: signal.Signals, status: int) -> None:
    """Killed, or interrupted, while its tenth batch is stored; the second run sends what was not answered before."""
    file, rejects = usage.file("a.csv", HEAD + "bad,,,,,\n" + csv_rows(4_999)), usage.folder / "rejects.ndjson"
    options = [str(file), "--batch", "200", "--senders", "2", "--rejects", str(rejects)]
    started: list[subprocess.Popen[bytes]] = []

    def kill(number: int) -> None:
        if number == 10:
            os.kill(started[0].pid, how)

    with usage.live.lock:
        # The lock keeps the first request waiting until it is known whom to kill.
        started.append(_process(usage, options))
        usage.live.fault = kill
    assert started[0].wait(60) == status
    before = usage.live.sent

    usage.live.fault = lambda _: None
    summary = usage.imported(file, *options[1:])

    assert usage.live.count() == 4_999
    assert summary["accepted"] + summary["duplicate"] == 4_999
    assert (summary["conflict"], summary["rejected"]) == (0, 1)
    assert summary["resumed_after"] >= 200
    # What the dead process had sent already may still come in: at most one request of each sender.
    assert usage.live.sent - before <= (5_001 - summary["resumed_after"]) // 200 + 2
    assert [row for row, _, _ in reasons(rejects)] == [2]


def _process(usage: Commands, options: list[str]) -> subprocess.Popen[bytes]:
    """The command in a process of its own, that notes after each batch how far it is."""
    program = "import usage_files.importing as i; i.SAVE_SECONDS = -1; import cli; cli.main()"
    variables = {**os.environ, "PERENNIAL_URL": usage.live.url, "PERENNIAL_API_KEY": usage.live.key}
    command = [sys.executable, "-c", program, "usage", "import", *options]
    return subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.DEVNULL)
