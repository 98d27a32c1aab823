from datetime import UTC, date, datetime

from models.database import Database
from tests.activities.story import Story, line, per_unit, terms

GATES = line("gates", per_unit("38000.00"), quantity=8)


def test_the_first_invoice_bills_the_month_in_advance_and_defers_it(database: Database) -> None:
    """8 gates x 38,000.00 = 304,000.00."""
    story = Story(database, terms(GATES, timezone="America/New_York"))

    issued = story.wake()

    assert issued is not None and issued.number == "INV-000001"
    assert (issued.kind, issued.total_minor, issued.open_minor, issued.lines) == ("invoice", 30_400_000, 30_400_000, 1)
    assert issued.due_on == date(2013, 1, 1)
    assert story.balances() == {"receivable": 30_400_000, "contract_position": -30_400_000}
    assert story.rows("SELECT issued_on, issued_at, due_at, status FROM invoice") == [
        (date(2013, 1, 1), datetime(2013, 1, 1, 5, tzinfo=UTC), datetime(2013, 1, 1, 5, tzinfo=UTC), "open")
    ]


def test_a_line_says_how_its_amount_came_about(database: Database) -> None:
    story = Story(database, terms(GATES))
    story.wake()
    assert story.rows(
        "SELECT position, line_id, kind, period_start, period_end, quantity, net_minor FROM invoice_line"
    ) == [(1, "gates", "charge", date(2013, 1, 1), date(2013, 2, 1), 8, 30_400_000)]
    assert story.rows("SELECT steps FROM invoice_line") == [
        ([{"label": "units", "quantity": "8", "unit_price": "38000.00", "amount": "304000.00"}],)
    ]


def test_a_month_is_revenue_when_it_is_over(database: Database) -> None:
    story = Story(database, terms(GATES))
    story.until(date(2013, 2, 1))
    assert story.revenue() == {"2013-01": 30_400_000}
    assert story.balances(date(2013, 1, 31)) == {
        "receivable": 30_400_000,
        "revenue": -30_400_000,
    }
    assert story.balances() == {
        "receivable": 60_800_000,
        "contract_position": -30_400_000,
        "revenue": -30_400_000,
    }


def test_a_period_across_two_months_is_split_by_days(database: Database) -> None:
    """310.00 from 15 January to 15 February: 17 of 31 days are 170.00, 14 are 140.00."""
    story = Story(database, terms(line("plan", per_unit("310.00")), start=date(2013, 1, 15)))
    story.until(date(2013, 2, 15))
    assert story.revenue() == {"2013-01": 17_000, "2013-02": 14_000}


def test_a_later_due_date_schedules_the_collection(database: Database) -> None:
    story = Story(database, terms(GATES, payment_terms_days=30, timezone="America/New_York"))
    story.wake()
    assert story.rows("SELECT stage, attempts, next_action_at FROM collection") == [
        ("scheduled", 0, datetime(2013, 1, 31, 5, tzinfo=UTC))
    ]


def test_taxes_are_owed_to_the_state_and_not_earned(database: Database) -> None:
    """99.99 x 7.25 % = 7.249275, which is 7.25."""
    vat = {"name": "VAT", "rate": "7.25"}
    story = Story(database, terms(line("plan", per_unit("99.99")), tax=[vat], term={"months": 1}))
    issued = story.wake()
    assert issued is not None and issued.total_minor == 10_724
    assert story.rows("SELECT net_minor, tax_minor, taxes FROM invoice") == [
        (9_999, 725, [{"name": "VAT", "rate": "7.25", "tax_minor": 725}])
    ]
    story.until(date(2013, 2, 1))
    assert story.balances() == {"receivable": 10_724, "tax_payable": -725, "revenue": -9_999}


def test_an_inclusive_tax_is_no_revenue(database: Database) -> None:
    """120.00 with 20 % inside: 20.00 tax, 100.00 net."""
    vat = {"name": "VAT", "rate": "20", "inclusive": True}
    arrears = line("plan", per_unit("120.00"), bill="arrears", every="quarter")
    story = Story(database, terms(arrears, tax=[vat], term={"months": 3}))
    story.until(date(2013, 4, 1))
    assert story.balances() == {"receivable": 12_000, "tax_payable": -2_000, "revenue": -10_000}


def test_yen_have_no_decimals(database: Database) -> None:
    """Stub of 17 days of 31 at 1,000: 548.387..., which is 548 yen."""
    plan = line("plan", per_unit("1000"))
    story = Story(database, terms(plan, currency="JPY", start=date(2013, 1, 15), anchor_day=1))
    issued = story.wake()
    assert issued is not None and (issued.currency, issued.total_minor) == ("JPY", 548)
    assert story.rows("SELECT DISTINCT currency FROM journal_line") == [("JPY",)]


def test_an_invoice_of_nothing_is_paid(database: Database) -> None:
    story = Story(database, terms(line("plan", per_unit("0.00"))))
    issued = story.wake()
    assert issued is not None and (issued.total_minor, issued.open_minor) == (0, 0)
    assert story.rows("SELECT status FROM invoice") == [("paid",)]
    assert story.balances() == {}
