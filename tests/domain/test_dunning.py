from datetime import UTC, datetime, timedelta

import pytest

from domain.dunning import retry_at
from domain.terms import Dunning

FAILED_AT = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)


def retries(dunning: Dunning, first_failed_at: datetime, zone: str) -> list[datetime]:
    """All retries, where each is tried on time and declined."""
    found, after = [], first_failed_at
    while (retry := retry_at(dunning, first_failed_at, after, zone)) is not None:
        found.append(retry)
        after = retry
    return found


def test_a_declined_charge_is_tried_again_after_1_3_5_and_7_days() -> None:
    days = [retry.day for retry in retries(Dunning(), FAILED_AT, "UTC")]
    assert days == [2, 4, 6, 8]
    assert {retry.hour for retry in retries(Dunning(), FAILED_AT, "UTC")} == {10}


def test_a_contract_may_want_it_otherwise_or_not_at_all() -> None:
    [retry] = retries(Dunning(retry_after_days=(14,)), FAILED_AT, "UTC")
    assert retry == datetime(2026, 3, 15, 10, 30, tzinfo=UTC)
    assert retries(Dunning(retry_after_days=()), FAILED_AT, "UTC") == []


def test_an_attempt_out_of_turn_uses_up_no_retry() -> None:
    between = FAILED_AT + timedelta(days=1, hours=5)
    assert retry_at(Dunning(), FAILED_AT, between, "UTC") == datetime(2026, 3, 4, 10, 30, tzinfo=UTC)


def test_retries_that_were_missed_are_not_made_up_for() -> None:
    late = FAILED_AT + timedelta(days=6)
    assert retry_at(Dunning(), FAILED_AT, late, "UTC") == datetime(2026, 3, 8, 10, 30, tzinfo=UTC)
    assert retry_at(Dunning(), FAILED_AT, FAILED_AT + timedelta(days=7), "UTC") is None


@pytest.mark.parametrize(
    ("failed_at", "retry"),
    [
        # Local midnight of 7 March; clocks go forward in New York on the 8th, the retry is local midnight of the 10th.
        (datetime(2026, 3, 7, 5, tzinfo=UTC), datetime(2026, 3, 10, 4, tzinfo=UTC)),
        # Local 23:30 of 31 October; clocks go back on 1 November, the retry is 23:30 of the 3rd.
        (datetime(2026, 11, 1, 3, 30, tzinfo=UTC), datetime(2026, 11, 4, 4, 30, tzinfo=UTC)),
        # 02:30 does not exist on 8 March: the retry is an hour later on that day's clocks, 03:30.
        (datetime(2026, 3, 5, 7, 30, tzinfo=UTC), datetime(2026, 3, 8, 7, 30, tzinfo=UTC)),
    ],
)
def test_a_change_of_the_clock_moves_no_retry_into_another_day(failed_at: datetime, retry: datetime) -> None:
    assert retry_at(Dunning(retry_after_days=(3,)), failed_at, failed_at, "America/New_York") == retry
