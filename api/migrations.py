"""Migrations: contracts move to another version of their plan, many at once. A workflow asks each of them."""

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query, Response
from pydantic import Field
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from api import temporal
from api.calls import Call, CurrentCall
from api.fields import Output
from api.migration_asking import NewMigration, selected
from api.pages import Cursor, Limit, Page, decode_cursor, page, page_by
from api.plan_versions import Number
from api.problems import not_found
from api.routing import api_router, needs
from domain.errors import RefusedChange
from domain.migrating import MoveEffective
from models import plan_migration
from models.plan_migration import PlanMigration, PlanMigrationContract, life_of, progress_of

router = api_router("/v1", "Migrations")

Outcome = Literal["pending", "moved", "unchanged", "refused", "cancelled"]


class MigrationOut(Output):
    """A migration and how far it has come."""

    id: str = Field(examples=["mig_0f6d2c1b"])
    plan: str
    version: int
    effective: MoveEffective
    status: Literal["waiting", "running", "finished", "cancelled"]
    total: int = Field(description="How many contracts were selected when it was ordered.")
    moved: int
    unchanged: int = Field(description="On the version, or on their way to it, before.")
    refused: int
    cancelled: int
    remaining: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancelled_at: datetime | None


class MovedContract(Output):
    contract_id: str
    outcome: Outcome
    reason: str | None = Field(description="Why it was refused.")
    version: int | None = Field(description="The contract's version with the move.")


@router.post(
    "/plans/{plan_id}/versions/{version}/migrations",
    status_code=202,
    operation_id="migrateContracts",
    summary="Move contracts to a version of their plan",
    responses={409: {}},
    dependencies=[needs("contracts:write")],
)
async def migrate_contracts(
    plan_id: str, version: Number, body: NewMigration, call: CurrentCall, response: Response
) -> MigrationOut:
    """The contracts are chosen now and asked one by one: its Location tells how far it has come."""
    row = await run_in_threadpool(
        call.parts.database.run, lambda session: _ordered(session, call, plan_id, version, body)
    )
    # The dispatcher starts what is not started here.
    with suppress(temporal.Unreachable):
        await temporal.start_migration(temporal.connected(call.parts.temporal), life_of(row))
    response.headers["Location"] = f"/v1/migrations/{row.id}"
    return _shown(row)


def _ordered(session: Session, call: Call, plan_id: str, version: int, body: NewMigration) -> PlanMigration:
    selection = selected(session, plan_id, version, body)
    if not plan_migration.count_selected(session, selection):
        raise RefusedChange(f"no contract is on another version of {plan_id} that was asked for")
    migration_id = call.new_id("mig")
    row = plan_migration.insert_migration(session, migration_id, selection, effective=body.effective, at=call.at)
    call.audit(session, "migration.ordered", migration_id)
    return row


@router.get(
    "/migrations",
    operation_id="listMigrations",
    summary="List migrations, newest first",
    dependencies=[needs("contracts:read")],
)
def list_migrations(
    call: CurrentCall,
    cursor: Cursor = None,
    limit: Limit = 50,
    plan: Annotated[str | None, Query(max_length=64, description="Only those of this plan.")] = None,
) -> Page[MigrationOut]:
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        rows = plan_migration.list_migrations(session, after=after, limit=limit + 1, plan_id=plan)
    return page(rows, limit, _shown)


@router.get(
    "/migrations/{migration_id}",
    operation_id="getMigration",
    summary="How far a migration has come",
    dependencies=[needs("contracts:read")],
)
def get_migration(migration_id: str, call: CurrentCall) -> MigrationOut:
    with call.parts.database.transaction() as session:
        return _shown(_existing(session, migration_id))


@router.get(
    "/migrations/{migration_id}/contracts",
    operation_id="listMigratedContracts",
    summary="What became of each contract of a migration, oldest first",
    dependencies=[needs("contracts:read")],
)
def list_contracts(
    migration_id: str,
    call: CurrentCall,
    cursor: Cursor = None,
    limit: Limit = 50,
    outcome: Annotated[Outcome | None, Query(description="Only those of this outcome.")] = None,
) -> Page[MovedContract]:
    after = decode_cursor(cursor) or 0
    with call.parts.database.transaction() as session:
        _existing(session, migration_id)
        rows = plan_migration.list_contracts(session, migration_id, after=after, limit=limit + 1, outcome=outcome)
    return page_by(rows, limit, _contract, lambda row: row.position)


@router.post(
    "/migrations/{migration_id}/cancel",
    operation_id="cancelMigration",
    summary="Ask no more contracts of a migration",
    responses={409: {}},
    dependencies=[needs("contracts:write")],
)
def cancel_migration(migration_id: str, call: CurrentCall) -> MigrationOut:
    """Contracts that were asked already move. 409 where it is finished."""

    def cancelled(session: Session) -> MigrationOut:
        row = plan_migration.lock_migration(session, migration_id)
        if row is None:
            raise not_found("migration", migration_id)
        if row.cancelled_at is None:
            if row.finished_at is not None:
                raise RefusedChange("the migration is finished")
            plan_migration.cancel(session, row, at=call.at)
            call.audit(session, "migration.cancelled", migration_id)
        return _shown(row)

    return call.parts.database.run(cancelled)


def _existing(session: Session, migration_id: str) -> PlanMigration:
    row = plan_migration.get_migration(session, migration_id)
    if row is None:
        raise not_found("migration", migration_id)
    return row


def _shown(row: PlanMigration) -> MigrationOut:
    return MigrationOut(
        id=row.id,
        plan=row.plan_id,
        version=row.version,
        effective=row.effective,  # type: ignore[arg-type]  # the database checks it
        status=_status(row),
        total=row.total,
        moved=row.moved,
        unchanged=row.unchanged,
        refused=row.refused,
        cancelled=row.cancelled,
        remaining=progress_of(row).remaining,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        cancelled_at=row.cancelled_at,
    )


def _status(row: PlanMigration) -> Literal["waiting", "running", "finished", "cancelled"]:
    if row.cancelled_at is not None:
        return "cancelled"
    if row.finished_at is not None:
        return "finished"
    return "running" if row.started_at is not None else "waiting"


def _contract(row: PlanMigrationContract) -> MovedContract:
    return MovedContract(
        contract_id=row.contract_id,
        outcome=row.outcome,  # type: ignore[arg-type]  # the database checks it
        reason=row.reason,
        version=row.contract_version,
    )
