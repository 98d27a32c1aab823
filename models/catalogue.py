"""Products, plans and the versions of plans. A version that was published never changes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import CheckConstraint, Column, Identity, Index, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, Session, SQLModel, col, select

from domain import catalogue
from domain.catalogue import PlanTerms
from models.base import BIG, INSTANT, JSON

VersionStatus = Literal["draft", "published", "retired"]


class Product(SQLModel, table=True):
    """Something that is sold, by the id that it has in the caller's own systems."""

    __tablename__ = "product"

    id: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    name: str
    description: str | None = None
    created_at: datetime = Field(sa_type=INSTANT)


class Plan(SQLModel, table=True):
    """A named way to buy a product."""

    __tablename__ = "plan"

    id: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    product_id: str = Field(foreign_key="product.id", index=True)
    name: str
    created_at: datetime = Field(sa_type=INSTANT)


class PlanVersion(SQLModel, table=True):
    """What a plan costs: a draft until it is published, and then final; retired, nobody signs on it any more."""

    __tablename__ = "plan_version"
    __table_args__ = (
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_iso_4217"),
        CheckConstraint("version >= 1", name="counts_from_one"),
        CheckConstraint("status IN ('draft', 'published', 'retired')", name="status_known"),
        CheckConstraint("(status = 'draft') = (published_at IS NULL)", name="published_at_an_instant"),
        CheckConstraint("(status = 'retired') = (retired_at IS NOT NULL)", name="retired_at_an_instant"),
        Index("ix_plan_version_published", "plan_id", "version", postgresql_where=text("status = 'published'")),
    )

    plan_id: str = Field(primary_key=True, foreign_key="plan.id")
    version: int = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    request_id: str = Field(unique=True)
    status: str = "draft"
    currency: str
    terms: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(sa_type=INSTANT)
    published_at: datetime | None = Field(default=None, sa_type=INSTANT)
    retired_at: datetime | None = Field(default=None, sa_type=INSTANT)


def insert_product(session: Session, product: catalogue.Product, at: datetime) -> bool:
    """Store a product. False where its id is taken; what is there stays as it is."""
    values = product.model_dump() | {"created_at": at}
    new = insert(Product).values(values).on_conflict_do_nothing().returning(col(Product.id))
    return session.execute(new).first() is not None


def get_product(session: Session, product_id: str) -> Product | None:
    return session.get(Product, product_id)


def list_products(session: Session, *, after: int | None, limit: int) -> Sequence[Product]:
    """Products, newest first, that are older than the one numbered `after`."""
    query = select(Product).order_by(col(Product.sequence).desc()).limit(limit)
    if after is not None:
        query = query.where(col(Product.sequence) < after)
    return session.exec(query).all()


def insert_plan(session: Session, plan: catalogue.Plan, at: datetime) -> bool:
    """Store a plan. False where its id is taken; what is there stays as it is."""
    values = {"id": plan.id, "product_id": plan.product, "name": plan.name, "created_at": at}
    new = insert(Plan).values(values).on_conflict_do_nothing().returning(col(Plan.id))
    return session.execute(new).first() is not None


def get_plan(session: Session, plan_id: str) -> Plan | None:
    return session.get(Plan, plan_id)


def list_plans(session: Session, *, after: int | None, limit: int, product_id: str | None = None) -> Sequence[Plan]:
    """Plans, newest first, that are older than the one numbered `after`."""
    query = select(Plan).order_by(col(Plan.sequence).desc()).limit(limit)
    if after is not None:
        query = query.where(col(Plan.sequence) < after)
    if product_id is not None:
        query = query.where(Plan.product_id == product_id)
    return session.exec(query).all()


def plan_ids(session: Session) -> Sequence[str]:
    """The ids of all plans, oldest first."""
    return session.exec(select(Plan.id).order_by(col(Plan.sequence))).all()


def insert_draft(
    session: Session, plan_id: str, terms: PlanTerms, *, request_id: str, at: datetime
) -> tuple[PlanVersion, bool] | None:
    """The plan's next version as a draft, and whether it is new: the same request makes it once.

    None where there is no such plan. Who else adds to the plan waits for this transaction to end.
    """
    if session.get(Plan, plan_id, with_for_update=True, populate_existing=True) is None:
        return None
    made = session.exec(select(PlanVersion).where(PlanVersion.request_id == request_id)).first()
    if made is not None:
        return made, False
    latest = session.exec(select(func.max(PlanVersion.version)).where(PlanVersion.plan_id == plan_id)).one()
    draft = PlanVersion(
        plan_id=plan_id,
        version=(latest or 0) + 1,
        request_id=request_id,
        currency=terms.currency,
        terms=terms.model_dump(mode="json"),
        created_at=at,
    )
    session.add(draft)
    session.flush()
    return draft, True


def get_version(session: Session, plan_id: str, version: int) -> PlanVersion | None:
    return session.get(PlanVersion, (plan_id, version))


def lock_version(session: Session, plan_id: str, version: int) -> PlanVersion | None:
    """The version, kept from other writers until this transaction ends."""
    return session.get(PlanVersion, (plan_id, version), with_for_update=True, populate_existing=True)


def latest_published(session: Session, plan_id: str) -> PlanVersion | None:
    """The published version of a plan with the highest number."""
    mine = select(PlanVersion).where(PlanVersion.plan_id == plan_id, PlanVersion.status == "published")
    return session.exec(mine.order_by(col(PlanVersion.version).desc()).limit(1)).first()


def list_versions(session: Session, plan_id: str, *, after: int | None, limit: int) -> Sequence[PlanVersion]:
    """A plan's versions, newest first, that are older than the one numbered `after`."""
    query = select(PlanVersion).where(PlanVersion.plan_id == plan_id)
    if after is not None:
        query = query.where(col(PlanVersion.version) < after)
    return session.exec(query.order_by(col(PlanVersion.version).desc()).limit(limit)).all()


def terms_of(row: PlanVersion) -> PlanTerms:
    """What the version agrees on."""
    return PlanTerms.model_validate(row.terms)


def change_draft(row: PlanVersion, terms: PlanTerms) -> None:
    """Give a draft other terms. The database refuses it for any other version."""
    row.currency, row.terms = terms.currency, terms.model_dump(mode="json")


def publish(row: PlanVersion, at: datetime) -> None:
    """Make a draft final and let contracts be signed on it."""
    row.status, row.published_at = "published", at


def retire(row: PlanVersion, at: datetime) -> None:
    """Let nobody sign on a published version any more."""
    row.status, row.retired_at = "retired", at
