from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from domain.commands import Cancel, ChangeLine
from models.database import Database
from tests.activities.story import Story, line, per_unit, terms

GATES = line("gates", per_unit("38000.00"), quantity=24)
SIXTEENTH_OF_JUNE = date(2013, 6, 16)


def gates(quantity: int, **more: object) -> ChangeLine:
    return ChangeLine.model_validate({"line": "gates", "quantity": Decimal(quantity), **more})


def june(database: Database, **more: Any) -> Story:
    story = Story(database, terms(GATES, start=date(2013, 6, 1), **more))
    story.wake()
    return story


def test_an_upgrade_in_the_middle_of_a_month_bills_the_difference_of_its_days(database: Database) -> None:
    """4 more gates x 38,000.00 x 15/30 = 76,000.00: 24 gates credited at 456,000.00, 28 charged at 532,000.00."""
    story = june(database)
    issued = story.on(SIXTEENTH_OF_JUNE, gates(28))
    assert issued is not None and (issued.kind, issued.number) == ("invoice", "INV-000002")
    assert issued.total_minor == 7_600_000
    lines = "SELECT kind, quantity, net_minor FROM invoice_line WHERE invoice_id = :id ORDER BY position"
    assert story.rows(lines, id=issued.invoice_id) == [("credit", 24, -45_600_000), ("charge", 28, 53_200_000)]
    assert story.balances() == {
        "receivable": 98_800_000,
        "revenue": -45_600_000,
        "contract_position": -53_200_000,
    }
    story.until(date(2013, 7, 1))
    assert story.revenue() == {"2013-06": 98_800_000}
    assert story.balances()["contract_position"] == -28 * 3_800_000


def test_a_downgrade_makes_a_credit_note_that_lowers_what_is_owed(database: Database) -> None:
    """4 gates fewer for 15 of 30 days: 76,000.00 off the 912,000.00 of June."""
    story = june(database)
    note = story.on(SIXTEENTH_OF_JUNE, gates(20))
    assert note is not None
    assert (note.kind, note.number, note.total_minor, note.open_minor) == ("credit_note", "CN-000001", 7_600_000, 0)
    assert story.rows(
        "SELECT kind, credited_minor, status, corrects_invoice_id IS NULL FROM invoice ORDER BY document"
    ) == [
        ("invoice", 7_600_000, "open", True),
        ("credit_note", 0, "issued", False),
    ]
    assert story.balances()["receivable"] == 83_600_000
    assert "customer_credit" not in story.balances()


def test_a_credit_note_for_a_paid_invoice_becomes_credit_that_pays_the_next(database: Database) -> None:
    """76,000.00 of credit against July's 20 x 38,000.00 = 760,000.00 leaves 684,000.00."""
    story = june(database)
    with database.transaction() as session:
        paid = "UPDATE invoice SET paid_minor = total_minor, status = 'paid'"
        session.connection().exec_driver_sql(paid)
    story.on(SIXTEENTH_OF_JUNE, gates(20))
    assert story.balances()["customer_credit"] == -7_600_000
    [july] = story.until(date(2013, 7, 1))
    assert (july.total_minor, july.open_minor) == (76_000_000, 68_400_000)
    assert story.rows("SELECT credit_applied_minor, status FROM invoice WHERE document = 3") == [(7_600_000, "open")]
    assert story.rows("SELECT remaining_minor FROM customer_credit") == [(0,)]
    assert "customer_credit" not in story.balances()
    # June's 912,000.00 counts as received here without a payment, so it still stands in receivables.
    assert story.balances()["receivable"] == 91_200_000 + 68_400_000


def test_credit_covers_a_small_invoice_wholly_and_keeps_the_rest(database: Database) -> None:
    """Two oldest credits first: 450.00 of 500.00 pay for one month at 450.00."""
    story = Story(database, terms(line("gates", per_unit("100.00"), quantity=10), start=date(2013, 6, 1)))
    story.wake()
    with database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE invoice SET paid_minor = total_minor, status = 'paid'")
    story.on(date(2013, 6, 10), gates(9))  # 1 x 100.00 x 21/30 = 70.00
    story.on(SIXTEENTH_OF_JUNE, gates(1))  # 8 x 100.00 x 15/30 = 400.00
    [july] = story.until(date(2013, 7, 1))
    assert (july.total_minor, july.open_minor) == (10_000, 0)
    assert story.rows("SELECT status FROM invoice WHERE document = 4") == [("paid",)]
    assert story.rows("SELECT amount_minor, remaining_minor FROM customer_credit ORDER BY sequence") == [
        (7_000, 0),
        (40_000, 37_000),
    ]
    assert story.rows("SELECT amount_minor FROM customer_credit_use ORDER BY amount_minor") == [(3_000,), (7_000,)]
    assert story.balances()["customer_credit"] == -37_000


def test_a_credit_note_takes_its_tax_back(database: Database) -> None:
    """20 % on 76,000.00 is 15,200.00."""
    story = june(database, tax=[{"name": "VAT", "rate": "20"}])
    note = story.on(SIXTEENTH_OF_JUNE, gates(20))
    assert note is not None and note.total_minor == 9_120_000
    assert story.balances()["tax_payable"] == -(91_200_000 - 7_600_000) * 20 // 100
    assert story.balances()["receivable"] == (91_200_000 - 7_600_000) * 120 // 100


