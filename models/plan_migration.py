"""Migrations: which contracts move to a version of their plan, and what has become of each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import CheckConstraint, Column, ColumnElement, ForeignKeyConstraint, Identity, Index, func, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import Field, Session, SQLModel, col, literal, select

from domain.life import MigrationLife, MigrationProgress
from domain.state import ENDED
from models.base import BIG, INSTANT
from models.contract import Contract

Outcome = Literal["moved", "unchanged", "refused", "cancelled"]


class PlanMigration(SQLModel, table=True):
    """One batch. It counts what has become of its contracts; those that are in no count are still to come."""

    __tablename__ = "plan_migration"
    __table_args__ = (
        ForeignKeyConstraint(["plan_id", "version"], ["plan_version.plan_id", "plan_version.version"]),
        CheckConstraint("effective IN ('next_period', 'renewal')", name="effective_known"),
        CheckConstraint("moved + unchanged + refused + cancelled <= total", name="counts_each_once"),
        CheckConstraint(
            "(finished_at IS NOT NULL) = (moved + unchanged + refused + cancelled = total)",
            name="finished_with_the_last",
        ),
        Index("ix_plan_migration_unstarted", "sequence", postgresql_where=text("started_at IS NULL")),
    )

    id: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    plan_id: str
    version: int
    effective: str
    total: int = Field(sa_type=BIG)
    moved: int = Field(default=0, sa_type=BIG)
    unchanged: int = Field(default=0, sa_type=BIG)
    refused: int = Field(default=0, sa_type=BIG)
    cancelled: int = Field(default=0, sa_type=BIG)
    created_at: datetime = Field(sa_type=INSTANT)
    started_at: datetime | None = Field(default=None, sa_type=INSTANT)
    finished_at: datetime | None = Field(default=None, sa_type=INSTANT)
    cancelled_at: datetime | None = Field(default=None, sa_type=INSTANT)


class PlanMigrationContract(SQLModel, table=True):
    """One contract of a migration, fixed when that was ordered.

    `change` is what it was asked for, at its version `asked_version`: written before it is asked, so that whoever goes
    on after a crash asks for the same. `contract_version` is the one that has the change.
    """

    __tablename__ = "plan_migration_contract"
    __table_args__ = (
        CheckConstraint("outcome IN ('pending', 'moved', 'unchanged', 'refused', 'cancelled')", name="outcome_known"),
        CheckConstraint("(outcome = 'refused') = (reason IS NOT NULL)", name="refused_for_a_reason"),
        CheckConstraint("(outcome = 'moved') = (contract_version IS NOT NULL)", name="moved_to_a_version"),
        CheckConstraint("(change IS NULL) = (asked_version IS NULL)", name="asked_at_a_version"),
        Index("uq_plan_migration_contract_contract_id", "contract_id", "migration_id", unique=True),
        Index(
            "ix_plan_migration_contract_pending",
            "migration_id",
            "position",
            postgresql_where=text("outcome = 'pending'"),
        ),
    )

    migration_id: str = Field(primary_key=True, foreign_key="plan_migration.id")
    position: int = Field(sa_column=Column(BIG, primary_key=True, autoincrement=False))
    contract_id: str = Field(foreign_key="contract.id")
    outcome: str = "pending"
    reason: str | None = None
    change: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True))
    asked_version: int | None = None
    contract_version: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which contracts are to move to a version: those named, or those on the plan's other versions.

    Of the latter `from_versions` and `customers` leave only some, where they are given.
    """

    plan_id: str
    version: int
    from_versions: tuple[int, ...] = ()
    customers: tuple[str, ...] = ()
    contracts: tuple[str, ...] = ()

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        if self.contracts:
            return [col(Contract.id).in_(self.contracts)]
        plan = col(Contract.terms)["plan"]
        number = plan["version"].as_integer()
        found = [
            plan["id"].as_string() == self.plan_id,
            number != self.version,
            col(Contract.status).not_in(sorted(ENDED)),
        ]
        if self.from_versions:
            found.append(number.in_(self.from_versions))
        if self.customers:
            found.append(col(Contract.customer_id).in_(self.customers))
        return found


def unknown_contracts(session: Session, contract_ids: Sequence[str]) -> list[str]:
    """Those ids, in their order, that no contract has."""
    known = set(session.exec(select(Contract.id).where(col(Contract.id).in_(contract_ids))))
    return [contract_id for contract_id in contract_ids if contract_id not in known]


def count_selected(session: Session, selection: Selection) -> int:
    return session.exec(select(func.count()).select_from(Contract).where(*selection.conditions)).one()


