"""Credit notes and voids. 90.00 for the 90 days of January to March is 1.00 a day: 31, 28 and 31 of them."""

from datetime import date
from typing import Any

import pytest

from domain import correction
from domain.books import Books, Document
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
    downgrade,
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


def test_a_credit_note_takes_the_earned_half_out_of_revenue_and_the_rest_out_of_deferred_revenue() -> None:
    """45 of 90 on 1 February: 15.50 was earned. February is 28 x 0.50 - 15.50 = -1.50, March 31 x 0.50 = 15.50."""
    kept = books()
    billed = invoice(kept, line(9000))
    note = correction.credit_note(kept, billed.id, 4500, "plan", **at(FEBRUARY))
    assert balances(kept, FEBRUARY) == {"contract_position": 2950, "receivable": 4500, "revenue": 1550}
    end(kept)
    assert [revenue(kept, month) for month in (JANUARY, FEBRUARY, MARCH)] == [3100, -150, 1550]
    assert balances(kept) == {"receivable": 4500, "revenue": 4500}
    assert (note.kind, note.status, note.total_minor, note.corrects) == ("credit_note", "issued", 4500, billed.id)
    assert (billed.status, billed.open_minor) == ("open", 4500)


def test_a_credit_note_of_what_is_paid_becomes_customer_credit() -> None:
    kept = books()
    billed = invoice(kept, line(9000))
    correction.pay(kept, billed.id, 9000, **at(JANUARY, "p"))
    note = correction.credit_note(kept, billed.id, 4500, "plan", **at(date(2026, 2, 2)))
    [credit] = kept.credits.values()
    assert (credit.source, credit.source_id, credit.invoice_id) == ("credit_note", note.id, billed.id)
    assert (credit.amount_minor, credit.remaining_minor) == (4500, 4500)
    end(kept)
    assert balances(kept) == {"cash": 9000, "customer_credit": 4500, "revenue": 4500}


def test_a_credit_note_first_lowers_what_is_open() -> None:
    kept = books()
    billed = invoice(kept, line(9000))
    correction.pay(kept, billed.id, 6000, **at(JANUARY, "p"))
    correction.credit_note(kept, billed.id, 4500, None, **at(FEBRUARY))
    assert (billed.status, billed.open_minor, billed.credited_minor) == ("paid", 0, 3000)
    assert balance(kept, "customer_credit") == 1500
    assert balance(kept, "receivable") == 0


def test_a_credit_note_splits_its_tax_by_the_ratio_of_the_invoice_and_the_last_takes_the_rest() -> None:
    """100.00 + 7.00 of tax. 35.67 x 7 / 107 = 2.333, so 2.33; twice that 4.667 = 4.67, so 2.34; the rest is 2.33."""
    kept = books()
    billed = invoice(kept, line(10_000, tax_minor=700))
    notes = [
        correction.credit_note(kept, billed.id, amount, None, **at(JANUARY, key))
        for key, amount in (("a", 3567), ("b", 3567), ("c", 3566))
    ]
    assert [(note.net_minor, note.tax_minor) for note in notes] == [(3334, 233), (3333, 234), (3333, 233)]
    assert notes[0].tax_by_rate == (("VAT", 233),)
    assert (billed.status, balances(kept)) == ("paid", {})


def test_a_credit_note_without_a_line_is_spread_by_what_is_left_of_each() -> None:
    """60 and 30; after 30 of the first, 30 and 30 are left, so 20.01 is 10.01 and 10.00."""
    kept = books()
    billed = invoice(kept, line(6000), line(3000, id="setup", recognize="immediately"))
    correction.credit_note(kept, billed.id, 3000, "plan", **at(JANUARY, "a"))
    note = correction.credit_note(kept, billed.id, 2001, None, **at(JANUARY, "b"))
    assert [(one.line_id, one.net_minor) for one in note.lines] == [("plan", 1001), ("setup", 1000)]


def test_credits_in_parts_mirror_the_line_exactly_once_all_is_credited() -> None:
    """100.00 over 90 days in three notes, each at another day: nothing is left, on no day after the last."""
    kept = books()
    billed = invoice(kept, line(10_000))
    for number, (on, amount) in enumerate([(date(2026, 1, 8), 3333), (date(2026, 1, 23), 3333), (MARCH, 3334)]):
        correction.credit_note(kept, billed.id, amount, None, **at(on, str(number)))
    assert balances(kept) == {}
    for on in (date(2026, 3, 8), date(2026, 3, 23), APRIL):
        recognise(kept, on, known_on=on, key=str(on))
        assert balances(kept) == {}


