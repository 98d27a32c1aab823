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
    months = {date(year, month, 1) for year, month in {_year_and_month(at) for at in instants}}
    wanted = sorted(months | {month_after(month) for month in months})
    return set(session.execute(_MAKE, {"months": wanted}).scalars())


class UsageArchived(Exception):
    """Usage is to be counted in a month whose events are no longer in the database."""


def refuse_archived(session: Session, from_at: datetime, to_at: datetime) -> None:
    """Refuse to count events in the time [from_at, to_at) where some of them are archived.

    Raises:
        UsageArchived: some are.
    """
    months = session.execute(_ARCHIVED, {"from_at": from_at, "to_at": to_at}).scalars().all()
    if months:
        names = ", ".join(f"{month:%Y-%m}" for month in months)
        raise UsageArchived(f"usage of {names} is archived: what was billed of it cannot be counted again")


def month_of(at: datetime) -> date:
    """The first day of the month, in UTC, in which the instant lies."""
    return date(*_year_and_month(at), 1)


def _year_and_month(at: datetime) -> tuple[int, int]:
    day = at if at.tzinfo is UTC else at.astimezone(UTC)
    return day.year, day.month


def month_after(month: date) -> date:
    """The first day of the next month."""
    return (month + _LONGER_THAN_A_MONTH).replace(day=1)


def part_of(month: date) -> str:
    """The name of the part that holds the month, in the schema `usage_part`."""
    return f"y{month:%Y}m{month:%m}"


_MAKE = text("SELECT usage_make_parts(CAST(:months AS date[]))")
_ARCHIVED = text("""
    SELECT month FROM usage_archive
    WHERE CAST(month AS timestamp) AT TIME ZONE 'UTC' < :to_at
      AND CAST(month + interval '1 month' AS timestamp) AT TIME ZONE 'UTC' > :from_at
    ORDER BY month
""")
