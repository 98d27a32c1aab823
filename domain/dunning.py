"""When a declined charge is tried again."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.terms import Dunning


def retry_at(dunning: Dunning, failures: int, first_failed_at: datetime, zone: str) -> datetime | None:
    """The instant of the retry after `failures` failed attempts; None once the last retry has failed.

    Days are counted from the first failure on the clocks of `zone`, so a change of the clock moves no retry
    into another day.
    """
    if failures > len(dunning.retry_after_days):
        return None
    local = first_failed_at.astimezone(ZoneInfo(zone))
    return (local + timedelta(days=dunning.retry_after_days[failures - 1])).astimezone(UTC)
