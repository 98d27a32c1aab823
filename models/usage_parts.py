"""The months that usage is stored by: each has a part of the table, made before its first event comes."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session

_LONGER_THAN_A_MONTH = timedelta(days=32)


def make_parts(session: Session, instants: Iterable[datetime]) -> set[date]:
    """Make what is missing of the parts for these instants, and for the month after each.

    Returns the first days of those months whose events are archived, which have no part any more. Comes before any
    lock on an address: whoever makes a part keeps others from making one until it commits.
    """
    months = {month_of(at) for at in instants}
    wanted = sorted(months | {_next(month) for month in months})
    return set(session.execute(_MAKE, {"months": wanted}).scalars())


def month_of(at: datetime) -> date:
    """The first day of the month, in UTC, in which the instant lies."""
    day = at.astimezone(UTC)
    return date(day.year, day.month, 1)


def _next(month: date) -> date:
    return (month + _LONGER_THAN_A_MONTH).replace(day=1)


_MAKE = text("SELECT usage_make_parts(CAST(:months AS date[]))")
