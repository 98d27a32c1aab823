"""When a declined charge is tried again."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.terms import Dunning


def retry_at(dunning: Dunning, first_failed_at: datetime, after: datetime, zone: str) -> datetime | None:
    """The first retry that lies after the instant `after`; None when no retry is left.

    Days are counted from the first failure on the clocks of `zone`, so a change of the clock moves no retry into
    another day. An attempt out of turn, after a new payment method, uses up no retry.
    """
    local = first_failed_at.astimezone(ZoneInfo(zone))
    for days in dunning.retry_after_days:
        retry = (local + timedelta(days=days)).astimezone(UTC)
        if retry > after:
            return retry
    return None