def test_what_was_earned_at_once_is_credited_out_of_revenue_alone() -> None:
    kept = books()
    billed = invoice(kept, line(20_000, date(2026, 1, 5), date(2026, 1, 6), id="report", recognize="immediately"))
    end(kept, FEBRUARY)
    kept.closed_until = FEBRUARY
    correction.credit_note(kept, billed.id, 5000, "report", **at(date(2026, 2, 10)))
    assert [revenue(kept, month) for month in (JANUARY, FEBRUARY)] == [20_000, -5000]
    assert balances(kept) == {"receivable": 15_000, "revenue": 15_000}


def test_what_was_never_delivered_is_credited_out_of_deferred_revenue_alone() -> None:
    kept = books()
    billed = invoice(kept, line(50_000, date(2026, 1, 10), date(2026, 1, 11), recognize="at_delivery"))
    correction.credit_note(kept, billed.id, 50_000, "plan", **at(date(2026, 1, 20)))
    assert revenue(kept, JANUARY) == 0
    assert balances(kept) == {}


def test_a_line_that_another_lowers_is_credited_up_to_what_the_invoice_asks_for() -> None:
    """An upgrade bills 60 and takes 40 back: 20 may be credited, out of the 60."""
    kept = books()
    billed = invoice(kept, line(-4000), line(6000))
    with pytest.raises(DomainError) as refused:
        correction.credit_note(kept, billed.id, 2001, "plan", **at(JANUARY))
    assert refused.value.field == "/amount"
    correction.credit_note(kept, billed.id, 2000, "plan", **at(JANUARY))
    end(kept)
    assert (billed.status, balances(kept)) == ("paid", {})


def test_a_planned_line_is_credited_by_the_days_of_its_own_period_and_the_plan_lowered() -> None:
    """310 of January under a plan of 310 + 280 = 590 for 59 days, 10 a day; 93 less on 11 January.

    10 of 31 days are 30 of it. What is left of the plan: 590 - 93 - (100 - 30) = 427 for 49 days.
    """
    kept = books()
    billed = invoice(kept, line(31_000, JANUARY, FEBRUARY, planned=True, recognize="with_contract"))
    made = plan(kept, "plan", 59_000, JANUARY, MARCH)
    correction.credit_note(kept, billed.id, 9300, "plan", **at(date(2026, 1, 11)))
    assert balance(kept, "revenue") == 10_000 - 3000
    assert (made.amount_minor, made.billed_minor, made.schedules) == (49_700, 49_700, 2)
    end(kept)
    assert balance(kept, "revenue") == 49_700


def test_a_planned_line_that_is_billed_once_is_credited_by_what_the_plan_has_given() -> None:
    """590 at the start, for 59 days of 10; on 11 January 100 is given: 59 less takes 10 out of revenue."""
    kept = books()
    billed = invoice(kept, line(59_000, JANUARY, date(2026, 1, 2), planned=True, recognize="with_contract"))
    plan(kept, "plan", 59_000, JANUARY, MARCH)
    correction.credit_note(kept, billed.id, 5900, "plan", **at(date(2026, 1, 11)))
    assert balances(kept) == {"contract_position": 44_100, "receivable": 53_100, "revenue": 9000}
    end(kept)
    assert balances(kept) == {"receivable": 53_100, "revenue": 53_100}


def test_a_planned_line_whose_plan_is_over_is_credited_out_of_revenue() -> None:
    kept = books()
    billed = invoice(kept, line(59_000, JANUARY, date(2026, 1, 2), planned=True, recognize="with_contract"))
    plan(kept, "plan", 59_000, JANUARY, MARCH)
    correction.credit_note(kept, billed.id, 5900, "plan", **at(MARCH))
    assert balances(kept) == {"receivable": 53_100, "revenue": 53_100}


