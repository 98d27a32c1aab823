"""Customers and the payment methods they left with the gateway."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, Identity, Index, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, Session, SQLModel, col, select

from models.base import BIG, INSTANT, JSON


class Customer(SQLModel, table=True):
    """Who pays. `key` is the customer's id in the caller's own systems."""

    __tablename__ = "customer"

    id: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    key: str = Field(unique=True)
    name: str
    email: str | None = None
    # SQLAlchemy keeps the attribute name `metadata` for itself.
    labels: dict[str, str] = Field(sa_column=Column("metadata", JSON, nullable=False))
    gateway_customer_id: str | None = Field(default=None, unique=True)
    created_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)


class PaymentMethod(SQLModel, table=True):
    """A card the gateway keeps; here is only what may be shown and the gateway's id to charge it by."""

    __tablename__ = "payment_method"
    __table_args__ = (
        CheckConstraint("last4 ~ '^[0-9]{4}$'", name="last4_is_four_digits"),
        Index("uq_payment_method_default", "customer_id", unique=True, postgresql_where=text("is_default")),
    )

    id: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    customer_id: str = Field(foreign_key="customer.id", index=True)
    gateway_payment_method_id: str = Field(unique=True)
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    is_default: bool = False
    created_at: datetime = Field(sa_type=INSTANT)


def insert_customer(session: Session, customer: Customer) -> bool:
    """Store a customer. False where its id or its key is taken; what is there stays as it is."""
    values = {column.name: getattr(customer, name) for name, column in _CUSTOMER_COLUMNS.items()}
    new = insert(Customer).values(values).on_conflict_do_nothing().returning(col(Customer.id))
    return session.execute(new).first() is not None


def get_customer(session: Session, customer_id: str) -> Customer | None:
    return session.get(Customer, customer_id)


def lock_customer(session: Session, customer_id: str) -> Customer | None:
    """The customer, kept from other writers until this transaction ends."""
    return session.get(Customer, customer_id, with_for_update=True, populate_existing=True)


def find_customer(session: Session, key: str) -> Customer | None:
    return session.exec(select(Customer).where(Customer.key == key)).first()


def resolve_customer(session: Session, reference: str) -> Customer | None:
    """The customer that a caller names by id or by key; the id wins."""
    return get_customer(session, reference) or find_customer(session, reference)


def list_customers(session: Session, *, after: int | None, limit: int, key: str | None = None) -> Sequence[Customer]:
    """Customers, newest first, that are older than the one numbered `after`."""
    query = select(Customer).order_by(col(Customer.sequence).desc()).limit(limit)
    if after is not None:
        query = query.where(col(Customer.sequence) < after)
    if key is not None:
        query = query.where(Customer.key == key)
    return session.exec(query).all()


def change_customer(session: Session, customer_id: str, changes: Mapping[str, Any], at: datetime) -> Customer | None:
    """The customer with `changes` made, None where there is no such customer."""
    customer = lock_customer(session, customer_id)
    if customer is not None:
        for name, value in changes.items():
            setattr(customer, name, value)
        customer.updated_at = at
        session.flush()
    return customer


def adopt_gateway_customer(session: Session, customer_id: str, gateway_customer_id: str) -> str:
    """The gateway's id of this customer for good: the first that was adopted."""
    free = (col(Customer.id) == customer_id, col(Customer.gateway_customer_id).is_(None))
    session.execute(update(Customer).where(*free).values(gateway_customer_id=gateway_customer_id))
    adopted = session.exec(select(Customer.gateway_customer_id).where(Customer.id == customer_id)).one()
    assert adopted is not None
    return adopted


def insert_payment_method(session: Session, method: PaymentMethod) -> bool:
    """Store a payment method. False where the gateway's id is known already; what is there stays as it is."""
    values = method.model_dump(exclude={"sequence"})
    new = insert(PaymentMethod).values(values).on_conflict_do_nothing().returning(col(PaymentMethod.id))
    return session.execute(new).first() is not None


def find_payment_method(session: Session, gateway_payment_method_id: str) -> PaymentMethod | None:
    query = select(PaymentMethod).where(PaymentMethod.gateway_payment_method_id == gateway_payment_method_id)
    return session.exec(query).first()


def payment_method_of(session: Session, customer_id: str, method_id: str) -> PaymentMethod | None:
    """The payment method if it is this customer's."""
    query = select(PaymentMethod).where(PaymentMethod.id == method_id, PaymentMethod.customer_id == customer_id)
    return session.exec(query).first()


def list_payment_methods(
    session: Session, customer_id: str, *, after: int | None, limit: int
) -> Sequence[PaymentMethod]:
    """A customer's payment methods, newest first, that are older than the one numbered `after`."""
    query = select(PaymentMethod).where(PaymentMethod.customer_id == customer_id)
    if after is not None:
        query = query.where(col(PaymentMethod.sequence) < after)
    return session.exec(query.order_by(col(PaymentMethod.sequence).desc()).limit(limit)).all()


def default_payment_method(session: Session, customer_id: str) -> PaymentMethod | None:
    """The payment method that invoices are charged to."""
    query = select(PaymentMethod).where(PaymentMethod.customer_id == customer_id, col(PaymentMethod.is_default))
    return session.exec(query).first()


def payer_of(session: Session, customer_id: str) -> tuple[str | None, str | None]:
    """The gateway's ids of the customer's default payment method and of the customer; None where there is none."""
    mine = (col(PaymentMethod.customer_id) == Customer.id) & col(PaymentMethod.is_default)
    query = (
        select(PaymentMethod.gateway_payment_method_id, Customer.gateway_customer_id)
        .select_from(Customer)
        .join(PaymentMethod, mine, isouter=True)
        .where(Customer.id == customer_id)
    )
    found = session.exec(query).first()
    return (None, None) if found is None else (found[0], found[1])


def make_default(session: Session, customer_id: str, method_id: str) -> bool:
    """Charge this payment method from now on. False where it is the default already.

    The caller holds the customer's lock, or two defaults could meet in the unique index.
    """
    mine = col(PaymentMethod.customer_id) == customer_id
    wanted = session.exec(select(PaymentMethod.is_default).where(mine, PaymentMethod.id == method_id)).one()
    if wanted:
        return False
    session.execute(update(PaymentMethod).where(mine, col(PaymentMethod.is_default)).values(is_default=False))
    session.execute(update(PaymentMethod).where(mine, col(PaymentMethod.id) == method_id).values(is_default=True))
    return True


_CUSTOMER_COLUMNS = {
    attribute.key: attribute.columns[0]
    for attribute in Customer.__mapper__.column_attrs  # type: ignore[attr-defined]
    if attribute.key != "sequence"
}
