from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from psycopg import errors
from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from domain.journal import Posting
from models.database import Database, violated_constraint
from models.journal import EntryMismatch, JournalEntry, JournalLine, post, post_all
from models.period import PeriodNotInState, begin_closing, close, periods, post_as_close, reopen
from tests.models.ledger_samples import JUNE_1, insert_entry, invoice_entry, raw_connection, wait_for_a_lock


def entry_count(session: Session) -> int:
    return session.exec(select(func.count()).select_from(JournalEntry)).one()


def close_june(session: Session) -> None:
    begin_closing(session, "2013-06")
    close(session, "2013-06")


def test_an_entry_is_stored_as_it_was_given(database: Database) -> None:
    entry = invoice_entry(economic_on=date(2013, 5, 28))
    entry_id = database.run(lambda session: post(session, entry))
    with database.transaction() as session:
        header = session.exec(select(JournalEntry)).one()
        lines = session.exec(select(JournalLine).order_by(JournalLine.line_no)).all()  # type: ignore[arg-type]
    assert (header.id, header.period, header.posting_on, header.economic_on) == (
        entry_id,
        "2013-06",
        date(2013, 6, 1),
        date(2013, 5, 28),
    )
    assert (header.contract_id, header.customer_id, header.invoice_id) == ("con_1", "cus_1", "inv_1")
    assert [(line.account, line.amount_minor, line.functional_minor, line.line_id) for line in lines] == [
        ("receivable", 100_00, 100_00, None),
        ("contract_position", -100_00, -100_00, "seats"),
    ]


def test_amounts_beyond_32_bits_are_kept(database: Database) -> None:
    database.run(lambda session: post(session, invoice_entry(amount_minor=9_000_000_000_000_000)))
    with database.transaction() as session:
        assert session.exec(select(func.max(JournalLine.amount_minor))).one() == 9_000_000_000_000_000


def test_the_same_key_and_content_gives_the_first_entry(database: Database) -> None:
    first = database.run(lambda session: post(session, invoice_entry()))
    assert database.run(lambda session: post(session, invoice_entry())) == first
    with database.transaction() as session:
        assert entry_count(session) == 1


@pytest.mark.parametrize(
    "changes",
    [{"amount_minor": 100_01}, {"kind": "credit_note"}, {"posting_on": date(2013, 6, 2)}, {"currency": "EUR"}],
    ids=lambda changes: next(iter(changes)),
)
def test_the_same_key_with_another_content_is_an_error(database: Database, changes: dict[str, object]) -> None:
    database.run(lambda session: post(session, invoice_entry()))
    with pytest.raises(EntryMismatch, match="invoice/1"):
        database.run(lambda session: post(session, invoice_entry(**changes)))  # type: ignore[arg-type]


def test_a_batch_posts_what_is_new_and_finds_what_is_not(database: Database) -> None:
    known = database.run(lambda session: post(session, invoice_entry("b")))
    ids = database.run(lambda session: post_all(session, [invoice_entry(key) for key in ("c", "b", "a", "c")]))
    assert ids[1] == known
    assert ids[3] == ids[0]
    assert len(set(ids)) == 3
    with database.transaction() as session:
        assert entry_count(session) == 3
        assert session.exec(select(func.count()).select_from(JournalLine)).one() == 6


def test_one_key_in_a_batch_with_two_contents_is_an_error(database: Database) -> None:
    with pytest.raises(EntryMismatch):
        database.run(lambda session: post_all(session, [invoice_entry("a"), invoice_entry("a", amount_minor=1_00)]))
    with database.transaction() as session:
        assert entry_count(session) == 0


def test_no_entries_are_posted_without_a_question_to_the_database(database: Database) -> None:
    with database.transaction() as session:
        assert post_all(session, []) == []


def test_an_unbalanced_entry_fails_the_transaction_that_posts_it(database: Database) -> None:
    crooked = invoice_entry(postings=(Posting("receivable", 100_00), Posting("contract_position", -99_00)))
    with pytest.raises(IntegrityError) as error:
        database.run(lambda session: post(session, crooked))
    assert violated_constraint(error.value) == "entry_functional_balanced"


def test_twenty_who_post_one_key_at_once_all_get_the_one_entry(database: Database) -> None:
    with ThreadPoolExecutor(20) as pool:
        posts = [pool.submit(database.run, lambda session: post(session, invoice_entry())) for _ in range(20)]
        ids = {posting.result() for posting in posts}
    assert len(ids) == 1
    with database.transaction() as session:
        assert entry_count(session) == 1


