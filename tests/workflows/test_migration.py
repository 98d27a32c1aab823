"""The migration's workflow with a fake step, on a server that skips time."""

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from activities.signatures import CONTRACTS_QUEUE, MigrationSteps, MovedPage, MovePage
from domain.life import MigrationLife, MigrationProgress
from workflows import migration
from workflows.migration import Migration, migration_statement
from workflows.plugin import WORKFLOWS, perennial_plugin
from workflows.starting import start_migration
from workflows.visibility import CONTRACT_STATUS

LIFE = MigrationLife("mig_1", "pro", 2, MigrationProgress(5))


@dataclass
class FakeMigrating(MigrationSteps):
    """Answers with these pages, one after the other; None is an outage."""

    pages: deque[MovedPage | None]
    asked: list[int] = field(default_factory=list)

    @activity.defn(name="move_page")
    async def move_page(self, page: MovePage) -> MovedPage:
        self.asked.append(page.after)
        moved = self.pages.popleft()
        if moved is None:
            raise ApplicationError("no database")
        return moved


@pytest.fixture
def step() -> FakeMigrating:
    return FakeMigrating(deque())


@pytest.fixture
async def migrations(environment: WorkflowEnvironment, step: FakeMigrating) -> AsyncIterator[Client]:
    """A client of a server that skips time, on which a worker with the fake step runs."""
    client = environment.client
    async with Worker(client, task_queue=CONTRACTS_QUEUE, workflows=WORKFLOWS, activities=[step.move_page]):
        yield client


async def begin(client: Client) -> WorkflowHandle[Migration, MigrationProgress]:
    return await start_migration(client, LIFE, within=timedelta(seconds=10))


def page(moved: int, last: int | None, **more: int) -> MovedPage:
    return MovedPage(MigrationProgress(5, moved=moved, **more), last)


async def test_it_goes_on_page_by_page_until_nobody_remains(migrations: Client, step: FakeMigrating) -> None:
    step.pages.extend([page(2, 2), None, page(3, 4, refused=1), page(3, 5, refused=2)])
    handle = await begin(migrations)
    assert await handle.result() == MigrationProgress(5, moved=3, refused=2)
    assert step.asked == [0, 2, 2, 4]
    assert await handle.query(Migration.progress) == MigrationProgress(5, moved=3, refused=2)
    assert (await handle.describe()).typed_search_attributes[CONTRACT_STATUS] == "finished"
    history = await handle.fetch_history()
    await Replayer(workflows=WORKFLOWS, plugins=[perennial_plugin()]).replay_workflow(history)


async def test_who_is_held_up_is_asked_again_after_a_pause(
    environment: WorkflowEnvironment, migrations: Client, step: FakeMigrating
) -> None:
    step.pages.extend([page(4, 5), page(4, None), page(5, 3)])
    before = await environment.get_current_time()
    handle = await begin(migrations)
    assert (await handle.result()).moved == 5
    assert step.asked == [0, 5, 0]
    assert await environment.get_current_time() - before >= migration.PAUSE


async def test_a_long_migration_goes_on_in_new_runs(migrations: Client, step: FakeMigrating) -> None:
    step.pages.extend([*(page(1, place) for place in range(1, migration.PAGES_PER_RUN + 1)), page(5, 999)])
    handle = await begin(migrations)
    assert (await handle.result()).moved == 5
    assert step.asked[-1] == migration.PAGES_PER_RUN
    assert (await handle.describe()).run_id != handle.first_execution_run_id


def test_a_statement_counts_what_became_of_the_contracts() -> None:
    life = MigrationLife("mig_1", "pro", 2, MigrationProgress(9, moved=4, unchanged=1, refused=2, cancelled=1))
    assert migration_statement(life).splitlines() == [
        "- **To**: version 2 of `pro`",
        "- **Contracts**: 9",
        "- **Moved**: 4",
        "- **There already**: 1",
        "- **Refused**: 2",
        "- **Cancelled**: 1",
        "- **Still to come**: 1",
    ]
