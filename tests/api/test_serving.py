"""The API as a process of its own, from its settings; each of its log lines is JSON."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from socket import socket

import httpx
import pytest

from api.credentials import mint
from models.database import Database
from tests.api.given import bearer

ROOT = Path(__file__).parents[2]
START_SECONDS_MAX = 60


def environment(database: Database, **changes: str) -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if not name.startswith(("PERENNIAL_", "TEMPORAL_"))}
    return given | {
        "PERENNIAL_DATABASE_URL": database.url,
        "PERENNIAL_STRIPE_API_KEY": "sk_test_8f3kq0ZLm2Xw7PbN",
        "PERENNIAL_STRIPE_WEBHOOK_SECRETS": "whsec_8w1Qd0f3Zk2LmN7x",
        "PERENNIAL_API_KEY_PEPPER": "k3J9s0Qw8Zx7Vb6Nm5Lp4Or2It1Uy0Ea",
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
        "TEMPORAL_CONFIG_FILE": os.devnull,
        **changes,
    }


def free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def bootstrap_key() -> str:
    return mint("test")


@pytest.fixture
def served_at(database: Database, bootstrap_key: str, tmp_path: Path) -> Iterator[str]:
    log = (tmp_path / "api.log").open("wb")
    port = free_port()
    variables = environment(database, PERENNIAL_API_PORT=str(port), PERENNIAL_BOOTSTRAP_API_KEY=bootstrap_key)
    process = subprocess.Popen([sys.executable, "-m", "api"], cwd=ROOT, env=variables, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_served(url, process)
        yield url
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert {type(json.loads(line)) for line in (tmp_path / "api.log").read_text().splitlines()} == {dict}
    finally:
        process.kill()
        process.wait()
        log.close()


def _wait_until_served(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        assert process.poll() is None, "the API stopped before it served"
        try:
            httpx.get(f"{url}/healthz")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the API did not start in time")


def test_the_process_serves_before_temporal_is_there_and_stops_when_told(served_at: str, bootstrap_key: str) -> None:
    with httpx.Client(base_url=served_at, headers=bearer(bootstrap_key)) as client:
        created = client.post("/v1/customers", json={"key": "airline-UA", "name": "United"})
        too_large = client.post("/v1/customers", content=iter([b" " * 65_536] * 20))
        still_there = client.get(created.headers["location"])
        readiness = client.get("/readyz")

    assert (created.status_code, too_large.status_code, still_there.status_code) == (201, 413, 200)
    assert (readiness.status_code, readiness.json()["checks"]) == (
        503,
        {"database": "ok", "migrations": "ok", "temporal": "unreachable"},
    )
    assert "server" not in created.headers


def test_without_its_secrets_the_process_does_not_start_and_names_them(database: Database) -> None:
    names = ("PERENNIAL_STRIPE_WEBHOOK_SECRETS", "PERENNIAL_API_KEY_PEPPER", "PERENNIAL_STRIPE_API_KEY")
    variables = environment(database, **dict.fromkeys(names, ""))

    ended = subprocess.run([sys.executable, "-m", "api"], cwd=ROOT, env=variables, capture_output=True, timeout=60)

    said = ended.stderr.decode()
    assert ended.returncode == 2
    assert all(name in said for name in names)
    assert "Traceback" not in said