def test_batches_that_overlap_in_opposite_orders_do_not_block_each_other(database: Database) -> None:
    keys = [f"key/{number}" for number in range(50)]
    batches = [[invoice_entry(key) for key in order] for order in (keys, keys[::-1])] * 4
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda batch: database.run(lambda session: post_all(session, batch)), batches))
    assert results[0] == results[1][::-1]
    with database.transaction() as session:
        assert entry_count(session) == 50


def test_posting_again_after_the_close_gives_the_first_entry(database: Database) -> None:
    first = database.run(lambda session: post(session, invoice_entry()))
    database.run(close_june)
    assert database.run(lambda session: post(session, invoice_entry())) == first


def test_a_closed_period_refuses_a_new_entry(database: Database) -> None:
    database.run(close_june)
    with pytest.raises(IntegrityError) as error:
        database.run(lambda session: post(session, invoice_entry()))
    assert violated_constraint(error.value) == "entry_period_open"


def test_only_the_close_itself_posts_to_a_closing_period(database: Database) -> None:
    database.run(lambda session: begin_closing(session, "2013-06"))
    with pytest.raises(IntegrityError):
        database.run(lambda session: post(session, invoice_entry()))
    with database.transaction() as session:
        post_as_close(session, "2013-06")
        post(session, invoice_entry())
    with pytest.raises(IntegrityError):
        database.run(lambda session: post(session, invoice_entry("invoice/2")))


def test_a_period_is_reopened_as_its_next_generation_and_never_before_a_closed_one(database: Database) -> None:
    database.run(
        lambda session: post_all(session, [invoice_entry("a"), invoice_entry("b", posting_on=date(2013, 7, 1))])
    )
    database.run(close_june)
    database.run(lambda session: begin_closing(session, "2013-07"))
    with pytest.raises(PeriodNotInState, match="after 2013-06"):
        database.run(lambda session: reopen(session, "2013-06"))
    database.run(lambda session: close(session, "2013-07"))
    database.run(lambda session: reopen(session, "2013-07"))
    with database.transaction() as session:
        assert [(p.period, p.status, p.generation) for p in periods(session)] == [
            ("2013-06", "closed", 0),
            ("2013-07", "open", 1),
        ]


def test_a_period_that_is_open_cannot_be_closed_at_once(database: Database) -> None:
    database.run(lambda session: post(session, invoice_entry()))
    with pytest.raises(PeriodNotInState, match="not closing"):
        database.run(lambda session: close(session, "2013-06"))


def test_a_close_waits_for_the_entry_that_is_being_posted(database: Database) -> None:
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            post(session, invoice_entry())
            closing = pool.submit(database.run, close_june)
            wait_for_a_lock(database)
            assert not closing.done()
        closing.result()
    with database.transaction() as session:
        assert entry_count(session) == 1


def test_a_poster_with_a_snapshot_from_before_the_close_cannot_post_behind_it(database: Database) -> None:
    database.run(lambda session: post(session, invoice_entry()))
    with raw_connection(database) as old:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert old.execute("SELECT status FROM accounting_period").fetchone() == ("open",)
        database.run(close_june)
        with pytest.raises(errors.SerializationFailure):
            insert_entry(old, "je_late")
        old.rollback()


def test_a_reversal_of_every_line_is_posted(database: Database) -> None:
    first = database.run(lambda session: post(session, invoice_entry()))
    mirror = (Posting("receivable", -100_00), Posting("contract_position", 100_00, "seats"))
    reversal = invoice_entry("invoice/1/void", kind="void", reverses_entry_id=first, postings=mirror)
    database.run(lambda session: post(session, reversal))
    with database.transaction() as session:
        assert session.exec(select(func.sum(JournalLine.amount_minor)).group_by(JournalLine.account)).all() == [0, 0]


def test_periods_are_months_in_the_order_they_follow(database: Database) -> None:
    december = invoice_entry("a", posting_on=date(2013, 12, 31))
    database.run(lambda session: post_all(session, [december, invoice_entry("b", posting_on=JUNE_1)]))
    with database.transaction() as session:
        assert [(p.period, p.starts_on, p.ends_on) for p in periods(session)] == [
            ("2013-06", date(2013, 6, 1), date(2013, 7, 1)),
            ("2013-12", date(2013, 12, 1), date(2014, 1, 1)),
        ]
