"""Limits of usage that were passed: noticed after the usage was stored, each once in a period.

Ingest does nothing for it. A look asks which contracts have limits and got usage since the look before; they are
measured one by one, each in a transaction of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import structlog
from orjson import dumps
from sqlalchemy import CheckConstraint, Column, ForeignKey, Identity, Index, String, UniqueConstraint, text
from sqlmodel import Field, Session, SQLModel, col, select

from domain.errors import UnpricedUsage
from domain.running import limits_reached
from domain.state import ENDED
from models.audit import AuditEntry
from models.audit import record as record_audit
from models.base import BIG, INSTANT, JSON, QUANTITY
from models.contract import Contract, get_contract, state_of
from models.usage_lock import SPACE
from models.usage_running import running_lines

# Who did it, in the audit log: nobody asked.
ACTOR = "system"
LIMITED = "jsonb_array_length(c.terms -> 'usage_limits') > 0"

log = structlog.get_logger()


class PassedLimit(SQLModel, table=True):
    """A limit of a contract that usage has passed in the period that began on `starts_on`, once.

    `used` is what had been used by then, of `bound`. `told_at` is empty until a contract that is to bill it was told.
    """

    __tablename__ = "usage_limit_passed"
    __table_args__ = (
        UniqueConstraint("contract_id", "limit_id", "starts_on"),
        CheckConstraint("action IN ('alert', 'cap', 'invoice')", name="action_known"),
        Index("ix_usage_limit_passed_untold", "sequence", postgresql_where=text("told_at IS NULL")),
    )

    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(always=True), primary_key=True))
    contract_id: str = Field(foreign_key="contract.id")
    limit_id: str
    starts_on: date
    line_id: str | None = None
    action: str
    bound: Decimal = Field(sa_type=QUANTITY)
    used: Decimal = Field(sa_type=QUANTITY)
    passed_at: datetime = Field(sa_type=INSTANT)
    told_at: datetime | None = Field(default=None, sa_type=INSTANT)


class UsageLimitWatch(SQLModel, table=True):
    """A contract with limits, as it was last measured: after its decision `decided`; -1 where usage came since."""

    __tablename__ = "usage_limit_watch"

    contract_id: str = Field(sa_column=Column(String, ForeignKey("contract.id"), primary_key=True))
    decided: int = Field(sa_type=BIG)


class UsageLimitLook(SQLModel, table=True):
    """How far usage was looked at: up to `seq`, and up to `next_seq` once the transactions of `waits_for` are over.

    A transaction may store an event long after it has given it its `seq`; by then it holds a lock of `usage_lock`.
    """

    __tablename__ = "usage_limit_look"
    __table_args__ = (CheckConstraint("id = 1", name="there_is_one"),)

    id: int = Field(primary_key=True)
    seq: int = Field(sa_type=BIG)
    next_seq: int = Field(sa_type=BIG)
    waits_for: list[str] = Field(sa_type=JSON)


@dataclass(frozen=True, slots=True)
class Untold:
    """A limit that a contract is still to be told of, so that it bills its usage; `at` is what its test clock shows."""

    sequence: int
    contract_id: str
    limit_id: str
    starts_on: date
    at: datetime | None


def look(session: Session) -> int:
    """Note which contracts with limits got usage since the last look; how many that were.

    Of several processes one looks, the others find nothing to do.
    """
    last = session.execute(_LAST_SEQ).scalar_one()
    # Read after the number: whoever has given one up to it holds its lock by now, or is done.
    seen = session.execute(_SEEN, {"space": SPACE}).one_or_none()
    if seen is None or last == seen.seq:
        return 0
    noted = session.execute(_NOTE, {"seq": seen.seq}).all()
    if not set(seen.waits_for) & set(seen.holders):
        session.execute(_GO_ON, {"next_seq": last, "waits_for": dumps(seen.holders).decode()})
    return len(noted)


def have_measured(session: Session, contract_id: str) -> None:
    """Have the contract measured again."""
    session.execute(_AGAIN, {"contract_id": contract_id})


def is_measured(session: Session, contract_id: str) -> bool:
    """Whether the contract was measured since it was asked for, and knows of what it is to bill."""
    measured: bool = session.execute(_MEASURED, {"contract_id": contract_id}).scalar_one()
    return measured


def unmeasured(session: Session, *, limit: int) -> Sequence[str]:
    """The contracts with limits that got usage, or decided something, since they were measured last."""
    return session.execute(_UNMEASURED, {"limit": limit}).scalars().all()


def measure(session: Session, contract_id: str) -> Sequence[PassedLimit]:
    """The limits that the contract has passed in its running period and that were not noted in it before.

    Whatever is stored after this has read the usage makes the contract one to be measured again.
    """
    if session.execute(_TAKE, {"contract_id": contract_id}).first() is None:
        return []
    contract = get_contract(session, contract_id)
    assert contract is not None
    state = state_of(contract)
    try:
        reached = limits_reached(state.terms, running_lines(session, state))
    except UnpricedUsage as error:
        log.warning("usage_unpriced", contract_id=contract_id, error=error.message)
        return []
    passed = [one for one in reached if one.passed]
    noted: list[int] = []
    for one in passed:
        values = {
            "contract_id": contract_id,
            "limit_id": one.limit.id,
            "starts_on": one.starts_on,
            "line_id": one.limit.line,
            "action": one.limit.action,
            "bills": one.limit.action == "invoice",
            "bound": one.limit.bound,
            "used": one.used,
        }
        noted += session.execute(_PASS, values).scalars()
    found = session.exec(select(PassedLimit).where(col(PassedLimit.sequence).in_(noted))).all() if noted else []
    for row in found:
        _audit(session, row)
    return found


def untold(session: Session, *, limit: int) -> list[Untold]:
    """The limits at which contracts are still to be told to bill, in the order in which they were passed."""
    return [Untold(*row) for row in session.execute(_UNTOLD, {"limit": limit})]


def mark_told(session: Session, sequence: int) -> None:
    """Note that the contract knows of a limit that it has passed."""
    session.execute(_TELL, {"sequence": sequence})


def has_ended(session: Session, contract_id: str) -> bool:
    """Whether the contract is over."""
    return session.exec(select(Contract.status).where(Contract.id == contract_id)).one() in ENDED


def passed_limits(
    session: Session, *, before: int | None, limit: int, contract_id: str | None = None
) -> Sequence[PassedLimit]:
    """Limits that were passed, newest first, before the one numbered `before`."""
    query = select(PassedLimit).order_by(col(PassedLimit.sequence).desc()).limit(limit)
    if before is not None:
        query = query.where(col(PassedLimit.sequence) < before)
    if contract_id is not None:
        query = query.where(PassedLimit.contract_id == contract_id)
    return session.exec(query).all()


def _audit(session: Session, row: PassedLimit) -> None:
    entry = AuditEntry(
        at=row.passed_at,
        actor=ACTOR,
        request_id=f"limit/{row.sequence}",
        route="",
        action="usage.limit_passed",
        object_id=row.contract_id,
    )
    record_audit(session, entry)


_LAST_SEQ = text("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM usage_seq")
_SEEN = text("""
    SELECT seq, waits_for, ARRAY(
      SELECT DISTINCT virtualtransaction FROM pg_locks
      WHERE locktype = 'advisory' AND CAST(classid AS bigint) = :space
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ) AS holders
    FROM usage_limit_look WHERE id = 1 FOR UPDATE SKIP LOCKED
