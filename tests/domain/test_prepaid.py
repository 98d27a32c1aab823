"""Prepaid credits: bought, drawn, expired, bought again."""

from datetime import UTC, datetime
from typing import Any

from domain import correction
from tests.domain.ledger import Account, Used, account
from tests.domain.shell import cancel, per_unit, terms

CALLS = {"id": "calls", "price": per_unit("1.00"), "meter": "calls", "bill": "arrears"}
METERS = [{"id": "calls", "aggregate": "sum"}]
USAGE_OF_TWO_MONTHS = [Used("2026-01-05", "22"), Used("2026-02-10", "11"), Used("2026-02-20", "30")]


def prepaid(**stated: Any) -> dict[str, Any]:
    """100.00 for 110.00 of usage up to and on 15 February."""
    whole = {"id": "prepaid", "paid": "100.00", "grants": "110.00", "expires": "2026-02-15", "lines": ["calls"]}
    return {**whole, **stated}


def told(*credits: dict[str, Any], until: str, used: list[Used], **stated: Any) -> Account:
    return account(terms(CALLS, start="2026-01-01", meters=METERS, credits=list(credits), **stated), until, used=used)


def test_credits_are_sold_at_the_start_and_drawn_from_each_invoice() -> None:
    found = told(prepaid(), until="2026-02-01", used=USAGE_OF_TWO_MONTHS)
    assert found.lines(0) == [("prepaid", "prepaid", "100.00")]
    assert found.lines(1) == [("calls", "usage", "22.00"), ("prepaid", "drawn", "-22.00")]
    assert found.documents[1].status == "paid"


def test_credits_are_earned_as_they_are_used_before_the_invoice_too() -> None:
    """100.00 x 22 / 110 by 31 January."""
    found = told(prepaid(), until="2026-01-31", used=USAGE_OF_TWO_MONTHS)
    assert found.balances("2026-01-31") == {"receivable": "100.00", "revenue": "20.00", "deferred_revenue": "80.00"}
    assert found.revenue_of("calls") == {"2026-01": "20.00"}


def test_usage_after_the_last_day_is_not_paid_and_what_is_left_is_revenue_of_the_next_day() -> None:
    """33 of 110 were used: 30.00; 70.00 are left. 30 units came on the 20th."""
    found = told(prepaid(), until="2026-04-30", used=USAGE_OF_TWO_MONTHS)
    assert found.lines(2) == [("calls", "usage", "41.00"), ("prepaid", "drawn", "-11.00")]
    assert found.balances("2026-02-15")["deferred_revenue"] == "70.00"
    assert "deferred_revenue" not in found.balances("2026-02-16")
    assert found.revenue_of("prepaid") == {"2026-02": "70.00"}
    assert found.revenue == {"2026-01": "20.00", "2026-02": "110.00"}


def test_usage_of_the_last_day_is_paid() -> None:
    found = told(prepaid(), until="2026-03-01", used=[Used("2026-02-15T23:59:59", "5"), Used("2026-02-16", "7")])
    assert found.lines(1) == [("calls", "usage", "12.00"), ("prepaid", "drawn", "-5.00")]


def test_late_usage_draws_and_takes_back_what_had_expired() -> None:
    """11 units of 10 February, told in March: 10.00 of the credits were used after all."""
    used = [Used("2026-01-05", "22"), Used("2026-02-10", "11", told="2026-03-05"), Used("2026-02-20", "30")]
    found = told(prepaid(), until="2026-04-30", used=used)
    assert found.lines(3) == [("calls", "adjustment", "11.00"), ("prepaid", "drawn", "-11.00")]
    assert found.revenue_of("prepaid") == {"2026-02": "70.00"}
    assert found.revenue == {"2026-01": "20.00", "2026-02": "110.00"}


def test_usage_that_is_voided_gives_back_what_it_drew() -> None:
    """11 of 22 units of January are voided in February."""
    used = [Used("2026-01-05", "22"), Used("2026-01-10", "-11", told="2026-02-05"), Used("2026-02-20", "30")]
    found = told(prepaid(), until="2026-03-31", used=used)
    assert found.lines(2)[1:] == [("calls", "adjustment", "-11.00"), ("prepaid", "drawn", "11.00")]
    [grant] = found.books.grants.values()
    assert grant.used_minor == 1100
    assert found.revenue_of("calls") == {"2026-01": "10.00", "2026-02": "30.00"}


