"""Usage that is billed before its period is over, and the difference that follows."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from domain.commands import BillUsage, Cancel, MoveAnchor, Reactivate, SetUsageLimits, Wake
from domain.contract import decide, sign
from domain.errors import RefusedChange
from domain.offers import UsageLimit
from domain.rating import Usage
from domain.running import limits_reached, running, valued
from domain.terms import Terms
from tests.domain.ledger import Used, account
from tests.domain.shell import Steps, change, flat, instant, per_unit, terms

METERS = [{"id": "calls", "aggregate": "sum"}]
TIERS = {"model": "graduated", "tiers": [{"up_to": 100, "unit": "1.00"}, {"up_to": None, "unit": "0.50"}]}
CALLS: dict[str, Any] = {"id": "calls", "price": TIERS, "meter": "calls", "bill": "arrears"}
FEE: dict[str, Any] = {"id": "fee", "price": flat("28.00")}
LIMITS = [
    {"id": "first", "amount": "50.00", "action": "invoice"},
    {"id": "second", "amount": "110.00", "action": "invoice"},
]
USED = [Used("2026-01-05", "60"), Used("2026-01-12", "60"), Used("2026-01-25", "20")]


def agreed(*lines: dict[str, Any], **more: Any) -> Terms:
    return terms(*lines, **{"start": "2026-01-01", "meters": METERS, "usage_limits": LIMITS, **more})


def passed(limit: str, at: str, starts_on: str = "2026-01-01") -> tuple[str, BillUsage]:
    return at, BillUsage.model_validate({"limit": limit, "starts_on": starts_on})


def test_the_regular_invoice_bills_only_the_difference_in_one_run_of_tiers() -> None:
    """60 x 1.00; with 60 more 100 x 1.00 + 20 x 0.50 less 60.00; with the last 20 all comes to 120.00."""
    steps: Steps = [passed("first", "2026-01-06"), passed("second", "2026-01-13")]
    told = account(agreed(CALLS), "2026-02-28", steps, USED)
    assert told.totals == [("2026-01-06", "60.00"), ("2026-01-13", "50.00"), ("2026-02-01", "10.00")]
    assert [told.lines(number) for number in range(3)] == [
        [("calls", "usage", "60.00")],
        [("calls", "adjustment", "50.00")],
        [("calls", "adjustment", "10.00")],
    ]
    assert told.revenue == {"2026-01": "120.00"}
    assert told.balances("2026-02-28") == {"receivable": "120.00", "revenue": "120.00"}


def test_the_next_period_is_billed_as_ever() -> None:
    used = [*USED, Used("2026-02-10", "8")]
    told = account(agreed(FEE, CALLS), "2026-03-02", [passed("first", "2026-01-06")], used)
    assert told.totals == [
        ("2026-01-01", "28.00"),
        ("2026-01-06", "60.00"),
        ("2026-02-01", "88.00"),
        ("2026-03-01", "36.00"),
    ]
    assert told.lines(3) == [("fee", "charge", "28.00"), ("calls", "usage", "8.00")]


def test_revenue_of_a_long_period_is_that_of_its_months() -> None:
    """A quarter: 60.00 in January, all billed; 60 calls in February are 40 x 1.00 + 20 x 0.50."""
    quarter = {**CALLS, "every": "quarter"}
    used = [Used("2026-01-05", "60"), Used("2026-02-05", "60"), Used("2026-03-05", "4")]
    told = account(agreed(quarter), "2026-04-02", [passed("first", "2026-01-06")], used)
    assert told.totals == [("2026-01-06", "60.00"), ("2026-04-01", "52.00")]
    assert told.revenue == {"2026-01": "60.00", "2026-02": "50.00", "2026-03": "2.00"}
    assert told.balances("2026-02-28") == {"receivable": "60.00", "unbilled_receivable": "50.00", "revenue": "110.00"}


def test_usage_of_the_day_of_the_invoice_is_revenue_of_the_period_once() -> None:
    used = [Used("2026-01-06T09:00", "60"), Used("2026-01-06T11:00", "10")]
    told = account(agreed(CALLS), "2026-02-28", [passed("first", "2026-01-06T10:00")], used)
    assert told.totals == [("2026-01-06", "60.00"), ("2026-02-01", "10.00")]
    assert told.revenue == {"2026-01": "70.00"}
    assert told.balances("2026-02-28") == {"receivable": "70.00", "revenue": "70.00"}


def test_a_price_that_changes_after_it_rates_each_call_at_its_own_time() -> None:
    """60 x 1.00, then 60 x 2.00 and 20 x 2.00 from the 10th on."""
    steps: Steps = [passed("first", "2026-01-06"), ("2026-01-10", change("calls", price=per_unit("2.00")))]
    told = account(agreed({**CALLS, "price": per_unit("1.00")}), "2026-02-28", steps, USED)
    assert told.totals == [("2026-01-06", "60.00"), ("2026-02-01", "160.00")]
    assert told.revenue == {"2026-01": "220.00"}


def test_a_cancellation_bills_the_difference_up_to_it() -> None:
    steps: Steps = [passed("first", "2026-01-06"), ("2026-01-20", Cancel(when="now"))]
    told = account(agreed(FEE, CALLS), "2026-02-28", steps, USED)
    assert told.lines(2) == [("fee", "credit", "-10.84"), ("calls", "adjustment", "50.00")]
    assert told.balances("2026-02-28") == {"receivable": "127.16", "revenue": "127.16"}


def test_a_contract_that_is_taken_up_again_goes_on_where_it_was_billed() -> None:
    """Cancelled on the 10th, taken up again on the 20th: the 60 calls between are not served."""
    steps: Steps = [
        passed("first", "2026-01-06"),
        ("2026-01-10", Cancel(when="now")),
        ("2026-01-20", Reactivate()),
    ]
    told = account(agreed({**CALLS, "price": per_unit("1.00")}, reactivation_days=30), "2026-02-28", steps, USED)
    assert told.totals == [("2026-01-06", "60.00"), ("2026-02-01", "20.00")]


def test_commitments_and_prepaid_credits_count_every_part_once() -> None:
    """200.00 were committed, 120.00 used; 70.00 of credits pay for the first 60.00 and 10.00 of what follows."""
    offers: dict[str, Any] = {
        "commitments": [{"id": "least", "amount": "200.00", "lines": ["calls"], "every": "month"}],
        "credits": [{"id": "prepaid", "paid": "70.00", "grants": "70.00"}],
        "term": {"months": 1},
    }
    told = account(agreed(CALLS, **offers), "2026-02-28", [passed("first", "2026-01-06")], USED)
    assert told.totals == [("2026-01-01", "70.00"), ("2026-01-06", "0.00"), ("2026-02-01", "130.00")]
    assert told.lines(2) == [
        ("calls", "adjustment", "60.00"),
        ("least", "true_up", "80.00"),
        ("prepaid", "drawn", "-10.00"),
    ]
    assert told.balances("2026-02-28") == {"receivable": "200.00", "revenue": "200.00"}


def test_late_usage_after_the_period_is_an_adjustment_of_it() -> None:
    used = [*USED, Used("2026-01-30", "10", told="2026-02-10")]
    told = account(agreed(CALLS), "2026-03-31", [passed("first", "2026-01-06")], used)
    assert told.totals == [("2026-01-06", "60.00"), ("2026-02-01", "60.00"), ("2026-03-01", "5.00")]


def test_the_difference_waits_for_the_grace_time_and_the_part_does_not() -> None:
    used = [*USED, Used("2026-01-30", "10", told="2026-02-01T12:00")]
    told = account(agreed(CALLS, usage_grace_hours=24), "2026-02-28", [passed("first", "2026-01-06")], used)
    assert told.totals == [("2026-01-06", "60.00"), ("2026-02-02", "65.00")]
    assert told.revenue == {"2026-01": "125.00"}


def test_a_regular_invoice_within_the_period_leaves_it_to_its_end() -> None:
    quarter = {**CALLS, "every": "quarter"}
    told = account(agreed(FEE, quarter), "2026-04-02", [passed("first", "2026-01-06")], USED)
    assert [total for _, total in told.totals] == ["28.00", "60.00", "28.00", "28.00", "88.00"]


def test_a_limit_is_billed_once_in_a_period_and_only_in_its_own() -> None:
    steps: Steps = [
        passed("first", "2026-01-06"),
        passed("first", "2026-01-07"),
        passed("first", "2026-01-08", "2025-12-01"),
    ]
    told = account(agreed(CALLS), "2026-02-28", steps, USED, may_refuse=True)
    assert told.totals == [("2026-01-06", "60.00"), ("2026-02-01", "60.00")]
    state = decide(sign("con_1", "cus_1", agreed(CALLS)), Wake(), instant("2026-01-01", "UTC")).state
    with pytest.raises(RefusedChange, match="no limit 'none' waits"):
        decide(state, passed("none", "2026-01-02")[1], instant("2026-01-02", "UTC"))


def test_the_anchor_does_not_move_in_a_period_that_was_billed_in_part() -> None:
    steps: Steps = [passed("first", "2026-01-06"), ("2026-01-08", MoveAnchor(anchor_day=15))]
    with pytest.raises(RefusedChange, match="billed in part"):
        account(agreed(CALLS), "2026-02-28", steps, USED)


def test_limits_are_set_anew() -> None:
    limits = SetUsageLimits(
        limits=(UsageLimit.model_validate({"id": "other", "amount": "10.00", "action": "invoice"}),)
    )
    steps: Steps = [("2026-01-06", limits), passed("first", "2026-01-07"), passed("other", "2026-01-08")]
    told = account(agreed(CALLS), "2026-02-28", steps, USED, may_refuse=True)
    assert told.totals == [("2026-01-08", "60.00"), ("2026-02-01", "60.00")]


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ({"amount": "1.00", "quantity": "1"}, "either an amount or a quantity"),
        ({}, "either an amount or a quantity"),
        ({"quantity": "1"}, "name it"),
        ({"quantity": "1", "line": "fee"}, "not among metered lines"),
        ({"amount": "1.005"}, "usage limit cap: amount"),
        ({"amount": "1.00", "line": "calls", "action": "invoice"}, "leave it out"),
    ],
)
def test_a_limit_that_means_nothing_is_refused(limit: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        agreed(FEE, CALLS, usage_limits=[{"id": "cap", **limit}])


def test_a_minimum_passes_no_limit_before_anything_is_used() -> None:
    least = terms(
        {**CALLS, "price": per_unit("1.00", minimum="90.00")}, start="2026-01-01", meters=METERS, usage_limits=LIMITS
    )
    state = decide(sign("con_1", "cus_1", least), Wake(), instant("2026-01-01", "UTC")).state
    nothing = valued(least, running(state), lambda item: Usage(Decimal(0)))
    assert nothing[0].amount_minor == 9_000
    assert [one.passed for one in limits_reached(least, nothing)] == [False, False]
    one_call = valued(least, running(state), lambda item: Usage(Decimal(1)))
    assert [one.passed for one in limits_reached(least, one_call)] == [True, False]
