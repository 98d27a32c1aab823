"""Attacks on the journal by plain SQL, around the product: the database itself must refuse them."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg import errors

from models.database import Database
from models.journal import post
from tests.models.ledger_samples import BALANCED, RawLine, insert_entry, insert_lines, invoice_entry, raw_connection


@pytest.fixture
def raw(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with raw_connection(database) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def posted(database: Database) -> str:
    """An entry that was committed before the attack."""
    return database.run(lambda session: post(session, invoice_entry()))


def refused(error: pytest.ExceptionInfo[psycopg.Error]) -> str | None:
    return error.value.diag.constraint_name


def test_a_balanced_entry_with_its_lines_is_accepted(raw: psycopg.Connection[Any]) -> None:
    insert_entry(raw, "je_raw")
    insert_lines(raw, "je_raw")
    raw.commit()
    assert raw.execute("SELECT count(*) FROM journal_line").fetchone() == (2,)


def test_an_exchange_difference_may_have_an_amount_in_the_functional_currency_alone(
    raw: psycopg.Connection[Any],
) -> None:
    """EUR 100.00 booked at 110.00 USD and paid at 112.00 USD: the difference of 2.00 exists in USD only."""
    insert_entry(raw, "je_raw", line_count=3)
    lines = (("cash", 100_00, 112_00), ("receivable", -100_00, -110_00), ("fx_gain_loss", 0, -2_00))
    for number, (account, amount, functional) in enumerate(lines, start=1):
        raw.execute(
            "INSERT INTO journal_line (entry_id, line_no, account, currency, amount_minor, functional_minor)"
            " VALUES ('je_raw', %s, %s, 'EUR', %s, %s)",
            (number, account, amount, functional),
        )
    raw.commit()
    assert raw.execute("SELECT sum(functional_minor) FROM journal_line").fetchone() == (0,)


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ((("receivable", "USD", 100_00), ("contract_position", "USD", -99_99)), "entry_functional_balanced"),
        ((("receivable", "USD", 31_00), ("contract_position", "EUR", -31_00)), "entry_currency_balanced"),
        ((("receivable", "USD", 100_00),), "entry_line_count"),
        ((), "entry_line_count"),
    ],
    ids=["off by a cent", "balanced across currencies", "a line is missing", "no lines"],
)
def test_an_entry_that_does_not_balance_is_refused_at_commit(
    raw: psycopg.Connection[Any], lines: tuple[RawLine, ...], rule: str
) -> None:
    insert_entry(raw, "je_raw")
    insert_lines(raw, "je_raw", lines)
    with pytest.raises(errors.CheckViolation) as error:
        raw.commit()
    assert refused(error) == rule


def test_two_wrong_entries_do_not_make_each_other_right(raw: psycopg.Connection[Any]) -> None:
    for entry_id, over in (("je_over", 1), ("je_under", -1)):
        insert_entry(raw, entry_id)
        insert_lines(raw, entry_id, (("receivable", "USD", 100_00 + over), ("contract_position", "USD", -100_00)))
    with pytest.raises(errors.CheckViolation) as error:
        raw.commit()
    assert refused(error) == "entry_functional_balanced"


@pytest.mark.parametrize(
    ("lines", "kind", "rule"),
    [
        ((("receivable", "USD", 0),), errors.CheckViolation, "ck_journal_line_amount_not_zero"),
        ((("slush_fund", "USD", 5),), errors.ForeignKeyViolation, "fk_journal_line_account_account"),
        ((("receivable", "usd", 5),), errors.CheckViolation, "ck_journal_line_currency_is_iso_4217"),
        (
            (*BALANCED, ("receivable", "USD", 1)),
            errors.CheckViolation,
            "entry_sealed",
        ),
    ],
    ids=["a line of zero", "an unknown account", "an unknown currency", "more lines than the header counts"],
)
def test_a_wrong_line_is_refused_at_once(
    raw: psycopg.Connection[Any], lines: tuple[RawLine, ...], kind: type[psycopg.Error], rule: str
) -> None:
    insert_entry(raw, "je_raw")
    with pytest.raises(kind) as error:
        insert_lines(raw, "je_raw", lines)
    assert refused(error) == rule


def test_an_entry_of_one_line_is_refused(raw: psycopg.Connection[Any]) -> None:
    with pytest.raises(errors.CheckViolation) as error:
        insert_entry(raw, "je_raw", line_count=1)
    assert refused(error) == "ck_journal_entry_two_lines_at_least"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal_line SET amount_minor = amount_minor + 1",
        "UPDATE journal_entry SET posting_on = posting_on - 1",
        "UPDATE journal_entry SET line_count = 4",
        "DELETE FROM journal_line",
        "DELETE FROM journal_entry",
        "TRUNCATE journal_line",
        "TRUNCATE journal_entry, journal_line",
        "TRUNCATE account CASCADE",
        "INSERT INTO journal_line SELECT * FROM journal_line"
        " ON CONFLICT (entry_id, line_no) DO UPDATE SET amount_minor = 7",
        "MERGE INTO journal_line l USING journal_entry e ON l.entry_id = e.id WHEN MATCHED THEN DELETE",
        "SET LOCAL session_replication_role = 'replica'; DELETE FROM journal_line",
    ],
)
def test_what_was_posted_can_be_neither_changed_nor_removed(
    raw: psycopg.Connection[Any], posted: str, statement: str
) -> None:
    with pytest.raises(errors.InsufficientPrivilege, match="forbidden"):
        raw.execute(statement.encode())
    raw.rollback()
    assert raw.execute("SELECT amount_minor FROM journal_line ORDER BY 1").fetchall() == [(-100_00,), (100_00,)]


@pytest.mark.parametrize("mode", ["origin", "replica"])
def test_not_even_balanced_lines_can_join_an_entry_later(raw: psycopg.Connection[Any], posted: str, mode: str) -> None:
    raw.execute(f"SET LOCAL session_replication_role = '{mode}'".encode())
    with pytest.raises(errors.CheckViolation) as error:
        insert_lines(raw, posted, BALANCED, first_no=3)
    assert refused(error) == "entry_sealed"


def test_checking_the_balance_early_opens_no_gap_for_more_lines(raw: psycopg.Connection[Any]) -> None:
    insert_entry(raw, "je_raw")
    insert_lines(raw, "je_raw")
    raw.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(errors.CheckViolation) as error:
        insert_lines(raw, "je_raw", BALANCED, first_no=3)
    assert refused(error) == "entry_sealed"


@pytest.mark.parametrize("posting_on", [date(2013, 5, 31), date(2013, 7, 1)])
def test_an_entry_cannot_lie_outside_its_period(raw: psycopg.Connection[Any], posting_on: date) -> None:
    with pytest.raises(errors.CheckViolation) as error:
        insert_entry(raw, "je_raw", posting_on=posting_on)
    assert refused(error) == "entry_date_in_period"


@pytest.mark.parametrize("status", ["closing", "closed"])
def test_a_closed_period_takes_no_entry(raw: psycopg.Connection[Any], posted: str, status: str) -> None:
    raw.execute("UPDATE accounting_period SET status = 'closing'")
    if status == "closed":
        raw.execute("UPDATE accounting_period SET status = 'closed'")
    with pytest.raises(errors.CheckViolation) as error:
        insert_entry(raw, "je_raw")
    assert refused(error) == "entry_period_open"


def test_no_period_comes_to_be_before_a_closed_one(raw: psycopg.Connection[Any], posted: str) -> None:
    raw.execute("UPDATE accounting_period SET status = 'closing'")
    with pytest.raises(errors.CheckViolation) as error:
        insert_entry(raw, "je_raw", period="2013-05", posting_on=date(2013, 5, 31))
    assert refused(error) == "entry_period_open"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounting_period SET status = 'closed'",
        "UPDATE accounting_period SET ends_on = '2013-08-01'",
        "UPDATE accounting_period SET generation = 5",
    ],
)
def test_a_period_moves_only_in_order(raw: psycopg.Connection[Any], posted: str, statement: str) -> None:
    with pytest.raises(errors.CheckViolation) as error:
        raw.execute(statement.encode())
    assert refused(error) == "period_moves_in_order"


def test_a_closed_period_opens_again_only_as_its_next_generation(raw: psycopg.Connection[Any], posted: str) -> None:
    for statement in ("SET status = 'closing'", "SET status = 'closed'"):
        raw.execute(f"UPDATE accounting_period {statement}".encode())
    raw.commit()
    with pytest.raises(errors.CheckViolation):
        raw.execute("UPDATE accounting_period SET status = 'open'")
    raw.rollback()
    raw.execute("UPDATE accounting_period SET status = 'open', generation = 1")


def test_periods_cannot_overlap(raw: psycopg.Connection[Any]) -> None:
    """A period is a whole month and is named after it, so two names never share a day."""
    with pytest.raises(errors.CheckViolation) as error:
        raw.execute(
            "INSERT INTO accounting_period (book, period, starts_on, ends_on, status, generation)"
            " VALUES ('main', '2013-06', '2013-06-01', '2013-07-02', 'open', 0)"
        )
    assert refused(error) == "ck_accounting_period_ends_with_its_month"


def test_an_entry_is_reversed_once(raw: psycopg.Connection[Any], posted: str) -> None:
    mirror = (("receivable", "USD", -100_00), ("contract_position", "USD", 100_00))
    with pytest.raises(errors.UniqueViolation) as error:
        for entry_id in ("je_first", "je_second"):
            insert_entry(raw, entry_id, reverses_entry_id=posted)
            insert_lines(raw, entry_id, mirror)
    assert refused(error) == "uq_journal_entry_reverses_entry_id"


def test_a_reversal_mirrors_the_whole_entry(raw: psycopg.Connection[Any], posted: str) -> None:
    insert_entry(raw, "je_half", reverses_entry_id=posted)
    insert_lines(raw, "je_half", (("receivable", "USD", -50_00), ("contract_position", "USD", 50_00)))
    with pytest.raises(errors.CheckViolation) as error:
        raw.commit()
    assert refused(error) == "entry_reverses_exactly"


def test_one_key_names_one_entry(raw: psycopg.Connection[Any], posted: str) -> None:
    with pytest.raises(errors.UniqueViolation) as error:
        insert_entry(raw, "je_raw", idempotency_key="invoice/1")
    assert refused(error) == "uq_journal_entry_book_idempotency_key"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal_line SET amount_minor = 1",
        "UPDATE journal_entry SET kind = 'other'",
        "DELETE FROM journal_line",
        "DELETE FROM journal_entry",
        "TRUNCATE journal_line",
        "ALTER TABLE journal_line DISABLE TRIGGER journal_line_append_only",
        "DROP TRIGGER journal_line_append_only ON journal_line",
        "SET session_replication_role = 'replica'",
        "INSERT INTO account (code, name, class, normal_side) VALUES ('slush_fund', 'Slush fund', 'asset', 'D')",
        "UPDATE accounting_period SET ends_on = ends_on",
        "DELETE FROM accounting_period",
        "DELETE FROM usage_event",
        "UPDATE usage_event SET value = 1",
        "DELETE FROM rated_line",
        "UPDATE rated_line SET quantity = 1",
    ],
)
def test_the_role_of_the_product_lacks_the_right_to_try(database: Database, posted: str, statement: str) -> None:
    with (
        raw_connection(database, role="perennial_app") as connection,
        pytest.raises(errors.InsufficientPrivilege, match=r"permission denied|must be owner"),
    ):
        connection.execute(statement.encode())


def test_the_role_of_the_product_can_post_and_close(database: Database) -> None:
    with raw_connection(database, role="perennial_app") as connection:
        insert_entry(connection, "je_raw")
        insert_lines(connection, "je_raw")
        connection.commit()
        connection.execute("UPDATE accounting_period SET status = 'closing'")
