import os
import shutil
import signal
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlmodel import Session

from models.database import Database
from sandbox.postgres import DATABASE, EmbeddedPostgres, PostgresNotStarted
from tests.conftest import scratch_folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own folder: it takes the right to pass through it away from others again and again.
    path = Path(tempfile.mkdtemp(prefix="perennial-postgres-", dir=scratch_folder()))
    yield path
    EmbeddedPostgres(path / "pg", port=0).stop()
    shutil.rmtree(path)


@pytest.fixture
def server(folder: Path) -> EmbeddedPostgres:
    embedded = EmbeddedPostgres(folder / "pg", free_port(), fast=True)
    embedded.start()
    return embedded


def connect(server: EmbeddedPostgres) -> psycopg.Connection[tuple[object, ...]]:
    url = make_url(server.url).set(drivername="postgresql")
    return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


def write_note(server: EmbeddedPostgres) -> None:
    with connect(server) as connection:
        connection.execute("CREATE TABLE note AS SELECT 'kept' AS body")


def read_note(server: EmbeddedPostgres) -> object:
    with connect(server) as connection:
        row = connection.execute("SELECT body FROM note").fetchone()
        assert row is not None
        return row[0]


def kill_postmaster(server: EmbeddedPostgres) -> None:
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while server.pid() is not None:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_new_server_has_the_database_of_the_product(server: EmbeddedPostgres) -> None:
    with connect(server) as connection:
        assert connection.execute("SELECT current_database(), current_setting('TimeZone')").fetchone() == (
            DATABASE,
            "UTC",
        )
        version = connection.execute("SHOW server_version").fetchone()
    assert version is not None
    assert str(version[0]).startswith("18")


def test_starting_a_running_server_takes_it_over_on_its_own_port(server: EmbeddedPostgres) -> None:
    again = EmbeddedPostgres(server.data_dir, free_port(), fast=True)
    again.start()
    assert (again.pid(), again.port) == (server.pid(), server.port)


def test_data_outlives_a_stop(server: EmbeddedPostgres) -> None:
    write_note(server)
    server.stop()
    assert not server.healthy()
    server.start()
    assert read_note(server) == "kept"


def test_stopping_a_stopped_server_does_nothing(server: EmbeddedPostgres) -> None:
    server.stop()
    server.stop()
    assert server.pid() is None


def test_a_killed_server_starts_again_with_what_was_committed(server: EmbeddedPostgres) -> None:
    """A session that outlives the postmaster for a moment holds its shared memory; the start waits for it."""
    write_note(server)
    with connect(server) as witness:
        kill_postmaster(server)
        assert not server.healthy()
        server.start()
        assert read_note(server) == "kept"
        witness.close()


def test_a_kill_of_every_process_of_the_server_loses_nothing(server: EmbeddedPostgres) -> None:
    write_note(server)
    pid = server.pid()
    assert pid is not None
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for process in (pid, *map(int, children)):
        os.kill(process, signal.SIGKILL)
    server.start()
    assert read_note(server) == "kept"


def test_a_lock_file_with_the_pid_of_another_process_does_not_stop_the_start(server: EmbeddedPostgres) -> None:
    write_note(server)
    lock_file = server.data_dir / "cluster" / "postmaster.pid"
    lines = lock_file.read_text().splitlines()
    server.stop()
    lock_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    server.stop()
    server.start()
    assert read_note(server) == "kept"


def test_an_interrupted_initdb_is_started_over(folder: Path) -> None:
    half = folder / "pg" / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    embedded = EmbeddedPostgres(folder / "pg", free_port(), fast=True)
    embedded.start()
    assert embedded.healthy()


def test_a_taken_port_is_reported_with_the_log(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        embedded = EmbeddedPostgres(folder / "pg", taken.getsockname()[1], fast=True)
        with pytest.raises(PostgresNotStarted, match="could not bind"):
            embedded.start()


def test_the_server_does_not_hang_on_the_terminal_of_its_parent(server: EmbeddedPostgres) -> None:
    """In a session and process group of its own, it gets no Ctrl-C of its parent's."""
    pid = server.pid()
    assert pid is not None
    assert os.getsid(pid) != os.getsid(0)
    assert os.getpgid(pid) != os.getpgid(0)


def test_the_password_is_random_and_readable_by_its_owner_alone(server: EmbeddedPostgres) -> None:
    password_file = server.data_dir / "password"
    assert stat.S_IMODE(password_file.stat().st_mode) == 0o600
    assert len(password_file.read_text()) >= 32
    wrong = make_url(server.url).set(drivername="postgresql", password="postgres")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong.render_as_string(hide_password=False))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused by PostgreSQL")
def test_root_runs_it_as_another_user_below_a_folder_of_its_own(folder: Path) -> None:
    """What lies in root's folder becomes passable for the server, and not readable."""
    private = folder / "private"
    private.mkdir(mode=0o700)
    embedded = EmbeddedPostgres(private / "pg", free_port(), fast=True)
    embedded.start()
    pid = embedded.pid()
    assert pid is not None
    assert Path(f"/proc/{pid}").stat().st_uid != 0
    assert stat.S_IMODE(private.stat().st_mode) == 0o701
    embedded.stop()


def test_the_stack_keeps_what_was_committed_even_if_the_machine_stops(folder: Path) -> None:
    durable = EmbeddedPostgres(folder / "pg", free_port())
    durable.start()
    with connect(durable) as connection:
        settings = [
            connection.execute(f"SHOW {name}".encode()).fetchone()
            for name in ("fsync", "synchronous_commit", "full_page_writes")
        ]
    assert settings == [("on",)] * 3


def test_work_is_run_again_when_the_server_was_killed_under_it(server: EmbeddedPostgres) -> None:
    write_note(server)
    database = Database(server.url)
    attempts: list[Session] = []

    def work(session: Session) -> object:
        attempts.append(session)
        session.execute(text("SELECT 1"))
        if len(attempts) == 1:
            kill_postmaster(server)
            server.start()
        return session.execute(text("SELECT body FROM note")).scalar_one()

    assert database.run(work) == "kept"
    assert len(attempts) == 2
    database.dispose()
