"""Coupons, and each time that one was redeemed."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Column, Identity, func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, Session, SQLModel, col, select

from domain import coupon as coupons
from domain.coupon import Redeemed
from domain.money import exact_minor, to_major
from models.base import BIG, INSTANT, JSON, MINOR, QUANTITY


class Coupon(SQLModel, table=True):
    """A code that is a discount for those who sign with it. `redeemed` is how often that was."""

    __tablename__ = "coupon"
    __table_args__ = (
        CheckConstraint("(percent IS NULL) <> (amount_minor IS NULL)", name="percent_or_amount"),
        CheckConstraint("(amount_minor IS NULL) = (currency IS NULL)", name="amount_in_a_currency"),
        CheckConstraint("percent > 0 AND percent <= 100", name="percent_of_a_price"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("redeemed BETWEEN 0 AND coalesce(max_redemptions, redeemed)", name="redeemed_within_limit"),
    )

    code: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    percent: Decimal | None = Field(default=None, sa_type=QUANTITY)
    amount_minor: int | None = Field(default=None, sa_type=MINOR)
    currency: str | None = None
    lines: list[str] = Field(sa_column=Column(JSON, nullable=False))
    periods: int | None = None
    valid_from: datetime | None = Field(default=None, sa_type=INSTANT)
    valid_until: datetime | None = Field(default=None, sa_type=INSTANT)
    max_redemptions: int | None = None
    once_per_customer: bool
    redeemed: int = 0
    created_at: datetime = Field(sa_type=INSTANT)
    deactivated_at: datetime | None = Field(default=None, sa_type=INSTANT)


class CouponRedemption(SQLModel, table=True):
    """A contract that was signed with a coupon."""

    __tablename__ = "coupon_redemption"

    code: str = Field(primary_key=True, foreign_key="coupon.code")
    contract_id: str = Field(primary_key=True, foreign_key="contract.id", index=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    customer_id: str = Field(foreign_key="customer.id", index=True)
    redeemed_at: datetime = Field(sa_type=INSTANT)


def insert_coupon(session: Session, coupon: coupons.Coupon, at: datetime) -> bool:
    """Store a coupon. False where its code is taken; what is there stays as it is."""
    values = coupon.model_dump(exclude={"amount", "lines"})
    values |= {"amount_minor": _minor(coupon), "lines": list(coupon.lines), "redeemed": 0, "created_at": at}
    new = insert(Coupon).values(values).on_conflict_do_nothing().returning(col(Coupon.code))
    return session.execute(new).first() is not None


def get_coupon(session: Session, code: str) -> Coupon | None:
    return session.get(Coupon, code)


def lock_coupon(session: Session, code: str) -> Coupon | None:
    """The coupon, kept from others who redeem it until this transaction ends."""
    return session.get(Coupon, code, with_for_update=True, populate_existing=True)


def lock_coupons(session: Session, codes: Iterable[str]) -> dict[str, Coupon]:
    """The coupons of these codes that exist, by code. All who lock several do so in one order."""
    query = select(Coupon).where(col(Coupon.code).in_(list(codes))).order_by(Coupon.code)
    found = session.exec(query.with_for_update().execution_options(populate_existing=True)).all()
    return {row.code: row for row in found}


def list_coupons(session: Session, *, after: int | None, limit: int) -> Sequence[Coupon]:
    """Coupons, newest first, that are older than the one numbered `after`."""
    query = select(Coupon).order_by(col(Coupon.sequence).desc()).limit(limit)
    if after is not None:
        query = query.where(col(Coupon.sequence) < after)
    return session.exec(query).all()


def coupon_of(row: Coupon) -> coupons.Coupon:
    """What the coupon promises and its limits."""
    amount = None if row.amount_minor is None or row.currency is None else to_major(row.amount_minor, row.currency)
    fields = {name: getattr(row, name) for name in coupons.Coupon.model_fields if name not in ("amount", "lines")}
    return coupons.Coupon(**fields, amount=amount, lines=tuple(row.lines))


def redeemed(session: Session, row: Coupon, customer_id: str) -> Redeemed:
    """How often a coupon was redeemed so far. The caller holds its lock, or that may change at once."""
    mine = select(func.count()).select_from(CouponRedemption)
    mine = mine.where(CouponRedemption.code == row.code, CouponRedemption.customer_id == customer_id)
    return Redeemed(row.redeemed, session.exec(mine).one(), active=row.deactivated_at is None)


def redeem(session: Session, row: Coupon, *, contract_id: str, customer_id: str, at: datetime) -> None:
    """Count the coupon for a contract that is signed in this transaction. The caller holds the coupon's lock."""
    session.add(CouponRedemption(code=row.code, contract_id=contract_id, customer_id=customer_id, redeemed_at=at))
    row.redeemed += 1
    session.flush()


def deactivate_coupon(session: Session, code: str, at: datetime) -> tuple[Coupon, bool] | None:
    """The coupon, which nobody redeems any more, and whether it was good until now. The first instant stays."""
    row = lock_coupon(session, code)
    if row is None:
        return None
    was_active = row.deactivated_at is None
    if was_active:
        row.deactivated_at = at
    return row, was_active


def _minor(coupon: coupons.Coupon) -> int | None:
    return None if coupon.amount is None or coupon.currency is None else exact_minor(coupon.amount, coupon.currency)
