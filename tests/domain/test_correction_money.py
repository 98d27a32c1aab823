"""Money: payments, refunds, write-offs and disputes. 90.00 for the 90 days of January to March is 1.00 a day."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from domain import correction
from domain.books import Books, Document, Grant
from domain.correction import Paid
from domain.errors import DomainError
from domain.recognising import recognise
from tests.domain.booked import (
    APRIL,
    FEBRUARY,
    JANUARY,
    MARCH,
    balance,
    balances,
    books,
    instant,
    invoice,
    line,
    plan,
    revenue,
)


def at(on: date, key: str = "c1") -> dict[str, Any]:
    return {"on": on, "at": instant(on), "key": key}


def end(kept: Books, on: date = APRIL) -> None:
    recognise(kept, on, known_on=on, key="end")


def paid(*, tax_minor: int = 0) -> tuple[Books, Document]:
    """90.00, paid at once."""
    kept = books()
    billed = invoice(kept, line(9000, tax_minor=tax_minor))
    correction.pay(kept, billed.id, 9000 + tax_minor, **at(JANUARY, "p"))
    return kept, billed


def test_part_payments_settle_an_invoice_together() -> None:
    kept = books()
    billed = invoice(kept, line(12_000))
    assert correction.pay(kept, billed.id, 5000, **at(date(2026, 1, 10), "a")) == Paid(5000, 0, 0)
    assert (billed.status, balance(kept, "receivable")) == ("open", 7000)
    assert correction.pay(kept, billed.id, 7000, **at(date(2026, 1, 20), "b")) == Paid(7000, 0, 0)
    assert (billed.status, balance(kept, "cash"), balance(kept, "receivable")) == ("paid", 12_000, 0)


def test_what_is_paid_beyond_the_invoice_is_customer_credit() -> None:
    kept = books()
    billed = invoice(kept, line(9000))
    done = correction.pay(kept, billed.id, 10_000, **at(JANUARY), account="gateway_clearing")
    [credit] = kept.credits.values()
    assert (done, credit.source, credit.source_id, credit.remaining_minor) == (
        Paid(9000, 0, 1000),
        "payment",
        "c1",
        1000,
    )
    assert balances(kept) == {"contract_position": 9000, "customer_credit": 1000, "gateway_clearing": 10_000}


def test_money_for_an_invoice_that_was_voided_meanwhile_is_customer_credit() -> None:
    kept = books()
    billed = invoice(kept, line(9000))
    correction.void(kept, billed.id, **at(JANUARY, "v"))
    assert correction.pay(kept, billed.id, 9000, **at(JANUARY)) == Paid(0, 0, 9000)
    assert balances(kept) == {"cash": 9000, "customer_credit": 9000}


def test_a_refund_of_a_part_takes_the_earned_share_to_refunds() -> None:
    """9 of 90 on 1 February: 3.10 was earned; February earns 28 x 0.90 = 25.20, and 27.90 is left for March."""
    kept, billed = paid()
    end(kept, FEBRUARY)
    kept.closed_until = FEBRUARY
    correction.refund(kept, billed.id, 900, **at(FEBRUARY))
    end(kept, MARCH)
    assert balances(kept) == {"cash": 8100, "contract_position": 2790, "refunds": 310, "revenue": 5620}
    assert [revenue(kept, month) for month in (JANUARY, FEBRUARY)] == [3100, 2520]


def test_a_refund_first_pays_out_what_credit_notes_of_the_invoice_made() -> None:
    """A credit note of 30 and a refund of 39: 9 is beyond, of which 3.10 was earned."""
    kept, billed = paid()
    correction.credit_note(kept, billed.id, 3000, None, **at(FEBRUARY, "n"))
    before = balance(kept, "revenue")
    correction.refund(kept, billed.id, 3900, **at(FEBRUARY))
    assert balance(kept, "revenue") == before
    assert [balance(kept, account) for account in ("refunds", "customer_credit", "cash")] == [310, 0, 5100]


def test_a_refund_leaves_the_credit_of_an_overpayment_alone() -> None:
    kept = books()
    billed = invoice(kept, line(9000))
    correction.pay(kept, billed.id, 10_000, **at(JANUARY, "p"))
    correction.refund(kept, billed.id, 900, **at(FEBRUARY))
    assert (balance(kept, "customer_credit"), balance(kept, "refunds")) == (1000, 310)


def test_a_refund_gives_its_share_of_the_tax_back() -> None:
    """108 with 18 of tax. 10.80 on 1 February is 9 and 1.80; of the 9, 3.10 was earned."""
    kept, billed = paid(tax_minor=1800)
    correction.refund(kept, billed.id, 1080, **at(FEBRUARY))
    assert (balance(kept, "tax_payable"), balance(kept, "refunds"), balance(kept, "cash")) == (1620, 310, 9720)


def test_no_more_is_refunded_than_was_paid_and_is_left() -> None:
    kept, billed = paid()
    correction.refund(kept, billed.id, 4000, **at(JANUARY, "a"))
    with pytest.raises(DomainError, match="5000") as refused:
        correction.refund(kept, billed.id, 5001, **at(JANUARY, "b"))
    assert refused.value.field == "/amount"
    correction.refund(kept, billed.id, 5000, **at(JANUARY, "b"))
    end(kept)
    assert balances(kept) == {}


def test_credit_that_another_invoice_has_used_is_not_refunded_again() -> None:
    kept, billed = paid()
    correction.credit_note(kept, billed.id, 4500, None, **at(JANUARY, "n"))
    invoice(kept, line(4500, id="more"), credit_minor=4500)
    with pytest.raises(DomainError, match="4500"):
        correction.refund(kept, billed.id, 4501, **at(JANUARY))


def test_what_is_refunded_is_not_credited_again() -> None:
    kept, billed = paid()
    correction.refund(kept, billed.id, 3000, **at(JANUARY, "r"))
    with pytest.raises(DomainError, match="6000"):
        correction.credit_note(kept, billed.id, 6001, None, **at(JANUARY))


def test_a_write_off_takes_what_was_earned_to_bad_debt_and_undoes_the_rest() -> None:
    kept = books()
    billed = invoice(kept, line(9000, tax_minor=1800))
    correction.write_off(kept, billed.id, **at(FEBRUARY))
    end(kept)
    assert balances(kept) == {"bad_debt": 3100, "revenue": 3100}
    assert (billed.status, billed.open_minor, billed.written_off_minor) == ("uncollectible", 0, 10_800)
    assert (billed.bad_debt_minor, billed.undone_minor, billed.written_off_on) == (3100, 5900, FEBRUARY)


def test_a_write_off_after_a_part_payment_is_bad_debt_for_what_was_earned_beyond_it() -> None:
    """31 from 15 January, 17 of them earned by February; 11 is paid, so 6 is bad debt."""
    kept = books()
    billed = invoice(kept, line(3100, date(2026, 1, 15), date(2026, 2, 15)), on=date(2026, 1, 15))
    correction.pay(kept, billed.id, 1100, **at(date(2026, 1, 20), "p"))
    correction.write_off(kept, billed.id, **at(FEBRUARY))
    end(kept)
    assert balances(kept) == {"bad_debt": 600, "cash": 1100, "revenue": 1700}


def test_what_was_paid_beyond_what_was_earned_is_earned_on_the_days_left() -> None:
    """60 of 90 is paid and 31 earned on 1 February: 29 is left for 59 days, 13.76 of it for the 28 of February."""
    kept = books()
    billed = invoice(kept, line(9000))
    correction.pay(kept, billed.id, 6000, **at(JANUARY, "p"))
    correction.write_off(kept, billed.id, **at(FEBRUARY))
    assert (billed.bad_debt_minor, billed.undone_minor) == (0, 3000)
    end(kept, MARCH)
    assert (balance(kept, "contract_position"), revenue(kept, FEBRUARY)) == (2900 - 1376, 1376)
    end(kept)
    assert balances(kept) == {"cash": 6000, "revenue": 6000}


def test_what_was_paid_covers_what_was_earned_on_any_line() -> None:
    """100 is earned at once, 90 over three months, and 100 is paid: no bad debt, and nothing is left to come."""
    kept = books()
    billed = invoice(kept, line(10_000, id="setup", recognize="immediately"), line(9000))
    correction.pay(kept, billed.id, 10_000, **at(JANUARY, "p"))
    correction.write_off(kept, billed.id, **at(JANUARY))
    end(kept)
    assert balances(kept) == {"cash": 10_000, "revenue": 10_000}


def test_money_after_a_write_off_takes_back_bad_debt_and_then_earns_by_its_days() -> None:
    """Written off on 1 February: 31 bad debt, 59 undone. On 1 March 60 comes: 31 recovered, and 29 for 59 days.

    28 of these days have gone by: 29 x 28 / 59 = 13.76 is revenue at once, 15.24 comes in March.
    """
    kept = books()
    billed = invoice(kept, line(9000))
    correction.write_off(kept, billed.id, **at(FEBRUARY, "w"))
    assert correction.pay(kept, billed.id, 6000, **at(MARCH)) == Paid(0, 6000, 0)
    assert balances(kept) == {"cash": 6000, "contract_position": 1524, "revenue": 3100 + 1376}
    assert (billed.status, billed.written_off_minor, billed.undone_minor) == ("uncollectible", 3000, 3000)
    end(kept)
    assert balances(kept) == {"cash": 6000, "revenue": 6000}
    correction.pay(kept, billed.id, 3000, **at(APRIL, "last"))
    assert (billed.status, balances(kept)) == ("paid", {"cash": 9000, "revenue": 9000})


def test_money_after_a_write_off_owes_its_tax_again() -> None:
    kept = books()
    billed = invoice(kept, line(9000, tax_minor=1800))
    correction.write_off(kept, billed.id, **at(APRIL, "w"))
    assert balances(kept) == {"bad_debt": 9000, "revenue": 9000}
    correction.pay(kept, billed.id, 1200, **at(APRIL, "a"))
    assert balances(kept) == {"bad_debt": 8000, "cash": 1200, "revenue": 9000, "tax_payable": 200}
    assert correction.pay(kept, billed.id, 9700, **at(APRIL, "b")) == Paid(0, 9600, 100)
    assert balances(kept) == {"cash": 10_900, "customer_credit": 100, "revenue": 9000, "tax_payable": 1800}


def test_money_after_the_end_of_the_contract_has_no_days_to_come() -> None:
    kept = books()
    billed = invoice(kept, line(9000))
    correction.write_off(kept, billed.id, **at(FEBRUARY, "w"))
    correction.pay(kept, billed.id, 9000, **at(MARCH), ended_on=date(2026, 2, 15))
    assert balances(kept) == {"cash": 9000, "revenue": 9000}


def test_a_written_off_invoice_gives_back_no_more_than_was_paid() -> None:
    """11 of 31 was paid and 20 written off on 1 February, when 17 was earned: all of a refund was earned."""
    kept = books()
    billed = invoice(kept, line(3100, date(2026, 1, 15), date(2026, 2, 15)), on=date(2026, 1, 15))
    correction.pay(kept, billed.id, 1100, **at(date(2026, 1, 20), "p"))
    correction.write_off(kept, billed.id, **at(FEBRUARY, "w"))
    with pytest.raises(DomainError, match="1100"):
        correction.refund(kept, billed.id, 1101, **at(FEBRUARY))
    with pytest.raises(DomainError, match="refund what was paid"):
        correction.credit_note(kept, billed.id, 1, None, **at(FEBRUARY))
    correction.refund(kept, billed.id, 1100, **at(FEBRUARY))
    end(kept)
    assert balances(kept) == {"bad_debt": 600, "refunds": 1100, "revenue": 1700}


def test_a_planned_line_is_written_off_by_its_own_days() -> None:
    """310 of January under a plan of 590 for 59 days; on 11 January 100 of it is earned, 210 undone."""
    kept = books()
    billed = invoice(kept, line(31_000, JANUARY, FEBRUARY, planned=True, recognize="with_contract"))
    made = plan(kept, "plan", 59_000, JANUARY, MARCH)
    correction.write_off(kept, billed.id, **at(date(2026, 1, 11), "w"))
    assert (billed.bad_debt_minor, billed.undone_minor, made.amount_minor) == (10_000, 21_000, 38_000)
    correction.pay(kept, billed.id, 31_000, **at(date(2026, 1, 21)))
    # 210 for the 21 days from the 11th: 100 of it has gone by.
    assert (made.amount_minor, balance(kept, "bad_debt")) == (59_000, 0)
    end(kept)
    assert balances(kept) == {"cash": 31_000, "contract_position": -28_000, "revenue": 59_000}


def drawn() -> tuple[Books, Document]:
    """100 of usage, of which prepaid credits pay 40: the usage's own schedule bears 60."""
    kept = books()
    paying = replace(line(-4000, id="prepaid"), kind="drawn", schedule_id=None)
    billed = invoice(kept, line(10_000, JANUARY, FEBRUARY, id="calls", recognize="as_used"), paying, on=FEBRUARY)
    [schedule] = kept.schedules.values()
    kept.keep(replace(schedule, amount_minor=6000))
    end(kept)
    assert balances(kept) == {"receivable": 6000, "revenue": 6000}
    return kept, billed


