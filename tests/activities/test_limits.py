"""Contracts are told of limits at which they bill, and nobody is told for nothing."""

from datetime import UTC, date, datetime

import pytest
from temporalio.client import Client

from activities.limits import UsageLimits
from models.database import Database
from models.usage import ingest
from models.usage_event import UsageEvent
from tests.activities.story import Story, terms
from tests.activities.test_metered import METERS, depart, seats

INTERIM = [{"id": "interim", "amount": "450.00", "action": "invoice"}]
TOLD = "SELECT limit_id, told_at IS NOT NULL FROM usage_limit_passed"


@pytest.fixture
def limits(database: Database, temporal: Client) -> UsageLimits:
    return UsageLimits(database, temporal)


async def test_a_contract_whose_workflow_was_not_started_is_told_later(limits: UsageLimits, database: Database) -> None:
    story = Story(database, terms(seats(), meters=METERS, usage_limits=INTERIM), "con_unstarted")
    story.wake()
    depart(story, "e1", date(2013, 1, 3), seats=100)
    assert await limits.watch() == 2
    assert story.rows(TOLD) == [("interim", False)]
    assert await limits.watch() >= 1
    assert story.rows(TOLD) == [("interim", False)]


async def test_a_contract_that_is_over_has_billed_it(limits: UsageLimits, database: Database) -> None:
    story = Story(database, terms(seats(), meters=METERS, usage_limits=INTERIM, term={"months": 1}), "con_over")
    story.wake()
    depart(story, "e1", date(2013, 1, 3), seats=100)
    await limits.watch()
    assert [one.total_minor for one in story.until(date(2013, 2, 1))] == [45_000]
    await limits.watch()
    assert story.rows(TOLD) == [("interim", True)]


async def test_without_usage_there_is_nothing_to_do(limits: UsageLimits, database: Database) -> None:
    Story(database, terms(seats(), meters=METERS, usage_limits=INTERIM), "con_idle").wake()
    assert await limits.watch() == 1
    assert await limits.watch() == 0


async def test_a_long_transaction_that_stores_usage_holds_up_no_limit(limits: UsageLimits, database: Database) -> None:
    """What is stored counts at once, and what that transaction stores as soon as it is over."""
    alerts = [{"id": f"above_{n}", "line": "seats", "quantity": f"{n}", "action": "alert"} for n in (100, 200)]
    story = Story(database, terms(seats(), meters=METERS, usage_limits=alerts), "con_busy")
    story.wake()
    depart(story, "e1", date(2013, 1, 3), seats=100)
    at = datetime(2013, 1, 4, tzinfo=UTC)
    with database.transaction() as storing:
        ingest(storing, [UsageEvent("slow", "e2", "departure", at, "b6", properties={"seats": 100})])
        assert await limits.watch() == 1
        assert story.rows(TOLD) == [("above_100", True)]
    await limits.watch()
    assert story.rows(TOLD) == [("above_100", True), ("above_200", True)]
