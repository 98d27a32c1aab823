from datetime import date

from domain.journal import Entry, Posting
from models.database import Database
from models.journal import post_all
from models.journal_report import (
    EntryFilter,
    MonthRevenue,
    PositionSplit,
    entries,
    position_split,
    revenue_by_month,
    trial_balance,
)


def entry(key: str, on: date, contract_id: str, debit: str, credit: str, amount_minor: int) -> Entry:
    return Entry(
        idempotency_key=key,
        kind=key.split("/")[0],
        source_type="test",
        source_id=key,
        posting_on=on,
        currency="USD",
        contract_id=contract_id,
        postings=(Posting(debit, amount_minor), Posting(credit, -amount_minor)),
    )


# Contract a is billed 120.00 in advance and earns 40.00 a month; b earns 70.00 of usage and is billed for it later.
STORY = [
    entry("invoice/a", date(2013, 1, 1), "con_a", "receivable", "contract_position", 120_00),
    entry("earned/a1", date(2013, 1, 31), "con_a", "contract_position", "revenue", 40_00),
    entry("earned/b1", date(2013, 1, 31), "con_b", "contract_position", "revenue", 70_00),
    entry("payment/a", date(2013, 2, 1), "con_a", "cash", "receivable", 120_00),
    entry("earned/a2", date(2013, 2, 28), "con_a", "contract_position", "revenue", 40_00),
    entry("fix/a2", date(2013, 2, 28), "con_a", "revenue", "contract_position", 5_00),
]


def tell(database: Database) -> None:
    database.run(lambda session: post_all(session, STORY))


def test_the_trial_balance_adds_up_both_sides_of_each_account(database: Database) -> None:
    tell(database)
    with database.transaction() as session:
        rows = trial_balance(session)
    assert [(row.account, row.debit_minor, row.credit_minor, row.balance_minor) for row in rows] == [
        ("cash", 120_00, 0, 120_00),
        ("contract_position", 150_00, 125_00, 25_00),
        ("receivable", 120_00, 120_00, 0),
        ("revenue", 5_00, 150_00, -145_00),
    ]


def test_the_trial_balance_of_a_day_includes_that_day(database: Database) -> None:
    tell(database)
    with database.transaction() as session:
        rows = trial_balance(session, date(2013, 1, 31))
    assert {row.account: row.balance_minor for row in rows} == {
        "receivable": 120_00,
        "contract_position": -10_00,
        "revenue": -110_00,
    }


def test_revenue_is_net_by_month(database: Database) -> None:
    tell(database)
    with database.transaction() as session:
        assert revenue_by_month(session) == [
            MonthRevenue("2013-01", "USD", 110_00),
            MonthRevenue("2013-02", "USD", 35_00),
        ]
        assert revenue_by_month(session, contract_id="con_b") == [MonthRevenue("2013-01", "USD", 70_00)]


def test_positions_of_contracts_do_not_offset_each_other(database: Database) -> None:
    """In January a is owed 80.00 of service and b owes 70.00: the account's balance of 10.00 shows neither."""
    tell(database)
    with database.transaction() as session:
        assert position_split(session, date(2013, 1, 31)) == [PositionSplit("USD", 70_00, 80_00)]
        assert position_split(session) == [PositionSplit("USD", 70_00, 45_00)]


def test_entries_are_listed_by_posting_day_in_pages(database: Database) -> None:
    tell(database)
    with database.transaction() as session:
        first = entries(session, EntryFilter(), limit=4)
        rest = entries(session, EntryFilter(), after=first[-1].cursor, limit=4)
    assert [page.entry.idempotency_key for page in first] == ["invoice/a", "earned/a1", "earned/b1", "payment/a"]
    assert [page.entry.idempotency_key for page in rest] == ["earned/a2", "fix/a2"]
    assert [(line.account, line.amount_minor) for line in rest[0].lines] == [
        ("contract_position", 40_00),
        ("revenue", -40_00),
    ]


def test_entries_are_filtered(database: Database) -> None:
    tell(database)
    filters = {
        "contract": EntryFilter(contract_id="con_b"),
        "account": EntryFilter(account="cash"),
        "kind": EntryFilter(kind="fix"),
        "days": EntryFilter(posted_from=date(2013, 1, 31), posted_to=date(2013, 2, 1), contract_id="con_a"),
    }
    with database.transaction() as session:
        found = {
            name: [row.entry.idempotency_key for row in entries(session, wanted)] for name, wanted in filters.items()
        }
    assert found == {"contract": ["earned/b1"], "account": ["payment/a"], "kind": ["fix/a2"], "days": ["earned/a1"]}
