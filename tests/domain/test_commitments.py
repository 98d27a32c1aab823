"""Commitments: what is short of them at the end of their window, and what goes beyond."""

from tests.domain.ledger import Used, account
from tests.domain.shell import cancel, flat, per_unit, terms

CALLS = {"id": "calls", "price": per_unit("1.00"), "meter": "calls", "bill": "arrears"}
METERS = [{"id": "calls", "aggregate": "sum"}]
FLOOR = {"id": "floor", "amount": "100.00", "lines": ["calls"], "every": "month"}


def test_what_is_short_is_a_line_and_revenue_of_the_windows_last_month() -> None:
    agreed = terms(CALLS, start="2026-01-01", meters=METERS, commitments=[FLOOR])
    told = account(agreed, "2026-01-31", used=[Used("2026-01-10", "40")])
    assert told.revenue == {"2026-01": "40.00"}
    told = account(agreed, "2026-02-01", used=[Used("2026-01-10", "40")])
    assert told.lines(0) == [("calls", "usage", "40.00"), ("floor", "true_up", "60.00")]
    assert [(str(line.starts_on), str(line.ends_on)) for line in told.documents[0].lines[1:]] == [
        ("2026-01-01", "2026-02-01")
    ]
    assert told.revenue == {"2026-01": "100.00"}
    assert told.balances("2026-02-01") == {"receivable": "100.00", "revenue": "100.00"}


def test_without_any_usage_the_whole_commitment_is_due_with_its_lines_tax() -> None:
    taxes = [{"name": "VAT", "rate": "20"}, {"name": "City", "rate": "5"}]
    calls = {**CALLS, "tax": ["City"]}
    agreed = terms(calls, start="2026-01-01", meters=METERS, commitments=[FLOOR], tax=taxes)
    told = account(agreed, "2026-02-01")
    assert told.totals == [("2026-02-01", "105.00")]
    assert told.documents[0].tax_by_rate == (("VAT", 0), ("City", 500))


def test_a_stub_window_owes_its_days() -> None:
    """17 of 31 days of 310.00 from 15 January on."""
    floor = {**FLOOR, "amount": "310.00"}
    agreed = terms(CALLS, start="2026-01-15", anchor_day=1, meters=METERS, commitments=[floor])
    assert account(agreed, "2026-02-01").totals == [("2026-02-01", "170.00")]


def test_a_window_that_a_cancellation_cuts_off_owes_its_days() -> None:
    """10 of 31 days of 310.00, of which 20 were used."""
    agreed = terms(CALLS, start="2026-01-01", meters=METERS, commitments=[{**FLOOR, "amount": "310.00"}])
    told = account(agreed, "2026-03-31", [("2026-01-11", cancel("now"))], [Used("2026-01-05", "20")])
    assert told.lines(0) == [("calls", "usage", "20.00"), ("floor", "true_up", "80.00")]
    assert told.revenue == {"2026-01": "100.00"}


def test_a_charge_in_advance_counts_after_its_discount() -> None:
    """100.00 - 90.00 - 4.00."""
    lines = [{"id": "plan", "price": flat("100.00")}, CALLS]
    commitment = {**FLOOR, "lines": ["plan", "calls"]}
    agreed = terms(
        *lines,
        start="2026-01-01",
        meters=METERS,
        commitments=[commitment],
        discounts=[{"id": "tenth", "percent": "10", "lines": ["plan"]}],
    )
    told = account(agreed, "2026-02-01", used=[Used("2026-01-10", "4")])
    assert told.lines(1) == [("plan", "charge", "90.00"), ("calls", "usage", "4.00"), ("floor", "true_up", "6.00")]


def test_what_goes_beyond_is_multiplied_as_soon_as_it_does() -> None:
    """Quarterly 100.00 at 1.5: 150 by February are 25.00 more, 40 in March 20.00 more."""
    commitment = {**FLOOR, "every": "quarter", "overage": "1.5"}
    agreed = terms(CALLS, start="2026-01-01", meters=METERS, commitments=[commitment])
    used = [Used("2026-01-10", "90"), Used("2026-02-10", "60"), Used("2026-03-10", "40")]
    told = account(agreed, "2026-04-30", used=used)
    assert told.lines(0) == [("calls", "usage", "90.00")]
    assert told.lines(1) == [("calls", "usage", "60.00"), ("floor", "overage", "25.00")]
    assert told.lines(2) == [("calls", "usage", "40.00"), ("floor", "overage", "20.00")]
    assert told.revenue == {"2026-01": "90.00", "2026-02": "85.00", "2026-03": "60.00"}


def test_late_usage_takes_back_the_shortfall_that_it_fills() -> None:
    agreed = terms(CALLS, start="2026-01-01", meters=METERS, commitments=[FLOOR])
    used = [Used("2026-01-10", "50"), Used("2026-01-20", "30", told="2026-02-05"), Used("2026-02-10", "120")]
    told = account(agreed, "2026-03-31", used=used)
    assert told.lines(1) == [
        ("calls", "usage", "120.00"),
        ("calls", "adjustment", "30.00"),
        ("floor", "true_up", "-30.00"),
    ]
    assert told.revenue == {"2026-01": "100.00", "2026-02": "120.00"}


def test_a_yearly_commitment_is_settled_with_the_term() -> None:
    commitment = {**FLOOR, "amount": "1000.00", "every": "year"}
    agreed = terms(CALLS, start="2026-01-01", meters=METERS, commitments=[commitment], term={"months": 12})
    told = account(agreed, "2027-01-31", used=[Used("2026-01-05", "20"), Used("2026-06-05", "500")])
    assert told.totals == [("2026-02-01", "20.00"), ("2026-07-01", "500.00"), ("2027-01-01", "480.00")]
    assert told.revenue == {"2026-01": "20.00", "2026-06": "500.00", "2026-12": "480.00"}
