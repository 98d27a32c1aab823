"""Database fixtures: one server per test process, one fresh migrated database per test."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from socket import socket
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import make_url

from models.database import Database
from models.migrations import migrate
from sandbox.postgres import EmbeddedPostgres

SERVER_PREFIX = "perennial-test-"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of an empty database on a server of this test process."""
    _stop_leftovers()
    server = EmbeddedPostgres(Path(tempfile.gettempdir()) / f"{SERVER_PREFIX}{os.getpid()}", _free_port(), fast=True)
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
    execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    fresh = Database(with_database(postgres_url, name))
    yield fresh
    fresh.dispose()
    execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


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


def _stop_leftovers() -> None:
    """Stop the servers of test processes that were killed before they could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{SERVER_PREFIX}*"):
        owner = folder.name.removeprefix(SERVER_PREFIX)
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            EmbeddedPostgres(folder, port=0).stop()
            shutil.rmtree(folder, ignore_errors=True)