def test_a_downgrade_after_an_upgrade_corrects_the_invoice_that_billed_the_days_last(database: Database) -> None:
    story = june(database)
    upgrade = story.on(date(2013, 6, 11), gates(28))
    note = story.on(SIXTEENTH_OF_JUNE, gates(27))
    assert upgrade is not None and note is not None
    assert story.rows("SELECT corrects_invoice_id FROM invoice WHERE id = :id", id=note.invoice_id) == [
        (upgrade.invoice_id,)
    ]


def test_lines_for_the_next_invoice_wait_for_it(database: Database) -> None:
    """July's 28 x 38,000.00 = 1,064,000.00 with the 76,000.00 of June."""
    story = june(database)
    assert story.on(SIXTEENTH_OF_JUNE, gates(28, invoice="next")) is None
    [july] = story.until(date(2013, 7, 1))
    assert july.total_minor == 114_000_000
    assert story.revenue() == {"2013-06": 98_800_000}


def test_cancelling_at_once_credits_unused_days_and_leaves_no_position(database: Database) -> None:
    """333.33 for 30 days: half of it is 166.665, rounded up on both sides; the extra cent goes when it ends."""
    story = Story(database, terms(line("plan", per_unit("333.33")), start=date(2013, 6, 1)))
    story.wake()
    note = story.on(SIXTEENTH_OF_JUNE, Cancel(when="now"))
    assert note is not None and (note.kind, note.total_minor) == ("credit_note", 16_667)
    assert story.revenue() == {"2013-06": 16_666}
    assert story.balances() == {"receivable": 16_666, "revenue": -16_666}


def test_cancelling_without_credit_makes_what_is_deferred_revenue_of_that_day(database: Database) -> None:
    story = Story(database, terms(line("plan", per_unit("1200.00"), every="year"), start=date(2013, 1, 1)))
    story.until(date(2013, 2, 1))
    story.on(date(2013, 3, 10), Cancel(when="now", credit="none"))
    assert story.balances() == {"receivable": 120_000, "revenue": -120_000}
    # 31/365 and 28/365 of 1,200.00 are 101.92 and 92.05 (cumulative 193.97); the rest falls in March.
    assert story.revenue() == {"2013-01": 10_192, "2013-02": 9_205, "2013-03": 100_603}
    assert story.rows("SELECT max(posting_on) FROM journal_entry") == [(date(2013, 3, 10),)]


def test_fixed_arrears_are_earned_by_day_and_billed_at_the_end(database: Database) -> None:
    """900.00 a quarter of 90 days from January: 310.00, 280.00, 310.00."""
    story = Story(
        database, terms(line("plan", per_unit("900.00"), every="quarter", bill="arrears"), term={"months": 3})
    )
    story.until(date(2013, 3, 1))
    assert story.revenue() == {"2013-01": 31_000, "2013-02": 28_000}
    assert story.balances() == {"unbilled_receivable": 59_000, "revenue": -59_000}
    [issued] = story.until(date(2013, 4, 1))
    assert issued.total_minor == 90_000
    assert story.revenue() == {"2013-01": 31_000, "2013-02": 28_000, "2013-03": 31_000}
    assert story.balances() == {"receivable": 90_000, "revenue": -90_000}


def test_a_price_change_in_arrears_bills_both_stretches(database: Database) -> None:
    """900.00 for 45 of 90 days, then 1,800.00 for 45 of 90 days: 450.00 + 900.00."""
    arrears = line("plan", per_unit("900.00"), every="quarter", bill="arrears")
    story = Story(database, terms(arrears, term={"months": 3}))
    story.until(date(2013, 2, 1))
    dearer = ChangeLine.model_validate({"line": "plan", "price": per_unit("1800.00")})
    story.on(date(2013, 2, 15), dearer)
    [issued] = story.until(date(2013, 4, 1))
    assert issued.total_minor == 135_000
    # 31 days at 10.00; 14 at 10.00 and 14 at 20.00; 31 at 20.00.
    assert story.revenue() == {"2013-01": 31_000, "2013-02": 42_000, "2013-03": 62_000}
    assert story.balances() == {"receivable": 135_000, "revenue": -135_000}


def test_the_contract_row_follows_its_workflow(database: Database) -> None:
    story = june(database, term={"months": 2})
    story.on(SIXTEENTH_OF_JUNE, gates(28))
    row = "SELECT status, version, decided, next_due_at, next_due_reason, mrr_minor, ends_at FROM contract"
    july, august = datetime(2013, 7, 1, tzinfo=UTC), datetime(2013, 8, 1, tzinfo=UTC)
    assert story.rows(row) == [("active", 2, 2, july, "bill", 106_400_000, august)]
    story.until(date(2013, 8, 1))
    assert story.rows(row) == [("expired", 2, 4, None, None, 0, august)]
    assert story.balances() == {"receivable": 205_200_000, "revenue": -205_200_000}
    assert story.rows("SELECT sequence, happened FROM contract_event ORDER BY sequence") == [
        (1, "started on 2013-06-01"),
        (2, "gates changes now"),
        (3, "billed on 2013-07-01"),
        (4, "expired on 2013-08-01"),
    ]
