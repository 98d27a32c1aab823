"""One product on real parts for all stories."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.scenarios.product import Product, running_product


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    # Not under pytest's own folder: that is closed to the user that PostgreSQL runs as.
    with TemporaryDirectory(prefix="perennial-") as home, running_product(Path(home) / "home") as product:
        yield product
