"""What is earned before its invoice: usage, arrears, changes that wait, deliveries."""

from domain.commands import Deliver
from tests.domain.ledger import Used, account
from tests.domain.shell import change, flat, per_unit, terms

METERS = [{"id": "calls", "aggregate": "sum"}]
CALLS = {"id": "calls", "price": per_unit("0.10"), "meter": "calls", "every": "quarter", "bill": "arrears"}


def delivered(line: str, percent: str) -> Deliver:
    return Deliver.model_validate({"line": line, "percent": percent})


def test_usage_is_a_claim_of_its_month_until_its_invoice_takes_it() -> None:
    used = [Used("2026-01-15", "500"), Used("2026-02-10", "300")]
    told = account(terms(CALLS, start="2026-01-01", meters=METERS), "2026-04-01", used=used)
    assert told.balances("2026-01-31") == {"unbilled_receivable": "50.00", "revenue": "50.00"}
    assert told.balances("2026-03-31") == {"unbilled_receivable": "80.00", "revenue": "80.00"}
    assert told.balances("2026-04-01") == {"receivable": "80.00", "revenue": "80.00"}


def test_usage_that_comes_late_counts_in_its_own_month_while_that_is_open() -> None:
    used = [Used("2026-01-15", "500"), Used("2026-01-30", "120", told="2026-02-05"), Used("2026-02-10", "300")]
    agreed = terms(CALLS, start="2026-01-01", meters=METERS)
    assert account(agreed, "2026-02-28", used=used).revenue == {"2026-01": "62.00", "2026-02": "30.00"}
    closed = account(agreed, "2026-02-28", used=used, closed_until={"2026-02-03": "2026-02-01"})
    assert closed.revenue == {"2026-01": "50.00", "2026-02": "42.00"}


def test_usage_belongs_to_the_local_month() -> None:
    """04:30 UTC on 1 February is 31 January in New York."""
    agreed = terms(CALLS, start="2026-01-01", timezone="America/New_York", meters=METERS)
    used = [Used("2026-02-01T04:30", "100"), Used("2026-02-01T05:30", "40")]
    assert account(agreed, "2026-02-28", used=used).revenue == {"2026-01": "10.00", "2026-02": "4.00"}


def test_arrears_are_earned_day_by_day() -> None:
    """365.00 a year."""
    fee = {"id": "fee", "price": flat("365.00"), "every": "year", "bill": "arrears"}
    told = account(terms(fee, start="2026-01-01"), "2026-03-31")
    assert told.revenue == {"2026-01": "31.00", "2026-02": "28.00", "2026-03": "31.00"}
    assert told.balances("2026-03-31") == {"unbilled_receivable": "90.00", "revenue": "90.00"}


def test_a_backdated_price_in_arrears_counts_in_the_months_it_concerns() -> None:
    """2.00 a day from 1 February on, decided on 10 March: 28.00 more for February."""
    fee = {"id": "fee", "price": flat("365.00"), "every": "year", "bill": "arrears"}
    steps = [("2026-03-10", change("fee", price=flat("730.00"), effective="2026-02-01"))]
    agreed = terms(fee, start="2026-01-01")
    assert account(agreed, "2026-03-31", steps).revenue == {"2026-01": "31.00", "2026-02": "56.00", "2026-03": "62.00"}
    closed = account(agreed, "2026-03-31", steps, closed_until={"2026-03-05": "2026-03-01"})
    assert closed.revenue == {"2026-01": "31.00", "2026-02": "28.00", "2026-03": "90.00"}


def test_an_increase_that_waits_for_its_invoice_is_a_claim() -> None:
    """90.00 becomes 120.00 on 21 April: 10 of 30 days are 10.00 more."""
    agreed = terms({"id": "plan", "price": flat("90.00")}, start="2026-04-01")
    told = account(agreed, "2026-05-31", [("2026-04-21", change("plan", price=flat("120.00"), invoice="next"))])
    assert told.balances("2026-04-30") == {"receivable": "90.00", "unbilled_receivable": "10.00", "revenue": "100.00"}
    assert told.totals[1] == ("2026-05-01", "130.00")
    assert told.revenue == {"2026-04": "100.00", "2026-05": "120.00"}


def test_a_decrease_that_waits_is_no_claim_but_something_still_to_give_back() -> None:
    """90.00 becomes 30.00: 20.00 less."""
    agreed = terms({"id": "plan", "price": flat("90.00")}, start="2026-04-01")
    told = account(agreed, "2026-05-31", [("2026-04-21", change("plan", price=flat("30.00"), invoice="next"))])
    assert told.balances("2026-04-30") == {"receivable": "90.00", "deferred_revenue": "20.00", "revenue": "70.00"}
    assert told.totals[1] == ("2026-05-01", "10.00")
    assert told.balances("2026-05-31") == {"receivable": "100.00", "revenue": "100.00"}


def test_a_second_change_may_turn_a_claim_into_a_credit_to_come() -> None:
    """+10.00 from the 21st, then -22.50 from the 26th, when 5.00 of the first are earned: -7.50 is owed by 30 April."""
    agreed = terms({"id": "plan", "price": flat("90.00")}, start="2026-04-01")
    steps = [
        ("2026-04-21", change("plan", price=flat("120.00"), invoice="next")),
        ("2026-04-25", change("plan", price=flat("0.00"), invoice="next")),
    ]
    told = account(agreed, "2026-04-30", steps)
    # 20 days of 3.00 and 4 days of 4.00.
    assert told.revenue == {"2026-04": "76.00"}
    assert told.balances("2026-04-30") == {"receivable": "90.00", "deferred_revenue": "14.00", "revenue": "76.00"}


def test_what_is_delivered_is_earned_then_and_billed_later() -> None:
    lines = [
        {"id": "a", "price": flat("400.00"), "every": {"months": 2}, "bill": "arrears", "recognize": "at_delivery"},
        {"id": "b", "price": flat("600.00"), "every": {"months": 2}, "bill": "arrears", "recognize": "at_delivery"},
    ]
    steps = [("2026-01-20", delivered("a", "100")), ("2026-02-20", delivered("b", "100"))]
    told = account(terms(*lines, start="2026-01-01"), "2026-03-01", steps)
    assert told.revenue == {"2026-01": "400.00", "2026-02": "600.00"}
    assert told.balances("2026-01-31") == {"unbilled_receivable": "400.00", "revenue": "400.00"}
    assert told.balances("2026-03-01") == {"receivable": "1000.00", "revenue": "1000.00"}


def test_work_is_earned_by_its_progress_which_may_go_back() -> None:
    work = {"id": "work", "price": flat("100.00"), "every": "once", "recognize": "percent_complete"}
    steps = [
        ("2026-01-20", delivered("work", "30")),
        ("2026-02-10", delivered("work", "75")),
        ("2026-03-10", delivered("work", "60")),
    ]
    told = account(terms(work, start="2026-01-01"), "2026-03-31", steps)
    assert told.revenue == {"2026-01": "30.00", "2026-02": "45.00", "2026-03": "-15.00"}
    assert told.balances("2026-03-31")["deferred_revenue"] == "40.00"


def test_usage_that_came_to_nothing_after_all_is_taken_back_in_its_month() -> None:
    """100 in January; in March they are voided, so that the quarter bills nothing."""
    used = [Used("2026-01-15", "100"), Used("2026-01-15", "-100", told="2026-03-05")]
    told = account(terms(CALLS, start="2026-01-01", meters=METERS), "2026-04-30", used=used)
    assert told.documents == []
    assert told.revenue == {}
    assert told.balances("2026-04-30") == {}