def test_usage_that_credits_have_paid_in_part_is_bad_debt_for_the_rest() -> None:
    kept, billed = drawn()
    correction.write_off(kept, billed.id, **at(FEBRUARY))
    assert balances(kept) == {"bad_debt": 6000, "revenue": 6000}


def test_usage_that_credits_have_paid_in_part_is_void_or_credited_for_the_rest() -> None:
    kept, billed = drawn()
    correction.void(kept, billed.id, **at(FEBRUARY))
    assert balances(kept) == {}
    kept, billed = drawn()
    correction.credit_note(kept, billed.id, 6000, "calls", **at(FEBRUARY))
    assert (billed.status, balances(kept)) == ("paid", {})


def test_prepaid_credits_are_refunded_by_what_was_used_of_them() -> None:
    """100 for 110, 22 used: 20 is earned, a fifth. A refund of 50 takes 10 of it to refunds."""
    kept = books()
    bought = replace(line(10_000, JANUARY, date(2026, 1, 2), id="prepaid"), kind="prepaid", schedule_id=None)
    billed = invoice(kept, bought)
    grant = Grant("gra_1", "prepaid", 10_000, 11_000, 2200, 2000, JANUARY, None, 0, ("calls",), bought.id)
    kept.grants[grant.id] = grant
    correction.pay(kept, billed.id, 10_000, **at(JANUARY, "p"))
    correction.refund(kept, billed.id, 5000, **at(JANUARY))
    assert balance(kept, "refunds") == 1000
    assert (grant.paid_minor, grant.earned_minor, grant.granted_minor) == (5000, 1000, 11_000)


