"""Quotes as their workflows last recorded them; their versions, their history, and who accepted them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Identity, Index, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, Session, SQLModel, col, select

from domain.quote import Acceptance, QuoteDecision, QuoteState, terms_hash
from domain.quote_approval import ApprovalLimits
from domain.quote_life import QuoteLife
from models.base import BIG, INSTANT, JSON
from models.clock import TestClock

DRAFTED = 0


class Quote(SQLModel, table=True):
    """What is known of a quote outside its workflow, which alone decides.

    `decided` is the number of the last decision that was recorded. Whoever has the link of which `link_digest` is a
    keyed hash may see it. `workflow_started_at` is empty until somebody has started the workflow.
    """

    __tablename__ = "quote"
    __table_args__ = (
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_iso_4217"),
        CheckConstraint(
            "status IN ('draft', 'pending_approval', 'approved', 'sent', 'accepted', 'declined', 'expired',"
            " 'withdrawn')",
            name="status_known",
        ),
        CheckConstraint("(status = 'accepted') = (contract_id IS NOT NULL)", name="accepted_is_a_contract"),
        Index("ix_quote_clock_id", "clock_id", postgresql_where=text("clock_id IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    customer_id: str = Field(index=True, foreign_key="customer.id")
    clock_id: str | None = None
    status: str
    version: int
    decided: int = Field(default=DRAFTED, sa_type=BIG)
    currency: str
    expires_at: datetime = Field(sa_type=INSTANT)
    link_digest: str | None = Field(default=None, unique=True)
    contract_id: str | None = Field(default=None, unique=True, foreign_key="contract.id")
    state: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    workflow_started_at: datetime | None = Field(default=None, sa_type=INSTANT)
    created_at: datetime = Field(sa_type=INSTANT)


class QuoteVersion(SQLModel, table=True):
    """The terms of one version. Rows only ever come."""

    __tablename__ = "quote_version"

    quote_id: str = Field(primary_key=True, foreign_key="quote.id")
    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    terms: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    terms_hash: str
    valid_until: date
    drafted_by: str
    at: datetime = Field(sa_type=INSTANT)


class QuoteEvent(SQLModel, table=True):
    """One decision: what happened, by whom (the id of an API key, none for the customer and time) and why."""

    __tablename__ = "quote_event"

    quote_id: str = Field(primary_key=True, foreign_key="quote.id")
    sequence: int = Field(sa_column=Column(BIG, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_type=INSTANT)
    happened: str
    by: str | None = None
    remark: str | None = None
    version: int
    status: str


class QuoteAcceptance(SQLModel, table=True):
    """Who accepted which version, when and from where, and the contract that it became."""

    __tablename__ = "quote_acceptance"
    __table_args__ = (
        ForeignKeyConstraint(["quote_id", "version"], ["quote_version.quote_id", "quote_version.version"]),
    )

    quote_id: str = Field(primary_key=True)
    version: int
    terms_hash: str
    contract_id: str = Field(unique=True, foreign_key="contract.id")
    name: str
    email: str
    address: str | None = None
    remote_address: str | None = None
    at: datetime = Field(sa_type=INSTANT)


class QuoteLimits(SQLModel, table=True):
    """Limits beyond which a quote needs an approval; the latest count."""

    __tablename__ = "quote_limits"

    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(always=True), primary_key=True))
    limits: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    set_by: str
    at: datetime = Field(sa_type=INSTANT)


def insert_quote(session: Session, state: QuoteState, *, clock_id: str | None, at: datetime) -> bool:
    """Store a new draft. False where its id is taken; what is there stays as it is."""
    values = {
        "id": state.quote_id,
        "customer_id": state.customer_id,
        "clock_id": clock_id,
        "decided": DRAFTED,
        "created_at": at,
        **_known(state),
    }
    new = insert(Quote).values(values).on_conflict_do_nothing().returning(col(Quote.id))
    if session.execute(new).first() is None:
        return False
    _add_version(session, state, at)
    drafted = QuoteDecision(state, f"version {state.version} drafted", state.drafted_by)
    _add_event(session, drafted, sequence=DRAFTED, at=at)
    return True


def record(session: Session, decision: QuoteDecision, *, sequence: int, at: datetime) -> bool:
    """Record decision number `sequence`, with the version or the acceptance that it brings.

    False where it was recorded before. The contract of an acceptance must be stored already.
    """
    state = decision.state
    older = (col(Quote.id) == state.quote_id, col(Quote.decided) < sequence)
    known = session.execute(update(Quote).where(*older).values(decided=sequence, **_known(state)))
    _add_version(session, state, at)
    if state.acceptance is not None:
        _add_acceptance(session, state.quote_id, state.acceptance)
    _add_event(session, decision, sequence=sequence, at=at)
    return bool(known.rowcount)  # type: ignore[attr-defined]  # an update has one


def get_quote(session: Session, quote_id: str) -> Quote | None:
    return session.get(Quote, quote_id)


def find_by_link(session: Session, link_digest: str) -> Quote | None:
    """The quote that a link of this hash opens."""
    return session.exec(select(Quote).where(Quote.link_digest == link_digest)).first()


def state_of(quote: Quote) -> QuoteState:
    """The state that the quote's workflow last recorded."""
    return _STATE.validate_python(quote.state)


