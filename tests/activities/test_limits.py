"""Contracts are told of limits at which they bill, and nobody is told for nothing."""

from datetime import date

import pytest
from temporalio.client import Client

from activities.limits import UsageLimits
from models.database import Database
from models.usage_lock import lock_shared
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


async def test_a_contract_whose_usage_is_being_stored_holds_up_no_other(database: Database, temporal: Client) -> None:
    alert = [{"id": "alert", "line": "seats", "quantity": "10", "action": "alert"}]
    held = Story(database, terms(seats(), meters=METERS, usage_limits=alert), "con_held")
    held.wake()
    depart(held, "e1", date(2013, 1, 3), seats=100)
    other = Story(database, terms(seats(), meters=METERS, usage_limits=alert, start=date(2013, 2, 1)), "con_other")
    other.wake()
    impatient = Database(database.url, lock_timeout_s=1)
    try:
        with database.transaction() as storing:
            lock_shared(storing, ["con_held"])
            assert await UsageLimits(impatient, temporal).watch() == 2
        assert other.rows("SELECT contract_id FROM usage_limit_watch WHERE decided >= 0") == [("con_other",)]
        assert await UsageLimits(impatient, temporal).watch() == 1
        assert held.rows(TOLD) == [("alert", True)]
    finally:
        impatient.dispose()
