"""Contracts as their workflows last recorded them, and the history of what happened to each."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from pydantic import TypeAdapter
from sqlalchemy import CheckConstraint, Column, Identity, Index, text, update
from sqlmodel import Field, Session, SQLModel, col, select

from domain.due import next_due, service_end
from domain.life import ContractLife
from domain.period import first_instant
from domain.recurring import monthly_value
from domain.state import ContractState
from models.base import BIG, INSTANT, JSON, MINOR
from models.clock import TestClock


class Contract(SQLModel, table=True):
    """What is known of a contract outside its workflow, which alone decides.

    `decided` is the number of the last decision that was recorded. Usage in [starts_at, ends_at) belongs to the
    contract. `workflow_started_at` is empty until somebody has started the workflow.
    """

    __tablename__ = "contract"
    __table_args__ = (
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_iso_4217"),
        CheckConstraint(
            "status IN ('signed', 'trialing', 'active', 'past_due', 'paused', 'cancelled', 'expired')",
            name="status_known",
        ),
        Index("ix_contract_clock_id", "clock_id", postgresql_where=text("clock_id IS NOT NULL")),
        Index(
            "ix_contract_limited",
            "sequence",
            postgresql_where=text("jsonb_array_length(terms -> 'usage_limits') > 0"),
        ),
        Index("ix_contract_unstarted", "sequence", postgresql_where=text("workflow_started_at IS NULL")),
    )

    id: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    customer_id: str = Field(index=True, foreign_key="customer.id")
    clock_id: str | None = None
    currency: str
    status: str
    version: int
    decided: int = Field(default=0, sa_type=BIG)
    terms: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    state: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    starts_at: datetime = Field(sa_type=INSTANT)
    ends_at: datetime | None = Field(default=None, sa_type=INSTANT)
    next_due_at: datetime | None = Field(default=None, sa_type=INSTANT, index=True)
    next_due_reason: str | None = None
    mrr_minor: int = Field(sa_type=MINOR)
    workflow_started_at: datetime | None = Field(default=None, sa_type=INSTANT)
    created_at: datetime = Field(sa_type=INSTANT)


class ContractEvent(SQLModel, table=True):
    """One decision of a contract's workflow: what happened, when, and which version and status came of it."""

    __tablename__ = "contract_event"

    contract_id: str = Field(primary_key=True, foreign_key="contract.id")
    sequence: int = Field(sa_column=Column(BIG, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_type=INSTANT)
    happened: str
    version: int
    status: str
    data: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class Setting(NamedTuple):
    """A contract's time zone, the test clock that it hangs on, if it does, and its terms of dunning."""

    zone: str
    clock_id: str | None
    dunning: dict[str, Any]


def awaiting_payment_method(session: Session, customer_id: str) -> Sequence[tuple[str, datetime | None]]:
    """The customer's contracts whose trial may end, or has ended, only with a payment method to charge.

    With each the time of its test clock, where it hangs on one.
    """
    asks = col(Contract.terms)["without_payment_method"].astext != "bill"
    waits = col(Contract.status).in_(("signed", "trialing", "paused"))
    query = select(Contract.id, TestClock.now_at).join(TestClock, col(TestClock.id) == Contract.clock_id, isouter=True)
    return session.exec(query.where(Contract.customer_id == customer_id, asks, waits).order_by(Contract.id)).all()


def insert_contract(session: Session, state: ContractState, *, clock_id: str | None, at: datetime) -> bool:
    """Store a contract that was just signed. False where its id is taken; what is there stays as it is."""
    stored = session.execute(_INSERT_NEW, _values(state, sequence=0, clock_id=clock_id, at=at))
    return stored.first() is not None


def record(
    session: Session,
    state: ContractState,
    *,
    sequence: int,
    at: datetime,
    happened: str,
    clock_id: str | None = None,
    data: Mapping[str, object] | None = None,
) -> bool:
    """Record decision number `sequence` and keep other writers of the contract out until this transaction ends.

    A decision that comes later than a newer one adds to the history only. False where it was recorded before.
    """
    values = _values(state, sequence=sequence, clock_id=clock_id, at=at)
    values |= {"at": at, "happened": happened, "data": orjson.dumps(dict(data or {})).decode()}
    return session.execute(_RECORD, values).first() is not None


def get_contract(session: Session, contract_id: str) -> Contract | None:
    return session.get(Contract, contract_id)


def state_of(contract: Contract) -> ContractState:
    """The state that the contract's workflow last recorded."""
    return _STATE.validate_python(contract.state)


def life_of(session: Session, contract: Contract) -> ContractLife:
    """What the contract's workflow is started with; on a test clock with the time that the clock shows."""
    clock = session.get(TestClock, contract.clock_id) if contract.clock_id else None
    return ContractLife(
        state_of(contract),
        clock_id=contract.clock_id,
        clock_now=clock.now_at if clock else None,
        sequence=contract.decided,
    )


def setting_of(session: Session, contract_id: str) -> Setting:
    """Where and by which clock the contract lives, and how it is dunned."""
    terms = col(Contract.terms)
    query = select(terms["timezone"].astext, Contract.clock_id, terms["dunning"]).where(Contract.id == contract_id)
    return Setting(*session.exec(query).one())


def list_contracts(
    session: Session,
    *,
    after: int | None,
    limit: int,
    customer_id: str | None = None,
    clock_id: str | None = None,
    status: str | None = None,
    currency: str | None = None,
    next_due_before: datetime | None = None,
) -> Sequence[Contract]:
    """Contracts, newest first, that are older than the one numbered `after`."""
    query = select(Contract).order_by(col(Contract.sequence).desc()).limit(limit)
    if after is not None:
        query = query.where(col(Contract.sequence) < after)
    if next_due_before is not None:
        query = query.where(col(Contract.next_due_at) < next_due_before)
    filters = (
        (Contract.customer_id, customer_id),
        (Contract.clock_id, clock_id),
        (Contract.status, status),
        (Contract.currency, currency),
    )
    for column, wanted in filters:
        if wanted is not None:
            query = query.where(col(column) == wanted)
    return session.exec(query).all()


def contract_events(session: Session, contract_id: str, *, after: int = 0, limit: int = 100) -> Sequence[ContractEvent]:
    """The contract's history from its decision number `after` on, oldest first."""
    mine = select(ContractEvent).where(ContractEvent.contract_id == contract_id, col(ContractEvent.sequence) > after)
    return session.exec(mine.order_by(col(ContractEvent.sequence)).limit(limit)).all()


def mark_started(session: Session, contract_id: str, at: datetime) -> None:
    """Note that the contract's workflow runs. The first time stays."""
    unstarted = (col(Contract.id) == contract_id, col(Contract.workflow_started_at).is_(None))
    session.execute(update(Contract).where(*unstarted).values(workflow_started_at=at))


def unstarted(session: Session, *, limit: int, created_before: datetime) -> Sequence[Contract]:
    """Contracts whose workflow nobody has started yet, oldest first."""
    query = select(Contract).where(
        col(Contract.workflow_started_at).is_(None), col(Contract.created_at) < created_before
    )
    return session.exec(query.order_by(col(Contract.sequence)).limit(limit)).all()


def _values(state: ContractState, *, sequence: int, clock_id: str | None, at: datetime) -> dict[str, object]:
    zone = state.terms.timezone
    end, due = service_end(state), next_due(state)
    return {
        "id": state.contract_id,
        "customer_id": state.customer_id,
        "clock_id": clock_id,
        "currency": state.terms.currency,
        "status": state.status,
        "version": state.version,
        "sequence": sequence,
        "state": _STATE.dump_json(state).decode(),
        "starts_at": first_instant(state.terms.start, zone),
        "ends_at": state.ends_at or (first_instant(end, zone) if end else None),
        "next_due_at": due.at if due else None,
        "next_due_reason": due.reason if due else None,
        "mrr_minor": monthly_value(state),
        "created_at": at,
    }


_STATE: TypeAdapter[ContractState] = TypeAdapter(ContractState)
_INSERT = """
    INSERT INTO contract (
      id, customer_id, clock_id, currency, status, version, decided, terms, state, starts_at, ends_at, next_due_at,
      next_due_reason, mrr_minor, created_at
    )
    SELECT :id, :customer_id, :clock_id, :currency, :status, :version, :sequence, s.state -> 'terms', s.state,
      :starts_at, CAST(:ends_at AS timestamptz), CAST(:next_due_at AS timestamptz), :next_due_reason, :mrr_minor,
      :created_at
    FROM (SELECT CAST(:state AS jsonb) AS state) AS s
"""
_INSERT_NEW = text(f"{_INSERT} ON CONFLICT (id) DO NOTHING RETURNING id")
# The row is locked even where what is stored is newer and stays.
_RECORD = text(f"""
    WITH recorded AS (
      {_INSERT}
      ON CONFLICT (id) DO UPDATE SET
        status = excluded.status, version = excluded.version, decided = excluded.decided, terms = excluded.terms,
        state = excluded.state, ends_at = excluded.ends_at, next_due_at = excluded.next_due_at,
        next_due_reason = excluded.next_due_reason, mrr_minor = excluded.mrr_minor
      WHERE contract.decided < excluded.decided
    )
    INSERT INTO contract_event (contract_id, sequence, at, happened, version, status, data)
    VALUES (:id, :sequence, :at, :happened, :version, :status, CAST(:data AS jsonb))
    ON CONFLICT (contract_id, sequence) DO NOTHING
    RETURNING sequence
""")