""")
_NOTE = text(f"""
    INSERT INTO usage_limit_watch (contract_id, decided)
    SELECT DISTINCT e.contract_id, -1 FROM usage_event e JOIN contract c ON c.id = e.contract_id
    WHERE e.seq > :seq AND {LIMITED}
    ON CONFLICT (contract_id) DO UPDATE SET decided = -1
    RETURNING contract_id
""")
_GO_ON = text("""
    UPDATE usage_limit_look SET seq = next_seq, next_seq = :next_seq, waits_for = CAST(:waits_for AS jsonb) WHERE id = 1
""")
_AGAIN = text("""
    INSERT INTO usage_limit_watch (contract_id, decided) VALUES (:contract_id, -1)
    ON CONFLICT (contract_id) DO UPDATE SET decided = -1
""")
_MEASURED = text("""
    SELECT NOT EXISTS (SELECT FROM usage_limit_watch WHERE contract_id = :contract_id AND decided < 0)
      AND NOT EXISTS (SELECT FROM usage_limit_passed WHERE contract_id = :contract_id AND told_at IS NULL)
""")
_UNMEASURED = text(f"""
    SELECT c.id FROM contract c LEFT JOIN usage_limit_watch w ON w.contract_id = c.id
    WHERE {LIMITED} AND c.status NOT IN ('cancelled', 'expired') AND (w.decided IS NULL OR w.decided < c.decided)
    ORDER BY c.sequence LIMIT :limit
""")
# Taken before usage is read, so that a look which comes meanwhile waits, and then has it measured again.
_TAKE = text("""
    INSERT INTO usage_limit_watch (contract_id, decided) SELECT id, decided FROM contract WHERE id = :contract_id
    ON CONFLICT (contract_id) DO UPDATE SET decided = excluded.decided
    WHERE usage_limit_watch.decided < excluded.decided
    RETURNING contract_id
""")
_PASS = text("""
    INSERT INTO usage_limit_passed (contract_id, limit_id, starts_on, line_id, action, bound, used, passed_at, told_at)
    VALUES (:contract_id, :limit_id, :starts_on, :line_id, :action, :bound, :used, now(),
      CASE WHEN CAST(:bills AS boolean) THEN NULL ELSE now() END)
    ON CONFLICT (contract_id, limit_id, starts_on) DO NOTHING
    RETURNING sequence
""")
_UNTOLD = text("""
    SELECT p.sequence, p.contract_id, p.limit_id, p.starts_on, t.now_at
    FROM usage_limit_passed p JOIN contract c ON c.id = p.contract_id LEFT JOIN test_clock t ON t.id = c.clock_id
    WHERE p.told_at IS NULL ORDER BY p.sequence LIMIT :limit
""")
_TELL = text("UPDATE usage_limit_passed SET told_at = now() WHERE sequence = :sequence AND told_at IS NULL")
