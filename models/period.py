"""Accounting periods: the months of a book, and whether they take entries."""

from datetime import date
from typing import Literal

from sqlalchemy import CheckConstraint, func, text
from sqlmodel import Field, Session, SQLModel, col, select

import models.base  # noqa: F401 - names what the tables below declare
from domain.journal import MAIN_BOOK

PeriodStatus = Literal["open", "closing", "closed"]


class AccountingPeriod(SQLModel, table=True):
    """One month `[starts_on, ends_on)` of a book. The first entry that needs it creates it, open.

    While it is `closing`, only the close itself posts to it. `generation` counts how often it was opened again.
    """

    __tablename__ = "accounting_period"
    # A month is what its name says, so periods can neither overlap nor leave a gap.
    __table_args__ = (
        CheckConstraint("starts_on = to_date(period, 'YYYY-MM')", name="starts_with_its_month"),
        CheckConstraint("ends_on = starts_on + interval '1 month'", name="ends_with_its_month"),
        CheckConstraint("period = to_char(starts_on, 'YYYY-MM')", name="named_as_year_and_month"),
        CheckConstraint("status IN ('open', 'closing', 'closed')", name="status_known"),
    )

    book: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    starts_on: date
    ends_on: date
    status: str = "open"
    generation: int = 0


class PeriodNotInState(ValueError):
    """The period is not in the state that the change starts from."""


def period_of(day: date) -> str:
    """The period that `day` belongs to, such as "2013-06"."""
    return day.isoformat()[:7]


def periods(session: Session, book: str = MAIN_BOOK) -> list[AccountingPeriod]:
    """Every period that has been needed so far, oldest first."""
    mine = select(AccountingPeriod).where(AccountingPeriod.book == book)
    return list(session.exec(mine.order_by(col(AccountingPeriod.period))).all())


def begin_closing(session: Session, period: str, book: str = MAIN_BOOK) -> None:
    """Stop `period` from taking entries, after waiting for those that are being posted.

    Raises:
        PeriodNotInState: if it is not open.
    """
    _ensure(session, period, book)
    _move(session, period, book, of="open", to="closing")


def post_as_close(session: Session, period: str, book: str = MAIN_BOOK) -> None:
    """Let the rest of this transaction post to `period` while it is closing."""
    session.execute(text("SELECT set_config('ledger.close_run', :run, true)"), {"run": f"{book}:{period}"})


def close(session: Session, period: str, book: str = MAIN_BOOK) -> None:
    """Seal a closing period: it takes no entry of any kind.

    Raises:
        PeriodNotInState: if it is not closing.
    """
    _move(session, period, book, of="closing", to="closed")


def reopen(session: Session, period: str, book: str = MAIN_BOOK) -> None:
    """Let a closed period take entries again, in its next generation.

    Raises:
        PeriodNotInState: if it is not closed, or a later one is.
    """
    later = select(AccountingPeriod).where(
        AccountingPeriod.book == book, AccountingPeriod.period > period, AccountingPeriod.status != "open"
    )
    if session.exec(later).first() is not None:
        raise PeriodNotInState(f"a period after {period} of book {book} is closing or closed")
    _move(session, period, book, of="closed", to="open")


def first_open_day(session: Session, book: str = MAIN_BOOK) -> date | None:
    """The first day that takes entries; None where no period of the book is closing or closed."""
    shut = select(func.max(AccountingPeriod.ends_on)).where(
        AccountingPeriod.book == book, AccountingPeriod.status != "open"
    )
    return session.exec(shut).one()


def _ensure(session: Session, period: str, book: str) -> None:
    session.execute(text("SELECT ledger_ensure_period(:book, :period)"), {"book": book, "period": period})


def _move(session: Session, period: str, book: str, *, of: PeriodStatus, to: PeriodStatus) -> None:
    # The lock queues fairly: posters that come later wait behind the close instead of starving it.
    session.execute(text("SELECT ledger_lock_period(:book, :period)"), {"book": book, "period": period})
    moved = session.execute(
        text(
            "UPDATE accounting_period SET status = :to, generation = generation + :again"
            " WHERE book = :book AND period = :period AND status = :of RETURNING period"
        ),
        {"book": book, "period": period, "of": of, "to": to, "again": int(to == "open")},
    )
    if moved.first() is None:
        raise PeriodNotInState(f"period {period} of book {book} is not {of}")
