"""A migration: many contracts move to another version of their plan, page by page."""

from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributePair, TypedSearchAttributes

with workflow.unsafe.imports_passed_through():
    from activities.signatures import CONTRACTS_QUEUE, MigrationSteps, MovePage
    from domain.life import MigrationLife, MigrationProgress

from workflows.options import HEARTBEAT, SCHEDULED
from workflows.visibility import CONTRACT_STATUS, upsert

PAGES_PER_RUN = 200
# How long to wait for contracts that are held up, by a test clock on its way for one, before they are asked again.
PAUSE = timedelta(seconds=5)


@workflow.defn(name="Migration")
class Migration:
    """Works through the contracts of one migration; what becomes of each stands in the database."""

    @workflow.init
    def __init__(self, life: MigrationLife) -> None:
        self.life = life

    @workflow.run
    async def run(self, life: MigrationLife) -> MigrationProgress:
        """Go on until no contract is left to ask; returns what became of them."""
        self._show()
        for _ in range(PAGES_PER_RUN):
            moved = await workflow.execute_activity_method(
                MigrationSteps.move_page,
                MovePage(life.migration_id, self.life.after),
                task_queue=CONTRACTS_QUEUE,
                start_to_close_timeout=timedelta(minutes=10),
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
                priority=SCHEDULED,
                summary=f"After place {self.life.after}",
            )
            self.life = replace(self.life, progress=moved.progress, after=moved.last or 0)
            self._show()
            if not moved.progress.remaining:
                return moved.progress
            if moved.last is None:
                await workflow.sleep(PAUSE, summary="Wait for contracts that are held up")
        workflow.continue_as_new(self.life)

    @workflow.query(description="What has become of the contracts so far")
    def progress(self) -> MigrationProgress:
        return self.life.progress

    def _show(self) -> None:
        workflow.set_current_details(migration_statement(self.life))
        status = "running" if self.life.progress.remaining else "finished"
        upsert(TypedSearchAttributes([SearchAttributePair(CONTRACT_STATUS, status)]))


def migration_statement(life: MigrationLife) -> str:
    """How far the migration has come, for the Temporal UI."""
    progress = life.progress
    facts = [
        ("To", f"version {life.version} of `{life.plan_id}`"),
        ("Contracts", str(progress.total)),
        ("Moved", str(progress.moved)),
        ("There already", str(progress.unchanged)),
        ("Refused", str(progress.refused)),
        ("Cancelled", str(progress.cancelled)),
        ("Still to come", str(progress.remaining)),
    ]
    return "\n".join(f"- **{name}**: {value}" for name, value in facts)