def test_prepaid_credits_that_are_not_paid_for_are_withdrawn_until_they_are() -> None:
    kept = books()
    bought = replace(line(10_000, JANUARY, date(2026, 1, 2), id="prepaid"), kind="prepaid", schedule_id=None)
    billed = invoice(kept, bought)
    grant = Grant("gra_1", "prepaid", 10_000, 11_000, 2200, 2000, JANUARY, None, 0, ("calls",), bought.id)
    kept.grants[grant.id] = grant
    correction.write_off(kept, billed.id, **at(JANUARY, "w"))
    assert (billed.bad_debt_minor, billed.undone_minor) == (2000, 8000)
    assert (grant.paid_minor, grant.granted_minor, grant.used_minor) == (2000, 2200, 2200)
    correction.pay(kept, billed.id, 10_000, **at(JANUARY))
    assert (grant.paid_minor, grant.granted_minor, grant.earned_minor) == (10_000, 11_000, 2000)


def test_prepaid_credits_that_are_paid_for_after_they_have_expired_are_earned_at_once() -> None:
    kept = books()
    bought = replace(line(10_000, JANUARY, date(2026, 1, 2), id="prepaid"), kind="prepaid", schedule_id=None)
    billed = invoice(kept, bought)
    grant = Grant("gra_1", "prepaid", 10_000, 11_000, 2200, 2000, JANUARY, FEBRUARY, 0, ("calls",), bought.id)
    kept.grants[grant.id] = grant
    correction.write_off(kept, billed.id, **at(JANUARY, "w"))
    correction.pay(kept, billed.id, 10_000, **at(MARCH))
    assert (balance(kept, "bad_debt"), balance(kept, "revenue")) == (0, 8000)
    assert (grant.paid_minor, grant.earned_minor) == (10_000, 10_000)