def test_a_void_within_the_month_leaves_nothing() -> None:
    kept = books()
    billed = invoice(kept, line(9000, tax_minor=1800))
    correction.void(kept, billed.id, **at(date(2026, 1, 20)))
    end(kept)
    assert (billed.status, billed.open_minor, balances(kept)) == ("void", 0, {})
    assert [revenue(kept, month) for month in (JANUARY, FEBRUARY, MARCH)] == [0, 0, 0]


def test_a_void_after_the_month_is_closed_is_negative_revenue_of_its_own_month() -> None:
    kept = books()
    billed = invoice(kept, line(9000))
    end(kept, FEBRUARY)
    kept.closed_until = FEBRUARY
    correction.void(kept, billed.id, **at(date(2026, 2, 2)))
    end(kept)
    assert [revenue(kept, month) for month in (JANUARY, FEBRUARY, MARCH)] == [3100, -3100, 0]


def test_a_void_reverses_what_a_credit_note_has_left() -> None:
    """90 less 30 on 1 February; of the 60 left 20.67 is earned, which the void takes back."""
    kept = books()
    billed = invoice(kept, line(9000))
    correction.credit_note(kept, billed.id, 3000, None, **at(FEBRUARY, "n"))
    correction.void(kept, billed.id, **at(FEBRUARY, "v"))
    end(kept)
    assert balances(kept) == {}


def test_a_void_gives_used_customer_credit_back() -> None:
    kept = books()
    first = invoice(kept, line(3100, JANUARY, FEBRUARY))
    correction.pay(kept, first.id, 3100, **at(JANUARY, "p"))
    correction.credit_note(kept, first.id, 1100, "plan", **at(date(2026, 1, 31), "n"))
    second = invoice(kept, line(2800, FEBRUARY, MARCH), on=FEBRUARY, credit_minor=1100)
    assert balance(kept, "customer_credit") == 0
    correction.void(kept, second.id, **at(FEBRUARY, "v"))
    [credit] = kept.credits.values()
    assert (credit.remaining_minor, balance(kept, "customer_credit")) == (1100, 1100)
    end(kept)
    assert balances(kept) == {"cash": 3100, "customer_credit": 1100, "revenue": 2000}


def changed(*, beside_minor: int = 0) -> tuple[Books, Document]:
    """90.00; on 1 February 59.00 is credited and 29.50 billed for the days left: half of it. 60.50 is owed.

    By 15 February 31 + 14 x 0.50 = 38.00 is earned. A line beside is billed 5.90 for the 59 days, 1.40 by then.
    """
    kept = books()
    billed = invoice(kept, line(9000))
    downgrade(kept, billed, FEBRUARY, 5900, 2950, beside_minor)
    return kept, billed


@pytest.mark.parametrize("beside_minor", [0, 590])
def test_an_invoice_that_a_change_has_credited_is_voided_with_what_is_left_of_it(beside_minor: int) -> None:
    kept, billed = changed(beside_minor=beside_minor)
    assert billed.open_minor == 6050 + beside_minor
    correction.void(kept, billed.id, **at(date(2026, 2, 15)))
    assert revenue(kept, FEBRUARY) == -3100
    assert balances(kept) == {}
    end(kept, MARCH)
    assert balances(kept) == {}


def test_a_line_that_a_change_has_raised_is_never_credited_by_more_than_it_billed() -> None:
    """59.00 of the line is credited and 70.80 billed, while what is beside gives 23.60 back: 11.80 less is owed."""
    kept = books()
    billed = invoice(kept, line(9000))
    downgrade(kept, billed, FEBRUARY, 5900, 7080, -2360)
    correction.void(kept, billed.id, **at(date(2026, 2, 15)))
    assert billed.lines[0].credited_minor == 9000 - 5900
    assert balances(kept) == {}
    end(kept)
    assert balances(kept) == {}


def test_an_invoice_that_a_change_has_credited_is_written_off_by_what_is_left() -> None:
    kept, billed = changed(beside_minor=590)
    correction.write_off(kept, billed.id, **at(date(2026, 2, 15)))
    assert (billed.bad_debt_minor, billed.undone_minor) == (3800 + 140, 2250 + 450)
    end(kept)
    assert balances(kept) == {"bad_debt": 3940, "revenue": 3940}


