import pytest

from models.database import Database
from tests.activities.gateway import FakeGateway
from tests.activities.till import Till


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def till(database: Database, gateway: FakeGateway) -> Till:
    """An open invoice of 100.00 whose customer has a card."""
    return Till(database, gateway)
