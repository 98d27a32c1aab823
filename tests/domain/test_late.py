"""Periods that were billed and cost something else now."""

from domain.commands import Cancel
from tests.domain.ledger import Used, account
from tests.domain.shell import change, per_unit, terms

METERS = [{"id": "calls", "aggregate": "sum"}]
CALLS = {"id": "calls", "price": per_unit("0.50"), "meter": "calls", "bill": "arrears"}
TIERS = {"model": "graduated", "tiers": [{"up_to": 100, "unit": "1.00"}, {"up_to": None, "unit": "0.50"}]}


def test_late_usage_is_rated_with_its_own_period_on_the_next_invoice() -> None:
    """90 at 1.00; with 30 more the period is 100 at 1.00 and 20 at 0.50: 20.00 more."""
    agreed = terms({**CALLS, "price": TIERS}, start="2026-01-01", meters=METERS)
    used = [Used("2026-01-15", "90"), Used("2026-01-30", "30", told="2026-02-03"), Used("2026-02-10", "10")]
    told = account(agreed, "2026-03-31", used=used)
    assert told.lines(1) == [("calls", "usage", "10.00"), ("calls", "adjustment", "20.00")]
    late = told.documents[1].lines[1]
    assert (str(late.starts_on), str(late.ends_on), late.quantity) == ("2026-01-01", "2026-02-01", "120")
    assert [step.label for step in late.steps] == ["up to 100", "above 100", "billed before"]
    assert told.revenue == {"2026-01": "110.00", "2026-02": "10.00"}


def test_late_usage_of_a_period_without_a_line_makes_one() -> None:
    agreed = terms(CALLS, start="2026-01-01", meters=METERS)
    told = account(agreed, "2026-03-31", used=[Used("2026-01-30", "30", told="2026-02-03")])
    assert told.totals == [("2026-03-01", "15.00")]


def test_adjustments_stand_in_the_order_of_their_periods_and_of_the_lines() -> None:
    """The quarter of calls is billed after the months of data, and begins before those that are adjusted."""
    data = {"id": "data", "price": per_unit("1.00"), "meter": "data", "bill": "arrears"}
    meters = [*METERS, {"id": "data", "aggregate": "sum"}]
    agreed = terms({**CALLS, "every": "quarter"}, data, start="2026-01-01", meters=meters)
    late = [Used(f"2026-0{month}-10", str(month), "2026-04-05", "data") for month in (3, 2)]
    told = account(agreed, "2026-05-31", used=[*late, Used("2026-03-20", "10", "2026-04-06")])
    assert [(line, amount) for line, _, amount in told.lines(0)] == [
        ("calls", "5.00"),
        ("data", "2.00"),
        ("data", "3.00"),
    ]


def test_late_usage_counts_in_its_own_month_of_a_long_period() -> None:
    quarterly = {**CALLS, "every": "quarter"}
    agreed = terms(quarterly, start="2026-01-01", meters=METERS)
    used = [Used("2026-01-05", "10"), Used("2026-02-05", "20"), Used("2026-02-10", "6", told="2026-05-05")]
    assert account(agreed, "2026-07-31", used=used).revenue == {"2026-01": "5.00", "2026-02": "13.00"}
    closed = account(agreed, "2026-07-31", used=used, closed_until={"2026-05-01": "2026-04-01"})
    assert closed.revenue == {"2026-01": "5.00", "2026-02": "10.00", "2026-06": "3.00"}


def test_usage_that_was_voided_after_its_invoice_is_credited_with_the_next() -> None:
    agreed = terms(CALLS, start="2026-01-01", meters=METERS)
    used = [Used("2026-01-15", "100"), Used("2026-01-16", "-40", told="2026-02-03")]
    told = account(agreed, "2026-03-31", used=used)
    assert told.totals == [("2026-02-01", "50.00"), ("2026-03-01", "-20.00")]
    assert told.revenue == {"2026-01": "30.00"}
    assert told.documents[1].corrects == told.documents[0].id
    assert told.balances("2026-03-31") == {"receivable": "30.00", "revenue": "30.00"}


def test_a_fixed_discount_is_taken_off_a_period_once() -> None:
    """60.00 - 10.00; with 30 units more 75.00 - 10.00."""
    discounts = [{"id": "ten", "amount": "10.00"}]
    agreed = terms(CALLS, start="2026-01-01", meters=METERS, discounts=discounts)
    used = [Used("2026-01-15", "120"), Used("2026-01-30", "30", told="2026-02-03"), Used("2026-02-10", "50")]
    told = account(agreed, "2026-03-31", used=used)
    assert told.lines(1) == [("calls", "usage", "15.00"), ("calls", "adjustment", "15.00")]


def test_a_backdated_price_rates_the_billed_period_anew() -> None:
    """20 of 30 calls came after 16 January: 20 x 0.50 more."""
    agreed = terms(CALLS, start="2026-01-01", meters=METERS)
    used = [Used("2026-01-10", "10"), Used("2026-01-20", "20")]
    steps = [("2026-02-10", change("calls", price=per_unit("1.00"), effective="2026-01-16"))]
    told = account(agreed, "2026-02-28", steps, used)
    assert told.lines(1) == [("calls", "adjustment", "10.00")]
    assert told.revenue == {"2026-01": "25.00"}
    # What came late is rated with both prices.
    late = [*used, Used("2026-01-05", "2", told="2026-02-20"), Used("2026-01-25", "4", told="2026-02-20")]
    assert account(agreed, "2026-03-31", steps, late).lines(2) == [("calls", "adjustment", "5.00")]


def test_a_backdated_price_that_waits_for_the_next_invoice_is_earned_before_it() -> None:
    agreed = terms(CALLS, start="2026-01-01", meters=METERS)
    steps = [("2026-02-10", change("calls", price=per_unit("1.00"), effective="2026-01-16", invoice="next"))]
    told = account(agreed, "2026-03-31", steps, [Used("2026-01-20", "20"), Used("2026-02-20", "3")])
    assert told.lines(1) == [("calls", "usage", "3.00"), ("calls", "adjustment", "10.00")]
    assert told.balances("2026-02-28")["unbilled_receivable"] == "13.00"


def test_the_last_invoice_takes_up_what_came_late() -> None:
    agreed = terms(CALLS, start="2026-01-01", meters=METERS)
    steps = [("2026-02-10", Cancel(when="now", credit="none"))]
    told = account(agreed, "2026-03-31", steps, [Used("2026-01-30", "30", told="2026-02-03")])
    assert told.totals == [("2026-02-10", "15.00")]
    assert told.revenue == {"2026-01": "15.00"}