def test_a_dispute_that_is_won_moves_the_money_there_and_back() -> None:
    kept, billed = paid()
    correction.dispute(kept, billed.id, **at(date(2026, 1, 10), "d"))
    assert (balance(kept, "cash"), balance(kept, "disputed"), billed.disputed_minor) == (0, 9000, 9000)
    with pytest.raises(DomainError, match="in dispute already"):
        correction.dispute(kept, billed.id, **at(date(2026, 1, 11)))
    with pytest.raises(DomainError, match="0"):
        correction.refund(kept, billed.id, 1, **at(date(2026, 1, 11)))
    correction.dispute_won(kept, billed.id, **at(date(2026, 1, 20)))
    end(kept)
    assert balances(kept) == {"cash": 9000, "revenue": 9000}


def test_a_dispute_that_is_lost_takes_the_earned_share_to_refunds() -> None:
    """30 days have gone by on 31 January: 30 to refunds, 60 out of deferred revenue, and nothing is earned after."""
    kept, billed = paid()
    correction.dispute(kept, billed.id, **at(date(2026, 1, 10), "d"))
    correction.dispute_lost(kept, billed.id, **at(date(2026, 1, 31)))
    end(kept)
    assert balances(kept) == {"refunds": 3000, "revenue": 3000}
    assert (billed.refunded_minor, billed.disputed_minor, billed.open_minor) == (9000, 0, 0)


def test_a_dispute_that_is_lost_after_its_credit_was_used_is_a_loss() -> None:
    """45 of 90 was credited and used; all 90 is gone: the line bears 45, the other 45 is given up."""
    kept, billed = paid()
    correction.credit_note(kept, billed.id, 4500, None, **at(JANUARY, "n"))
    invoice(kept, line(4500, id="more"), credit_minor=4500)
    correction.dispute(kept, billed.id, **at(JANUARY, "d"))
    correction.dispute_lost(kept, billed.id, **at(JANUARY))
    end(kept)
    assert balances(kept) == {"refunds": 4500, "revenue": 4500}


def test_a_part_of_what_was_paid_may_be_disputed() -> None:
    kept, billed = paid()
    correction.dispute(kept, billed.id, 900, **at(FEBRUARY, "d"), account="gateway_clearing")
    correction.dispute_lost(kept, billed.id, **at(FEBRUARY))
    assert (balance(kept, "refunds"), balance(kept, "disputed"), billed.refunded_minor) == (310, 0, 900)
