"""The gateway on a Stripe-compatible server."""

from collections.abc import Iterator

import pytest

from gateways.stripe import StripeGateway, Timeouts
from sandbox.stripe.running import RunningStripe


@pytest.fixture
def gateway(server: RunningStripe) -> Iterator[StripeGateway]:
    made = StripeGateway("sk_test_gateway", base_url=server.url, timeouts=Timeouts(read_seconds=10))
    yield made
    made.close()
