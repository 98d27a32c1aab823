"""Database fixtures: one server per test process, one fresh migrated database per test."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from socket import socket
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import make_url
from temporalio.client import Client

from models.database import Database
from models.migrations import migrate
from sandbox.postgres import EmbeddedPostgres
from sandbox.stripe.admin import StripeAdmin
from sandbox.stripe.running import RunningStripe, running_stripe
from tests.live import connected, temporal_server

SERVER_PREFIX = "perennial-test-"
SERVER_BYTES_MAX = 2 * 1024**3


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of an empty database on a server of this test process."""
    _stop_leftovers()
    server = EmbeddedPostgres(scratch_folder() / f"{SERVER_PREFIX}{os.getpid()}", _free_port(), fast=True)
    server.start()
    yield server.url
    server.stop()
    shutil.rmtree(server.data_dir)


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> str:
    """The name of a migrated database that others are cloned from; nobody may stay connected to it."""
    execute(postgres_url, "CREATE DATABASE migrated")
    migrate(with_database(postgres_url, "migrated"))
    return "migrated"


@pytest.fixture
def database(postgres_url: str, migrated_template: str) -> Iterator[Database]:
    """A migrated database of its own, dropped after the test."""
    name = f"test_{uuid4().hex}"
    execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {migrated_template} STRATEGY FILE_COPY")
    fresh = Database(with_database(postgres_url, name))
    yield fresh
    fresh.dispose()
    execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def temporal_address() -> Iterator[str]:
    """The address of a real Temporal server of this test process."""
    with temporal_server() as address:
        yield address


@pytest.fixture
async def temporal(temporal_address: str) -> AsyncIterator[Client]:
    """A client of the real server, whose workflows are gone after the test."""
    async with connected(temporal_address) as client:
        yield client


def with_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def execute(url: str, statement: str) -> None:
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


def _free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def scratch_folder() -> Path:
    """A folder in memory if there is room: each clone of a database makes some hundred files."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= SERVER_BYTES_MAX
    return memory if roomy else Path(tempfile.gettempdir())


def _stop_leftovers() -> None:
    """Stop the servers of test processes that were killed before they could."""
    for folder in scratch_folder().glob(f"{SERVER_PREFIX}*"):
        owner = folder.name.removeprefix(SERVER_PREFIX)
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            EmbeddedPostgres(folder, port=0).stop()
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStripe]:
    """A Stripe-compatible server of the test module's own."""
    with running_stripe(tmp_path_factory.mktemp("stripe") / "stripe.db") as running:
        yield running


@pytest.fixture
def admin(server: RunningStripe) -> Iterator[StripeAdmin]:
    """The server's other side; no test leaves a fault or a moved clock behind."""
    yield server.admin
    server.admin.clear_faults()
    server.admin.set_clock()
