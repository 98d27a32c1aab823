"""The gateway on a Stripe-compatible server; no test leaves a fault or a moved clock behind."""

from collections.abc import Iterator

import pytest

from gateways.stripe import StripeGateway, Timeouts
from sandbox.stripe.admin import StripeAdmin
from sandbox.stripe.running import RunningStripe, running_stripe


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStripe]:
    with running_stripe(tmp_path_factory.mktemp("stripe") / "stripe.db") as running:
        yield running


@pytest.fixture
def admin(server: RunningStripe) -> Iterator[StripeAdmin]:
    yield server.admin
    server.admin.clear_faults()
    server.admin.set_clock()


@pytest.fixture
def gateway(server: RunningStripe) -> Iterator[StripeGateway]:
    made = StripeGateway("sk_test_gateway", base_url=server.url, timeouts=Timeouts(read_seconds=10))
    yield made
    made.close()
