"""The step that moves contracts to another version, run directly against real workflows; it may die anywhere."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import TypeVar

import pytest
from sqlmodel import Session
from temporalio.client import Client

from activities import migrating
from activities.dispatching import Dispatcher
from activities.migrating import Answer, Ask, Migrating
from activities.signatures import MovePage
from activities.starting import start_stored
from domain import keys
from domain.catalogue import Plan, PlanTerms, Product
from domain.commands import Hold
from domain.contract import sign
from domain.life import Amend, Amended, MigrationProgress
from models import catalogue, plan_migration
from models.clock import TestClock, begin_advance, finish_advance, insert_clock
from models.contract import insert_contract
from models.database import Database
from models.plan_migration import Selection
from tests.activities.gateway import FakeGateway
from tests.activities.story import line, per_unit, terms
from tests.api.given import rows
from tests.api.live import add_customer
from tests.live import until, working

NOW = datetime(2013, 1, 16, 12, tzinfo=UTC)
MONTHLY = terms(line("plan", per_unit("10.00")), plan={"id": "pro", "version": 1})
OUTCOMES = "SELECT outcome FROM plan_migration_contract ORDER BY position"

T = TypeVar("T")


@pytest.fixture
async def works(database: Database, temporal: Client) -> AsyncIterator[None]:
    async with working(temporal, database, FakeGateway()):
        yield


@pytest.fixture
def step(database: Database, temporal: Client) -> Migrating:
    return Migrating(database, temporal)


def name(database: Database, prefix: str) -> str:
    """Ids are told apart by the test's database, since the tests of a session share a Temporal server."""
    return f"{prefix}_{database.url.rpartition('/')[2]}"


def order(database: Database, contracts: int) -> str:
    """The id of a migration of contracts whose workflows nobody has started, from 10.00 to 12.00 a month."""
    add_customer(database)
    with database.transaction() as session:
        catalogue.insert_product(session, Product(id="crm", name="CRM"), NOW)
        catalogue.insert_plan(session, Plan(id="pro", product="crm", name="Pro"), NOW)
        for number, amount in enumerate(("10.00", "12.00"), start=1):
            offered = PlanTerms.model_validate({"currency": "USD", "lines": [line("plan", per_unit(amount))]})
            catalogue.insert_draft(session, "pro", offered, request_id=f"plv_{number}", at=NOW)
        insert_clock(session, TestClock(id=name(database, "clk"), name="2013", now_at=NOW, created_at=NOW))
        for number in range(contracts):
            state = sign(f"{name(database, 'con')}_{number}", "cus_b6", MONTHLY)
            insert_contract(session, state, clock_id=name(database, "clk"), at=NOW)
        migration_id = name(database, "mig")
        plan_migration.insert_migration(session, migration_id, Selection("pro", 2), effective="next_period", at=NOW)
    return migration_id


def outcomes(database: Database) -> list[str]:
    return [row[0] for row in rows(database, OUTCOMES)]


class Dies(Migrating):
    """Its worker is killed when the contracts were asked and nothing of it is recorded."""

    async def _read(self, work: Callable[[Session], T]) -> T:
        if not hasattr(self, "_prepared"):
            self._prepared = True
            return await super()._read(work)
        raise ConnectionError("killed")


class Interrupted(Migrating):
    """Somebody changes each contract just before it is asked."""

    async def _asked(self, migration_id: str, ask: Ask) -> Answer | None:
        handle = self._client.get_workflow_handle(keys.contract_workflow_id(ask.contract_id))
        held = Amend(Hold(reason="review"), None, ask.at)
        await handle.execute_update("amend", held, id=f"hold-{ask.contract_id}", result_type=Amended)
        return await super()._asked(migration_id, ask)


@pytest.mark.usefixtures("works")
async def test_contracts_that_nobody_has_started_are_started_and_move(step: Migrating, database: Database) -> None:
    moved = await step.move_page(MovePage(order(database, 3), 0))
    assert (moved.progress, moved.last) == (MigrationProgress(3, moved=3), 3)
    assert outcomes(database) == ["moved"] * 3
    assert rows(database, "SELECT contract_version FROM plan_migration_contract") == [(2,)] * 3
    assert rows(database, "SELECT started_at IS NULL, finished_at IS NULL FROM plan_migration") == [(False, False)]


@pytest.mark.usefixtures("works")
async def test_a_step_that_dies_after_asking_asks_for_the_same_and_changes_nothing_twice(
    step: Migrating, database: Database, temporal: Client
) -> None:
    page = MovePage(order(database, 3), 0)
    with pytest.raises(ConnectionError):
        await Dies(database, temporal).move_page(page)
    assert outcomes(database) == ["pending"] * 3
    assert (await step.move_page(page)).progress == MigrationProgress(3, moved=3)
    assert rows(database, "SELECT contract_version FROM plan_migration_contract") == [(2,)] * 3
    assert (await step.move_page(page)).last is None


@pytest.mark.usefixtures("works")
async def test_a_contract_that_changed_meanwhile_is_asked_anew(
    step: Migrating, database: Database, temporal: Client
) -> None:
    page = MovePage(order(database, 1), 0)
    await start_stored(database, temporal, f"{name(database, 'con')}_0")
    first = await Interrupted(database, temporal).move_page(page)
    assert first.progress == MigrationProgress(1)
    assert rows(database, "SELECT change IS NULL, asked_version IS NULL FROM plan_migration_contract") == [(True, True)]
    assert (await step.move_page(page)).progress == MigrationProgress(1, moved=1)


@pytest.mark.usefixtures("works")
async def test_who_was_asked_moves_although_the_rest_is_cancelled(
    step: Migrating, database: Database, temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "PAGE", 2)
    migration_id = order(database, 5)
    with pytest.raises(ConnectionError):
        await Dies(database, temporal).move_page(MovePage(migration_id, 0))
    with database.transaction() as session:
        row = plan_migration.lock_migration(session, migration_id)
        assert row is not None
        plan_migration.cancel(session, row, at=NOW)
    assert outcomes(database) == ["pending", "pending", "cancelled", "cancelled", "cancelled"]
    moved = await step.move_page(MovePage(migration_id, 0))
    assert moved.progress == MigrationProgress(5, moved=2, cancelled=3)
    assert rows(database, "SELECT finished_at IS NULL FROM plan_migration") == [(False,)]


@pytest.mark.usefixtures("works")
async def test_a_contract_whose_clock_is_on_its_way_waits_for_another_round(
    step: Migrating, database: Database
) -> None:
    page = MovePage(order(database, 2), 0)
    clock_id, later = name(database, "clk"), NOW.replace(day=20)
    with database.transaction() as session:
        begin_advance(session, clock_id, later)
    held_up = await step.move_page(page)
    assert (held_up.progress, held_up.last) == (MigrationProgress(2), 2)
    with database.transaction() as session:
        finish_advance(session, clock_id, later)
    assert (await step.move_page(page)).progress == MigrationProgress(2, moved=2)


@pytest.mark.usefixtures("works")
async def test_what_the_api_could_not_start_is_started_by_the_dispatcher(database: Database, temporal: Client) -> None:
    order(database, 2)
    dispatcher = Dispatcher(database, temporal)
    assert await dispatcher.start_migrations() == 1

    async def finished() -> bool:
        return rows(database, "SELECT finished_at IS NULL FROM plan_migration") == [(False,)]

    await until(finished)
    assert outcomes(database) == ["moved"] * 2
    assert await dispatcher.start_migrations() == 0
