"""One server for all tests of this folder; each test has customers of its own, and leaves no fault or clock behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.stripe.running import RunningStripe, running_stripe
from tests.sandbox.stripe.receiver import Receiver
from tests.sandbox.stripe.shop import Shop, sdk


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStripe]:
    with running_stripe(tmp_path_factory.mktemp("stripe") / "stripe.db", first_retry_seconds=0.02) as running:
        yield running


@pytest.fixture
def shop(server: RunningStripe) -> Iterator[Shop]:
    with sdk(server.url) as client:
        yield Shop(client, server.admin, server.url)
    server.admin.clear_faults()
    server.admin.set_clock()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "stripe.db"
