"""Limits of usage on real rows: noticed once in a period, and never missed."""

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from domain.commands import SetUsageLimits
from domain.offers import UsageLimit
from models.database import Database
from models.usage import ingest
from models.usage_event import UsageEvent
from models.usage_limit import look, mark_told, measure, unmeasured, untold
from tests.activities.story import Story, terms
from tests.activities.test_metered import METERS, depart, seats

ALERT = {"id": "alert", "line": "seats", "quantity": "100", "action": "alert"}
CAP = {"id": "cap", "amount": "900.00", "action": "cap"}
PASSED = "SELECT limit_id, starts_on, used FROM usage_limit_passed ORDER BY sequence"


def limited(database: Database, *limits: dict[str, Any], contract_id: str = "con_1") -> Story:
    story = Story(database, terms(seats(), meters=METERS, usage_limits=limits), contract_id)
    story.wake()
    return story


def watch(database: Database) -> list[str]:
    """The ids of the limits that are noted by one look and what it finds to measure."""
    database.run(look)
    contracts = database.run(lambda session: unmeasured(session, limit=100))
    return [one.limit_id for id_ in contracts for one in database.run(partial(measure, contract_id=id_))]


@pytest.fixture
def story(database: Database) -> Story:
    return limited(database, ALERT, CAP)


def test_a_limit_is_noted_once_in_a_period_with_what_was_used(story: Story, database: Database) -> None:
    """100 seats at 4.50 reach the alert; 200 come to 900.00, which is the cap."""
    depart(story, "e1", date(2013, 1, 3), seats=99)
    assert watch(database) == []
    depart(story, "e2", date(2013, 1, 4), seats=1)
    assert watch(database) == ["alert"]
    depart(story, "e3", date(2013, 1, 5), seats=100)
    assert watch(database) == ["cap"]
    depart(story, "e4", date(2013, 1, 6), seats=100)
    assert watch(database) == []
    assert story.rows(PASSED) == [
        ("alert", date(2013, 1, 1), Decimal(100)),
        ("cap", date(2013, 1, 1), Decimal("900.00")),
    ]
    assert story.rows("SELECT actor, action, object_id FROM audit_log") == [
        ("system", "usage.limit_passed", "con_1"),
        ("system", "usage.limit_passed", "con_1"),
    ]


def test_the_next_period_begins_anew_also_with_usage_that_came_before_it(story: Story, database: Database) -> None:
    depart(story, "e1", date(2013, 1, 3), seats=100)
    depart(story, "e2", date(2013, 2, 3), seats=120)
    assert watch(database) == ["alert"]
    story.until(date(2013, 2, 1))
    assert watch(database) == ["alert"]
    assert story.rows(PASSED) == [
        ("alert", date(2013, 1, 1), Decimal(100)),
        ("alert", date(2013, 2, 1), Decimal(120)),
    ]


def test_a_lower_limit_is_noticed_without_new_usage(story: Story, database: Database) -> None:
    depart(story, "e1", date(2013, 1, 3), seats=50)
    assert watch(database) == []
    lower = UsageLimit.model_validate({**ALERT, "quantity": "50"})
    story.apply(SetUsageLimits(limits=(lower,)), datetime(2013, 1, 10, tzinfo=UTC))
    assert watch(database) == ["alert"]


def test_a_contract_without_limits_is_never_measured(database: Database) -> None:
    story = limited(database)
    depart(story, "e1", date(2013, 1, 3), seats=500)
    assert database.run(look) == 0
    assert database.run(lambda session: unmeasured(session, limit=10)) == []


def test_nothing_new_is_measured_twice(story: Story, database: Database) -> None:
    depart(story, "e1", date(2013, 1, 3), seats=5)
    for _ in range(3):
        watch(database)
    # By now no transaction is left that could store an event with an earlier number.
    assert database.run(look) == 0
    assert database.run(lambda session: unmeasured(session, limit=10)) == []


def test_an_event_that_commits_after_later_ones_is_not_missed(story: Story, database: Database) -> None:
    """A slow batch has its numbers when a look passes over them; it is found once it is stored."""
    at = datetime(2013, 1, 2, tzinfo=UTC)
    depart(story, "first of its month", date(2013, 1, 2), seats=1)
    assert watch(database) == []
    event = UsageEvent("slow", "e0", "departure", at, "b6", properties={"seats": 100})
    with database.transaction() as slow:
        ingest(slow, [event])
        depart(story, "e1", date(2013, 1, 3), seats=1)
        for _ in range(4):
            assert watch(database) == []
    assert watch(database) == ["alert"]


def test_of_two_that_look_at_once_one_does(story: Story, database: Database) -> None:
    depart(story, "e1", date(2013, 1, 3), seats=5)
    with database.transaction() as first:
        assert look(first) == 1
        assert database.run(look) == 0


def test_usage_that_comes_while_a_contract_is_measured_has_it_measured_again(story: Story, database: Database) -> None:
    depart(story, "e1", date(2013, 1, 3), seats=60)
    database.run(look)
    with database.transaction() as session:
        assert list(measure(session, "con_1")) == []
    depart(story, "e2", date(2013, 1, 3), seats=60)
    assert watch(database) == ["alert"]


def test_a_crash_before_the_telling_leaves_it_to_be_told(database: Database) -> None:
    limits = [{"id": "interim", "amount": "450.00", "action": "invoice"}, ALERT]
    story = limited(database, *limits)
    depart(story, "e1", date(2013, 1, 3), seats=100)
    assert watch(database) == ["interim", "alert"]
    [waiting] = database.run(lambda session: untold(session, limit=10))
    assert (waiting.contract_id, waiting.limit_id, waiting.starts_on) == ("con_1", "interim", date(2013, 1, 1))
    database.run(lambda session: mark_told(session, waiting.sequence))
    assert database.run(lambda session: untold(session, limit=10)) == []


def test_usage_without_a_price_holds_up_nobody_else(database: Database) -> None:
    nowhere = {"model": "matrix", "cells": [{"when": {"origin": "EWR"}, "unit": "6.00"}]}
    line = {**seats(), "price": nowhere}
    broken = Story(database, terms(line, meters=METERS, usage_limits=[CAP]))
    broken.wake()
    depart(broken, "e1", date(2013, 1, 3), seats=100, origin="JFK")
    assert watch(database) == []
    assert watch(database) == []
