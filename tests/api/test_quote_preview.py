"""What a quote comes to; the figures are worked out by hand."""

from typing import Any

from api.quote_preview import WAKES_MAX, preview
from tests.domain.offered import line, terms, usage


def revenue(agreed: Any) -> dict[str, str]:
    return {month.month: month.revenue.amount for month in preview(agreed).revenue}


def test_a_year_of_months_is_twelve_invoices_each_earned_in_its_month() -> None:
    shown = preview(terms())
    assert (str(shown.until), shown.invoices_in_all, len(shown.invoices)) == ("2027-02-01", 12, 12)
    assert [str(shown.invoices[n].issued_on) for n in (0, 1, 11)] == ["2026-02-01", "2026-03-01", "2027-01-01"]
    assert {month.revenue.amount for month in shown.revenue} == {"100.00"}
    assert len(shown.revenue) == 12
    assert shown.total.amount == "1200.00"


def test_a_yearly_price_is_one_invoice_and_earned_by_day() -> None:
    """1,200.00 over 365 days: 28 of February are 92.05, with 31 of March 59 are 193.97."""
    shown = preview(terms(line("plan", "1200.00", every="year")))
    assert [invoice.total.amount for invoice in shown.invoices] == ["1200.00"]
    earned = revenue(terms(line("plan", "1200.00", every="year")))
    assert (earned["2026-02"], earned["2026-03"]) == ("92.05", "101.92")
    assert sum(month.revenue.amount_minor for month in shown.revenue) == 120_000


def test_tax_is_billed_and_not_earned() -> None:
    shown = preview(terms(tax=[{"name": "VAT", "rate": "20"}]))
    first = shown.invoices[0]
    assert (first.net.amount, first.tax.amount, first.total.amount) == ("100.00", "20.00", "120.00")
    assert (shown.net.amount, shown.tax.amount, shown.total.amount) == ("1200.00", "240.00", "1440.00")
    assert sum(month.revenue.amount_minor for month in shown.revenue) == 120_000


def test_without_a_term_a_year_is_shown_and_earned_up_to_its_end() -> None:
    shown = preview(terms(term=None))
    assert (str(shown.until), shown.invoices_in_all) == ("2027-02-01", 12)
    assert sum(month.revenue.amount_minor for month in shown.revenue) == 120_000


def test_a_term_that_renews_shows_nothing_of_the_next_one() -> None:
    shown = preview(terms(term={"months": 3, "renew": "auto"}))
    assert (str(shown.until), shown.invoices_in_all) == ("2026-05-01", 3)
    assert list(revenue(terms(term={"months": 3, "renew": "auto"}))) == ["2026-02", "2026-03", "2026-04"]


def test_a_quarter_in_arrears_is_billed_as_service_ends() -> None:
    shown = preview(terms(line("plan", "900.00", every="quarter", bill="arrears"), term={"months": 3}))
    assert [(str(invoice.issued_on), invoice.total.amount) for invoice in shown.invoices] == [("2026-05-01", "900.00")]


def test_usage_comes_on_top_and_is_shown_as_none() -> None:
    shown = preview(terms(line("plan"), usage("calls")))
    assert [one.line for one in shown.invoices[0].lines] == ["plan"]
    assert shown.total.amount == "1200.00"


def test_discounts_are_taken_off() -> None:
    shown = preview(terms(discounts=[{"id": "start", "percent": "50", "periods": 2}]))
    assert [invoice.total.amount for invoice in shown.invoices[:3]] == ["50.00", "50.00", "100.00"]
    assert shown.total.amount == "1100.00"


def test_a_trial_comes_before_the_first_invoice() -> None:
    shown = preview(terms(trial_days=28))
    assert (str(shown.invoices[0].issued_on), str(shown.until)) == ("2026-03-01", "2027-03-01")


def test_what_would_be_thousands_of_invoices_is_shown_as_far_as_it_goes() -> None:
    shown = preview(terms(line("plan", "1.00", every="day"), term={"months": 60}))
    assert shown.invoices_in_all <= WAKES_MAX
    assert len(shown.invoices) == 12
    assert shown.total.amount_minor == shown.invoices_in_all * 100
    assert sum(month.revenue.amount_minor for month in shown.revenue) <= shown.total.amount_minor
