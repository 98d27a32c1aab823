"""Events and contracts that wait are brought to their workflows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from temporalio.client import Client, WorkflowExecutionStatus

from activities import dispatching
from activities.dispatching import UNMATCHED_AFTER_TRIES, Dispatcher
from domain.contract import sign
from gateways.payment import IntentStatus
from models.contract import insert_contract
from models.database import Database
from models.dispatch import take_waiting
from models.inbox import WebhookEvent, insert_event
from tests.activities.gateway import FakeGateway
from tests.activities.story import line, per_unit, terms
from tests.activities.till import Till
from tests.api.given import rows
from tests.api.live import add_customer
from tests.live import until, working

RECEIVED_AT = datetime(2013, 1, 1, tzinfo=UTC)
OUTCOMES = "SELECT id, outcome FROM webhook_event ORDER BY sequence"


@pytest.fixture
def dispatcher(database: Database, temporal: Client) -> Dispatcher:
    return Dispatcher(database, temporal)


@pytest.fixture
async def running(dispatcher: Dispatcher) -> AsyncIterator[None]:
    """The dispatcher at work as in a worker process."""
    task = asyncio.create_task(dispatcher.run())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def receive(database: Database, event_id: str, intent_id: str, news: str = "payment_intent.succeeded") -> None:
    event = WebhookEvent(id=event_id, type=news, object_id=intent_id, payload={}, received_at=RECEIVED_AT)
    with database.transaction() as session:
        insert_event(session, event)


def let_time_pass(database: Database, by: str) -> None:
    """As if every event had been tried that much earlier."""
    with database.transaction() as session:
        session.execute(text("UPDATE webhook_event SET tried_at = tried_at - CAST(:by AS interval)"), {"by": by})


async def test_what_is_not_about_a_payment_is_ignored(dispatcher: Dispatcher, database: Database) -> None:
    receive(database, "evt_1", "cus_1", "customer.created")
    receive(database, "evt_2", "ch_1", "charge.succeeded")
    assert await dispatcher.dispatch_events() == 2
    assert rows(database, OUTCOMES) == [("evt_1", "ignored"), ("evt_2", "ignored")]
    assert await dispatcher.dispatch_events() == 0


async def test_news_of_a_payment_that_has_succeeded_is_known(dispatcher: Dispatcher, database: Database) -> None:
    Till(database, FakeGateway()).charge()
    receive(database, "evt_1", "pi_1")
    await dispatcher.dispatch_events()
    assert rows(database, OUTCOMES) == [("evt_1", "known")]


async def test_news_of_a_payment_whose_first_charge_is_under_way_waits_for_it(
    dispatcher: Dispatcher, database: Database
) -> None:
    till = Till(database, FakeGateway(outcomes=["processing"]))
    till.charge()
    receive(database, "evt_1", "pi_1")
    await dispatcher.dispatch_events()
    assert rows(database, "SELECT outcome, tries FROM webhook_event") == [(None, 1)]


async def test_news_of_an_intent_that_nobody_knows_is_given_up_in_the_end_and_stays_visible(
    dispatcher: Dispatcher, database: Database
) -> None:
    receive(database, "evt_1", "pi_unknown")
    for tries in range(1, UNMATCHED_AFTER_TRIES + 1):
        assert await dispatcher.dispatch_events() == 1
        assert rows(database, "SELECT outcome, tries FROM webhook_event") == [(None, tries)]
        let_time_pass(database, "1 hour")
    await dispatcher.dispatch_events()
    assert rows(database, OUTCOMES) == [("evt_1", "unmatched")]


def test_between_two_tries_the_pause_doubles_up_to_four_minutes(database: Database) -> None:
    receive(database, "evt_1", "pi_unknown")
    for pause_s in (2, 4, 8, 16, 32, 64, 128, 256, 256):
        assert _taken(database) == ["evt_1"]
        let_time_pass(database, f"{pause_s - 1} seconds")
        assert _taken(database) == []
        let_time_pass(database, "1 second")


def test_two_that_dispatch_at_once_share_the_events(database: Database) -> None:
    receive(database, "evt_1", "pi_unknown")
    with database.transaction() as first:
        assert [event.id for event in take_waiting(first, limit=10)] == ["evt_1"]
        receive(database, "evt_2", "pi_unknown")
        assert _taken(database) == ["evt_2"]


def _taken(database: Database) -> list[str]:
    with database.transaction() as session:
        return [event.id for event in take_waiting(session, limit=10)]


@pytest.mark.usefixtures("running")
async def test_a_payment_that_succeeds_later_is_settled_by_its_event(database: Database, temporal: Client) -> None:
    """The first charge is still processing when it is answered; the event alone tells that it has succeeded."""
    gateway = FakeGateway(outcomes=["processing"])
    stored_contract(database)
    async with working(temporal, database, gateway):

        async def in_collection() -> bool:
            running = "WorkflowType = 'Collection' AND ExecutionStatus = 'Running'"
            return any([found async for found in temporal.list_workflows(running)])

        async def handled() -> bool:
            return rows(database, OUTCOMES) != [("evt_1", None)]

        await until(in_collection)
        intent = gateway.intents["pi_1"]
        gateway.intents["pi_1"] = replace(intent, status=IntentStatus.SUCCEEDED, received_minor=intent.amount_minor)
        receive(database, "evt_1", "pi_1")
        await until(handled)
    assert rows(database, "SELECT status, paid_minor FROM invoice") == [("paid", 10_00)]
    assert len(gateway.named("confirm")) == 1


async def test_a_new_event_is_acted_on_at_once_not_at_the_next_sweep(
    dispatcher: Dispatcher, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "SWEEP_SECONDS", 3600)

    async def listening() -> bool:
        return bool(rows(database, "SELECT FROM pg_stat_activity WHERE query = 'LISTEN webhook_inbox'"))

    async def handled() -> bool:
        return rows(database, OUTCOMES) == [("evt_1", "ignored")]

    task = asyncio.create_task(dispatcher.run())
    await until(listening)
    receive(database, "evt_1", "cus_1", "customer.created")
    await until(handled)
    task.cancel()
    await asyncio.wait({task})


@pytest.mark.usefixtures("running")
async def test_a_contract_that_was_stored_without_temporal_is_started_by_the_sweep(
    database: Database, temporal: Client
) -> None:
    contract_id = stored_contract(database)

    async def started() -> bool:
        return rows(database, "SELECT workflow_started_at IS NOT NULL FROM contract") == [(True,)]

    await until(started)
    description = await temporal.get_workflow_handle(f"contract/{contract_id}").describe()
    assert description.status == WorkflowExecutionStatus.RUNNING


async def test_a_contract_that_was_stored_a_moment_ago_is_left_to_the_api(
    dispatcher: Dispatcher, database: Database
) -> None:
    stored_contract(database)
    with database.transaction() as session:
        session.execute(text("UPDATE contract SET created_at = now()"))
    assert await dispatcher.start_contracts() == 0


async def test_a_contract_whose_workflow_runs_already_is_only_noted(
    dispatcher: Dispatcher, database: Database, temporal: Client
) -> None:
    stored_contract(database)
    assert await dispatcher.start_contracts() == 1
    with database.transaction() as session:
        session.execute(text("UPDATE contract SET workflow_started_at = NULL"))
    assert await dispatcher.start_contracts() == 1
    assert await dispatcher.start_contracts() == 0


def stored_contract(database: Database) -> str:
    """The id of a contract that was stored long ago, starts today and is billed by the year."""
    add_customer(database)
    contract_id = f"con_{database.url.rpartition('/')[2]}"
    agreed = terms(line("plan", per_unit("10.00"), every="year"), start=datetime.now(UTC).date())
    with database.transaction() as session:
        insert_contract(session, sign(contract_id, "cus_b6", agreed), clock_id=None, at=RECEIVED_AT)
    return contract_id