def test_what_expires_first_is_drawn_first_and_free_credits_earn_nothing() -> None:
    """20 free until 31 January, then 50 that were paid; the tax was paid with them."""
    bought = prepaid(paid="50.00", grants="50.00", expires="2026-06-30")
    bonus = prepaid(id="bonus", paid="0.00", grants="20.00", expires="2026-01-31")
    used = [Used("2026-01-05", "30"), Used("2026-02-10", "60")]
    found = told(bought, bonus, until="2026-03-31", used=used, tax=[{"name": "VAT", "rate": "10"}])
    assert found.totals == [("2026-01-01", "55.00"), ("2026-02-01", "0.00"), ("2026-03-01", "22.00")]
    assert found.lines(1)[1:] == [("prepaid", "drawn", "-10.00"), ("bonus", "drawn", "-20.00")]
    assert found.revenue == {"2026-01": "10.00", "2026-02": "60.00"}


def test_a_lower_priority_is_drawn_before_an_earlier_expiry() -> None:
    first = prepaid(id="first", paid="50.00", grants="50.00", expires="2026-12-31", priority=0)
    second = prepaid(id="second", paid="50.00", grants="50.00", expires="2026-01-31", priority=1)
    found = told(second, first, until="2026-02-01", used=[Used("2026-01-05", "60")])
    assert found.lines(1)[1:] == [("second", "drawn", "-10.00"), ("first", "drawn", "-50.00")]


def test_credits_are_bought_again_when_less_than_agreed_is_left() -> None:
    """45 of 50 are used in January: 5 are left, less than 10."""
    again = {"below": "10.00", "paid": "40.00", "grants": "50.00", "months": 1}
    bought = prepaid(paid="50.00", grants="50.00", expires="2026-06-30", top_up=again)
    found = told(bought, until="2026-02-28", used=[Used("2026-01-05", "45"), Used("2026-02-10", "30")])
    assert found.lines(1) == [
        ("calls", "usage", "45.00"),
        ("prepaid", "drawn", "-45.00"),
        ("prepaid", "prepaid", "40.00"),
    ]
    last = list(found.books.grants.values())[-1]
    assert (str(last.starts_on), str(last.expires_on)) == ("2026-02-01", "2026-02-28")
    # 30 of the new 50, which expire first: 40.00 x 30 / 50.
    assert found.revenue == {"2026-01": "45.00", "2026-02": "24.00"}


def test_what_is_left_when_the_contract_ends_is_revenue_of_that_day() -> None:
    agreed = terms(CALLS, start="2026-01-01", meters=METERS, credits=[prepaid(grants="100.00", expires=None)])
    found = account(agreed, "2026-02-28", [("2026-01-21", cancel("now"))], [Used("2026-01-10", "30")])
    assert found.revenue_of("calls") == {"2026-01": "30.00"}
    assert found.revenue_of("prepaid") == {"2026-01": "70.00"}
    assert found.balances("2026-01-21") == {"receivable": "100.00", "revenue": "100.00"}


def test_a_tax_in_the_price_is_no_part_of_what_credits_earn() -> None:
    """120.00 with 20 % inside sell 120.00 of usage: 60.00 of it are 50.00 of revenue."""
    bought = prepaid(paid="120.00", grants="120.00")
    tax = [{"name": "VAT", "rate": "20", "inclusive": True}]
    found = told(bought, until="2026-02-01", used=[Used("2026-01-05", "60")], tax=tax)
    assert found.totals == [("2026-01-01", "120.00"), ("2026-02-01", "0.00")]
    assert found.lines(1) == [("calls", "usage", "50.00"), ("prepaid", "drawn", "-50.00")]
    assert found.revenue == {"2026-01": "50.00"}


def test_credits_paid_for_after_a_write_off_and_their_expiry_are_earned_once() -> None:
    """100.00 written off on 15 February, before anything was used, is undone: nothing is left that could expire.

    The money comes on 5 March, when the credits are gone: it is revenue of that day, and of no other.
    """

    def correct(account: Account, at: datetime) -> None:
        sold = next(iter(account.books.documents), "")
        if at == datetime(2026, 2, 16, tzinfo=UTC):
            on = datetime(2026, 2, 15, tzinfo=UTC)
            correction.write_off(account.books, sold, on=on.date(), at=on, key="lost")
        if at == datetime(2026, 4, 1, tzinfo=UTC):
            on = datetime(2026, 3, 5, tzinfo=UTC)
            correction.pay(account.books, sold, 10_000, on=on.date(), at=on, key="found")

    agreed = terms(CALLS, start="2026-01-01", meters=METERS, credits=[prepaid()], pays="on_invoice")
    found = account(agreed, "2026-05-31", before=correct)
    [grant] = found.books.grants.values()
    assert (grant.paid_minor, grant.earned_minor) == (10_000, 10_000)
    assert found.revenue == {"2026-03": "100.00"}
    assert found.balances("2026-05-31") == {"cash": "100.00", "revenue": "100.00"}