def list_selected(session: Session, selection: Selection, *, after: int | None, limit: int) -> Sequence[Contract]:
    """Selected contracts, newest first, that are older than the one numbered `after`."""
    query = select(Contract).where(*selection.conditions).order_by(col(Contract.sequence).desc()).limit(limit)
    if after is not None:
        query = query.where(col(Contract.sequence) < after)
    return session.exec(query).all()


def progress_of(row: PlanMigration) -> MigrationProgress:
    """What has become of the migration's contracts so far."""
    return MigrationProgress(row.total, row.moved, row.unchanged, row.refused, row.cancelled)


def life_of(row: PlanMigration) -> MigrationLife:
    """What the migration's workflow is started with."""
    return MigrationLife(row.id, row.plan_id, row.version, progress_of(row))


def insert_migration(
    session: Session, migration_id: str, selection: Selection, *, effective: str, at: datetime
) -> PlanMigration:
    """The migration of the contracts that are selected now. Ordered again under its id, it stays as it is."""
    made = session.get(PlanMigration, migration_id)
    if made is not None:
        return made
    row = PlanMigration(
        id=migration_id,
        plan_id=selection.plan_id,
        version=selection.version,
        effective=effective,
        total=count_selected(session, selection),
        created_at=at,
    )
    session.add(row)
    session.flush()
    place = func.row_number().over(order_by=col(Contract.sequence))
    chosen = select(literal(migration_id), place, Contract.id, literal("pending")).where(*selection.conditions)
    columns = ["migration_id", "position", "contract_id", "outcome"]
    session.execute(insert(PlanMigrationContract).from_select(columns, chosen))
    # Contracts that were signed since they were counted are among them.
    mine = PlanMigrationContract.migration_id == migration_id
    row.total = session.exec(select(func.count()).select_from(PlanMigrationContract).where(mine)).one()
    session.flush()
    return row


def get_migration(session: Session, migration_id: str) -> PlanMigration | None:
    return session.get(PlanMigration, migration_id)


def lock_migration(session: Session, migration_id: str) -> PlanMigration | None:
    """The migration, kept from other writers until this transaction ends."""
    return session.get(PlanMigration, migration_id, with_for_update=True, populate_existing=True)


def list_migrations(
    session: Session, *, after: int | None, limit: int, plan_id: str | None = None
) -> Sequence[PlanMigration]:
    """Migrations, newest first, that are older than the one numbered `after`."""
    query = select(PlanMigration).order_by(col(PlanMigration.sequence).desc()).limit(limit)
    if plan_id is not None:
        query = query.where(PlanMigration.plan_id == plan_id)
    if after is not None:
        query = query.where(col(PlanMigration.sequence) < after)
    return session.exec(query).all()


def list_contracts(
    session: Session, migration_id: str, *, after: int, limit: int, outcome: str | None = None
) -> Sequence[PlanMigrationContract]:
    """Contracts of a migration, oldest first, whose place is after `after`."""
    mine = select(PlanMigrationContract).where(
        PlanMigrationContract.migration_id == migration_id, col(PlanMigrationContract.position) > after
    )
    if outcome is not None:
        mine = mine.where(PlanMigrationContract.outcome == outcome)
    return session.exec(mine.order_by(col(PlanMigrationContract.position)).limit(limit)).all()


def count_outcomes(session: Session, row: PlanMigration, outcomes: Mapping[Outcome, int], *, at: datetime) -> None:
    """Add to the counts of a locked migration; with its last contract it is finished."""
    for outcome, number in outcomes.items():
        setattr(row, outcome, getattr(row, outcome) + number)
    if not progress_of(row).remaining and row.finished_at is None:
        row.finished_at = at
    session.flush()


def cancel(session: Session, row: PlanMigration, *, at: datetime) -> None:
    """Leave out the contracts of a locked migration that were not asked yet."""
    waiting = (
        col(PlanMigrationContract.migration_id) == row.id,
        col(PlanMigrationContract.outcome) == "pending",
        col(PlanMigrationContract.change).is_(None),
    )
    left_out = update(PlanMigrationContract).where(*waiting).values(outcome="cancelled")
    found = session.execute(left_out.returning(col(PlanMigrationContract.position))).all()
    row.cancelled_at = row.cancelled_at or at
    count_outcomes(session, row, {"cancelled": len(found)}, at=at)


def unstarted(session: Session, *, limit: int, created_before: datetime) -> Sequence[PlanMigration]:
    """Migrations that nobody has begun yet, oldest first."""
    waiting = (
        col(PlanMigration.started_at).is_(None),
        col(PlanMigration.finished_at).is_(None),
        col(PlanMigration.created_at) < created_before,
    )
    return session.exec(select(PlanMigration).where(*waiting).order_by(col(PlanMigration.sequence)).limit(limit)).all()