def business_time(session: Session, quote: Quote, at: datetime) -> datetime:
    """The time that counts for the quote: that of its test clock where it has one, else `at`."""
    clock = session.get(TestClock, quote.clock_id) if quote.clock_id else None
    return clock.now_at if clock else at


def life_of(session: Session, quote: Quote) -> QuoteLife:
    """What the quote's workflow is started with; on a test clock with the time that the clock shows."""
    clock = session.get(TestClock, quote.clock_id) if quote.clock_id else None
    return QuoteLife(
        state_of(quote), clock_id=quote.clock_id, clock_now=clock.now_at if clock else None, sequence=quote.decided
    )


def list_quotes(
    session: Session, *, after: int | None, limit: int, customer_id: str | None = None, status: str | None = None
) -> Sequence[Quote]:
    """Quotes, newest first, that are older than the one numbered `after`."""
    query = select(Quote).order_by(col(Quote.sequence).desc()).limit(limit)
    if after is not None:
        query = query.where(col(Quote.sequence) < after)
    for column, wanted in ((Quote.customer_id, customer_id), (Quote.status, status)):
        if wanted is not None:
            query = query.where(col(column) == wanted)
    return session.exec(query).all()


def quote_events(session: Session, quote_id: str) -> Sequence[QuoteEvent]:
    """All that happened to the quote, oldest first."""
    mine = select(QuoteEvent).where(QuoteEvent.quote_id == quote_id)
    return session.exec(mine.order_by(col(QuoteEvent.sequence))).all()


def quote_versions(session: Session, quote_id: str) -> Sequence[QuoteVersion]:
    """The quote's versions, oldest first."""
    mine = select(QuoteVersion).where(QuoteVersion.quote_id == quote_id)
    return session.exec(mine.order_by(col(QuoteVersion.version))).all()


def mark_started(session: Session, quote_id: str, at: datetime) -> None:
    """Note that the quote's workflow runs. The first time stays."""
    unstarted = (col(Quote.id) == quote_id, col(Quote.workflow_started_at).is_(None))
    session.execute(update(Quote).where(*unstarted).values(workflow_started_at=at))


def limits_now(session: Session) -> ApprovalLimits:
    """The limits that hold; none until somebody has set some."""
    latest = session.exec(select(QuoteLimits).order_by(col(QuoteLimits.sequence).desc()).limit(1)).first()
    return ApprovalLimits.model_validate(latest.limits) if latest else ApprovalLimits()


def set_limits(session: Session, limits: ApprovalLimits, *, by: str, at: datetime) -> None:
    """Let these limits hold from now on."""
    session.add(QuoteLimits(limits=limits.model_dump(mode="json"), set_by=by, at=at))


def _known(state: QuoteState) -> dict[str, Any]:
    return {
        "status": state.status,
        "version": state.version,
        "currency": state.terms.currency,
        "expires_at": state.expires_at,
        "link_digest": state.link_digest,
        "contract_id": state.acceptance.contract_id if state.acceptance else None,
        "state": _STATE.dump_python(state, mode="json"),
    }


def _add_version(session: Session, state: QuoteState, at: datetime) -> None:
    values = {
        "quote_id": state.quote_id,
        "version": state.version,
        "terms": state.terms.model_dump(mode="json"),
        "terms_hash": terms_hash(state.terms),
        "valid_until": state.valid_until,
        "drafted_by": state.drafted_by,
        "at": at,
    }
    session.execute(insert(QuoteVersion).values(values).on_conflict_do_nothing())


def _add_acceptance(session: Session, quote_id: str, acceptance: Acceptance) -> None:
    values = {
        "quote_id": quote_id,
        "version": acceptance.version,
        "terms_hash": acceptance.terms_hash,
        "contract_id": acceptance.contract_id,
        "name": acceptance.name,
        "email": acceptance.email,
        "address": acceptance.address,
        "remote_address": acceptance.remote_address,
        "at": acceptance.at,
    }
    session.execute(insert(QuoteAcceptance).values(values).on_conflict_do_nothing())


def _add_event(session: Session, decision: QuoteDecision, *, sequence: int, at: datetime) -> None:
    values = {
        "quote_id": decision.state.quote_id,
        "sequence": sequence,
        "at": at,
        "happened": decision.happened,
        "by": decision.by,
        "remark": decision.state.remark,
        "version": decision.state.version,
        "status": decision.state.status,
    }
    session.execute(insert(QuoteEvent).values(values).on_conflict_do_nothing())


_STATE: TypeAdapter[QuoteState] = TypeAdapter(QuoteState)
