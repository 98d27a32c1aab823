from dataclasses import replace
from datetime import date

from domain.recognising import recognise
from tests.domain.booked import APRIL, FEBRUARY, JANUARY, MARCH, balances, books, invoice, line, revenue


def test_each_month_counts_on_the_last_day_that_is_earned_in_it() -> None:
    """90 days of 1.00: 31, 28, and 9 of March."""
    kept = books()
    invoice(kept, line(9000))
    recognise(kept, date(2026, 3, 10), known_on=date(2026, 3, 10), key="k")
    posted = [entry.posting_on for entry in kept.entries if entry.kind == "recognition"]
    assert posted == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 9)]
    assert [revenue(kept, month) for month in (JANUARY, FEBRUARY, MARCH)] == [3100, 2800, 900]


def test_what_was_earned_in_a_closed_month_is_posted_when_it_is_known_and_says_when_it_was_true() -> None:
    kept = books()
    invoice(kept, line(9000))
    kept.closed_until = FEBRUARY
    recognise(kept, date(2026, 2, 11), known_on=date(2026, 2, 11), key="k")
    late, own = [entry for entry in kept.entries if entry.kind == "recognition"]
    assert (late.posting_on, late.economic_on) == (date(2026, 2, 11), date(2026, 1, 31))
    assert (own.posting_on, own.economic_on) == (date(2026, 2, 10), None)
    assert revenue(kept, FEBRUARY) == 4100


def test_what_is_all_earned_runs_no_more_and_nothing_is_posted_twice() -> None:
    kept = books()
    invoice(kept, line(9000))
    recognise(kept, APRIL, known_on=APRIL, key="k")
    assert not kept.running
    before = len(kept.entries)
    recognise(kept, APRIL, known_on=APRIL, key="again")
    assert len(kept.entries) == before
    assert balances(kept) == {"receivable": 9000, "revenue": 9000}


def test_what_is_not_billed_yet_waits_for_its_measure() -> None:
    kept = books()
    invoice(kept, line(9000))
    [schedule] = kept.schedules.values()
    kept.keep(replace(schedule, basis="unbilled", billed=False))
    recognise(kept, APRIL, known_on=APRIL, key="k")
    assert revenue(kept, JANUARY) == 0