def test_what_a_change_has_credited_is_not_credited_again() -> None:
    kept, billed = changed()
    with pytest.raises(DomainError, match="what is left to credit: 6050"):
        correction.credit_note(kept, billed.id, 6051, None, **at(FEBRUARY))
    correction.credit_note(kept, billed.id, 6050, "plan", **at(date(2026, 2, 15)))
    assert (billed.status, balances(kept)) == ("paid", {})
    end(kept)
    assert balances(kept) == {}


@pytest.mark.parametrize("line_id", [None, "plan"])
def test_no_more_is_credited_than_is_left(line_id: str | None) -> None:
    kept = books()
    billed = invoice(kept, line(9000))
    correction.credit_note(kept, billed.id, 5000, line_id, **at(JANUARY))
    with pytest.raises(DomainError, match="more than what is left to credit: 4000") as refused:
        correction.credit_note(kept, billed.id, 4001, line_id, **at(JANUARY, "c2"))
    assert refused.value.field == "/amount"


def issued() -> tuple[Books, Document]:
    kept = books()
    return kept, invoice(kept, line(9000), on=date(2026, 1, 10))


def test_what_does_not_fit_the_invoice_is_refused_with_the_field_and_changes_nothing() -> None:
    kept, billed = issued()
    kept.closed_until = FEBRUARY
    late, early = at(FEBRUARY), at(date(2026, 1, 31))
    attempts: list[tuple[str, Any]] = [
        ("/invoice", lambda: correction.pay(kept, "inv_9", 1, **late)),
        ("/at", lambda: correction.pay(kept, billed.id, 1, **early)),
        ("/at", lambda: correction.void(kept, billed.id, **at(JANUARY))),
        ("/line", lambda: correction.credit_note(kept, billed.id, 1, "seats", **late)),
        ("/amount", lambda: correction.credit_note(kept, billed.id, 0, None, **late)),
        ("/amount", lambda: correction.pay(kept, billed.id, 0, **late)),
        ("/amount", lambda: correction.refund(kept, billed.id, 1, **late)),
        ("/amount", lambda: correction.refund(kept, billed.id, -1, **late)),
        ("/invoice", lambda: correction.dispute(kept, billed.id, **late)),
        ("/invoice", lambda: correction.dispute_won(kept, billed.id, **late)),
        ("/invoice", lambda: correction.dispute_lost(kept, billed.id, **late)),
    ]
    before = (len(kept.entries), dict(kept.schedules), billed.open_minor)
    for field, attempt in attempts:
        with pytest.raises(DomainError) as refused:
            attempt()
        assert refused.value.field == field, refused.value.message
    assert (len(kept.entries), dict(kept.schedules), billed.open_minor) == before


def test_a_paid_invoice_is_credited_and_not_voided_or_written_off() -> None:
    kept, billed = issued()
    correction.pay(kept, billed.id, 1, **at(FEBRUARY, "p"))
    with pytest.raises(DomainError, match="credit it instead"):
        correction.void(kept, billed.id, **at(FEBRUARY))
    correction.pay(kept, billed.id, 8999, **at(FEBRUARY, "q"))
    assert billed.status == "paid"
    with pytest.raises(DomainError, match="refund or credit it instead"):
        correction.write_off(kept, billed.id, **at(FEBRUARY))


def test_a_void_invoice_takes_no_more_corrections() -> None:
    kept, billed = issued()
    correction.void(kept, billed.id, **at(FEBRUARY))
    for name in ("void", "write_off"):
        with pytest.raises(DomainError, match="void"):
            getattr(correction, name)(kept, billed.id, **at(FEBRUARY, "again"))
    with pytest.raises(DomainError, match="void"):
        correction.credit_note(kept, billed.id, 1, None, **at(FEBRUARY, "again"))


def test_a_credit_note_is_no_invoice() -> None:
    kept, billed = issued()
    note = correction.credit_note(kept, billed.id, 1, None, **at(FEBRUARY))
    with pytest.raises(DomainError, match="name the invoice"):
        correction.credit_note(kept, note.id, 1, None, **at(FEBRUARY, "c2"))


def test_the_same_correction_is_not_made_twice() -> None:
    kept, billed = issued()
    correction.credit_note(kept, billed.id, 1000, None, **at(FEBRUARY))
    with pytest.raises(DomainError, match="made before") as refused:
        correction.credit_note(kept, billed.id, 1000, None, **at(FEBRUARY))
    assert (refused.value.field, billed.open_minor) == ("/id", 8000)
