from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from domain.books import Grant, Plan, Schedule, Window
from domain.journal import Posting
from domain.keys import derived
from domain.state import Decision
from models.books import LoadedBooks, UnknownContract, load, lock, reach
from models.credit import CustomerCreditUse
from models.database import Database, violated_constraint
from models.invoice import get_invoice, lines_of
from models.journal import EntryMismatch
from models.period import begin_closing, close
from tests.models.books_samples import (
    FEBRUARY,
    JANUARY,
    MARCH,
    SETTING,
    add_credit,
    add_invoice,
    entry,
    found,
    kept,
    signed,
    statements,
    usage_item,
)
from tests.models.ledger_samples import wait_for_a_lock


@pytest.fixture
def books(database: Database) -> LoadedBooks:
    """The empty books of a contract that was just signed."""
    return found(database, signed(database))


def test_a_contract_that_there_is_not_has_no_books(database: Database) -> None:
    with pytest.raises(UnknownContract, match="con_9"):
        found(database, "con_9")
    with pytest.raises(UnknownContract, match="con_9"), database.transaction() as session:
        lock(session, "con_9")


def test_a_quiet_month_is_read_in_one_statement_and_stored_in_three(database: Database, books: LoadedBooks) -> None:
    add_invoice(books, 1)
    books.entries.append(entry())
    with statements(database) as sent:
        found(database, since=JANUARY)
        assert len(sent) == 1
        kept(database, books)
    assert [words.split()[3] for words in sent[1:]] == ["(", "(", "MATERIALIZED"]
    assert [words.split()[1] for words in sent[1:]] == ["schedules_written", "posted", "given"]


def test_books_that_nothing_changed_cost_nothing_to_store(database: Database, books: LoadedBooks) -> None:
    add_invoice(books, 1)
    add_credit(books, 1, 500)
    kept(database, books)
    again = found(database, everything=True)
    with statements(database) as sent:
        assert kept(database, again) == {}
    assert sent == []


def test_a_new_document_gets_the_next_number_of_its_legal_entity(database: Database, books: LoadedBooks) -> None:
    add_invoice(books, 1)
    note = add_invoice(books, 2, kind="credit_note", status="issued", correction_id="cor_1")
    assert kept(database, books) == {"inv_1": "INV-000001", note.id: "CN-000001"}
    other = found(database)
    other.book = "acme_fr"
    add_invoice(other, 3)
    assert kept(database, other) == {"inv_3": "INV-000001"}


def test_a_document_says_what_stands_on_it_beside_its_figures(database: Database, books: LoadedBooks) -> None:
    at = datetime(2013, 1, 1, 9, tzinfo=UTC)
    invoice = add_invoice(books, 1, issued_at=at, due_on=date(2013, 7, 1), tax_by_rate=(("VAT", 0), ("levy", 0)))
    invoice.lines.append(replace(invoice.lines[0], id="il_2", kind="credit", schedule_id=None))
    invoice.lines.append(replace(invoice.lines[0], id="il_3", kind="drawn", line_id="prepaid", schedule_id=None))
    kept(database, books)
    with database.transaction() as session:
        row = get_invoice(session, "inv_1")
        lines = lines_of(session, "inv_1")
    assert row is not None and (row.input_hash, row.customer_id, row.document) == ("hash", "cus_UA", 1)
    # Midnight of Paris in summer.
    assert row.due_at == datetime(2013, 6, 30, 22, tzinfo=UTC)
    assert [(tax["name"], tax["rate"]) for tax in row.taxes] == [("VAT", "20"), ("levy", "")]
    described = ["The plan", "The plan: unused days", "prepaid: paid by prepaid credits"]
    assert [line.description for line in lines] == described


def test_without_a_question_there_is_what_is_open_unused_or_unfinished(database: Database, books: LoadedBooks) -> None:
    add_invoice(books, 1, status="paid")
    add_invoice(books, 2)
    running = Schedule("sch_run", "plan", "unbilled", "daily", MARCH, date(2013, 4, 1), 500, 500, MARCH, billed=False)
    waiting = Schedule("sch_due", "setup", "position", "at_delivery", JANUARY, FEBRUARY, 700, 0, MARCH)
    delivered = replace(waiting, id="sch_done", recognized_minor=700, recognized_through=date(2013, 1, 5))
    behind = Schedule("sch_behind", "plan", "position", "daily", JANUARY, MARCH, 0, 0, FEBRUARY)
    for schedule in (running, waiting, delivered, behind):
        books.keep(schedule)
    for number, remaining_minor in enumerate((0, 300, 0, 0), start=1):
        add_credit(books, number, remaining_minor)
    kept(database, books)
    read = found(database)
    assert set(read.documents) == {"inv_2"}
    assert read.documents["inv_2"].lines == books.documents["inv_2"].lines
    assert set(read.schedules) == {"sch_run", "sch_due", "sch_behind"}
    # The last one is used up, and says where the next one's place is.
    assert list(read.credits) == ["ccr_2", "ccr_4"]


def test_an_invoice_that_is_named_is_there_with_all_that_belongs_to_it(database: Database, books: LoadedBooks) -> None:
    invoice = add_invoice(books, 1, status="paid", paid_minor=9_400, credit_applied_minor=600)
    mirror = replace(books.schedules["sch_1"], id="sch_mirror", amount_minor=-2_000, recognized_minor=-2_000)
    books.keep(mirror)
    add_invoice(books, 2, kind="credit_note", status="issued", corrects=invoice.id)
    for number in (3, 4):
        add_invoice(books, number, status="paid")
    add_credit(books, 1, 400)
    add_credit(books, 2, 0, source="credit_note", source_id="inv_2", invoice_id=invoice.id, amount_minor=2_000)
    add_credit(books, 3, 0)
    sold = Grant("grt_1", "prepaid", 100, 100, 100, 100, JANUARY, None, 0, (), schedule_line_id="il_1", closed=True)
    books.grants = {"grt_1": sold, "grt_2": replace(sold, id="grt_2", schedule_line_id=None)}
    kept(database, books)
    read = found(database, invoices=("inv_1",))
    # The last one too: it says which number the next has.
    assert set(read.documents) == {"inv_1", "inv_2", "inv_4"}
    assert set(read.schedules) == {"sch_1", "sch_mirror", "sch_2", "sch_4"}
    assert set(read.credits) == {"ccr_1", "ccr_2", "ccr_3"}
    assert set(read.grants) == {"grt_1"}
    assert found(database).grants == {}


def test_credit_that_an_invoice_uses_is_noted_oldest_first(database: Database, books: LoadedBooks) -> None:
    for number in (1, 2, 3):
        add_credit(books, number, 1_000)
    kept(database, books)
    later = found(database)
    add_invoice(later, 1, credit_applied_minor=1_200)
    for number, remaining_minor in ((1, 0), (2, 800)):
        later.credits[f"ccr_{number}"].remaining_minor = remaining_minor
    kept(database, later)
    with database.transaction() as session:
        uses = session.exec(select(CustomerCreditUse)).all()
    assert {(use.credit_id, use.invoice_id, use.amount_minor) for use in uses} == {
        ("ccr_1", "inv_1", 1_000),
        ("ccr_2", "inv_1", 200),
    }
    assert set(found(database, invoices=("inv_1",)).credits) == {"ccr_1", "ccr_2", "ccr_3"}


def test_what_reaches_beyond_a_day_is_there_where_it_is_asked_for(database: Database, books: LoadedBooks) -> None:
    for number in (1, 2):
        add_invoice(books, number, status="paid")
    days = {"january": (JANUARY, FEBRUARY), "february": (FEBRUARY, MARCH)}
    books.windows = {id_: Window(id_, "year", *span, 100, closed=True) for id_, span in days.items()}
    books.plans = {id_: Plan(id_, "setup", *span) for id_, span in days.items()}
    kept(database, books)
    read = found(database, since=FEBRUARY)
    assert (set(read.documents), set(read.schedules)) == ({"inv_2"}, {"sch_2"})
    assert (set(read.windows), set(read.plans)) == ({"february"}, {"february"})
    assert set(found(database, since=JANUARY).windows) == {"january", "february"}
    quiet = found(database)
    assert (quiet.documents, quiet.windows, set(quiet.plans)) == ({}, {}, {"february"})
    named = found(database, invoices=("inv_1",))
    assert (set(named.windows), set(named.plans)) == ({"january", "february"}, {"january", "february"})


def test_a_plan_is_there_with_all_its_pieces(database: Database, books: LoadedBooks) -> None:
    books.plans["plan_1"] = Plan("plan_1", "setup", JANUARY, date(2014, 1, 1), 500, 500, schedules=2)
    pieces = [derived("sch", books.contract_id, "plan", "plan_1", number) for number in (0, 1, 2)]
    for id_ in [*pieces, "sch_other"]:
        books.keep(Schedule(id_, "setup", "position", "daily", JANUARY, FEBRUARY, 100, 100, FEBRUARY))
    kept(database, books)
    assert set(found(database).schedules) == set(pieces)


def test_the_first_open_day_follows_the_last_month_that_is_closed_or_closing(
    database: Database, books: LoadedBooks
) -> None:
    assert books.closed_until is None
    with database.transaction() as session:
        begin_closing(session, "2013-01")
        close(session, "2013-01")
    assert found(database).closed_until == FEBRUARY
    with database.transaction() as session:
        begin_closing(session, "2013-02")
        begin_closing(session, "2013-05", book="acme_fr")
    assert found(database).closed_until == MARCH


def test_entries_are_posted_with_what_they_belong_to_or_nothing_is(database: Database, books: LoadedBooks) -> None:
    books.entries.append(entry())
    kept(database, books)
    other = found(database)
    other.entries.append(replace(entry(), postings=(Posting("receivable", 7), Posting("revenue", -7))))
    add_invoice(other, 1)
    with pytest.raises(EntryMismatch):
        kept(database, other)
    assert found(database).documents == {}


@pytest.mark.parametrize(
    ("attack", "rule"),
    [
        ("UPDATE prepaid_grant SET used_minor = 101", "ck_prepaid_grant_used_within_granted"),
        ("UPDATE prepaid_grant SET earned_minor = 51", "ck_prepaid_grant_earned_within_paid"),
        ("UPDATE invoice SET refunded_minor = 1", "ck_invoice_within_paid"),
        ("UPDATE invoice_line SET credited_minor = 10001", "ck_invoice_line_credited_within_net"),
        ("UPDATE invoice_line SET credited_tax_minor = 1", "ck_invoice_line_credited_within_tax"),
        ("UPDATE revenue_schedule SET ends_on = starts_on", "ck_revenue_schedule_ends_after_it_starts"),
        ("UPDATE revenue_schedule SET method = 'sometimes'", "ck_revenue_schedule_method_known"),
        ("UPDATE revenue_schedule SET invoice_line_id = 'x'", "fk_revenue_schedule_invoice_line_id_invoice_line"),
        ("UPDATE customer_credit SET remaining_minor = -1", "ck_customer_credit_remainder_within_amount"),
    ],
)
def test_the_database_holds_amounts_within_their_bounds(
    database: Database, books: LoadedBooks, attack: str, rule: str
) -> None:
    add_invoice(books, 1)
    add_credit(books, 1, 1_000)
    books.grants["grt_1"] = Grant("grt_1", "prepaid", 50, 100, 0, 0, JANUARY, None, 0, ())
    kept(database, books)
    with pytest.raises(DBAPIError) as raised, database.transaction() as session:
        session.execute(text(attack))
    assert violated_constraint(raised.value) == rule


def test_a_document_is_there_once_whoever_made_it(database: Database, books: LoadedBooks) -> None:
    add_invoice(books, 1)
    add_invoice(books, 2, sequence=1, correction_id="cor_1")
    kept(database, books)
    for again in ({"sequence": 1}, {"sequence": 9, "correction_id": "cor_1"}):
        other = found(database)
        add_invoice(other, 3, **again)
        with pytest.raises(DBAPIError) as raised:
            kept(database, other)
        assert violated_constraint(raised.value) in (
            "uq_invoice_contract_id_document_correction_id",
            "uq_invoice_correction",
        )


def test_books_wait_for_the_payment_that_is_being_recorded(database: Database, books: LoadedBooks) -> None:
    """What is open is read after the payment, so that storing the books does not undo it."""
    add_invoice(books, 1)
    kept(database, books)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            session.execute(text("UPDATE invoice SET paid_minor = 400"))
            reading = pool.submit(found, database)
            wait_for_a_lock(database)
        assert reading.result().documents["inv_1"].open_minor == 9_600


def test_who_locks_the_contract_keeps_others_out(database: Database, books: LoadedBooks) -> None:
    def change() -> None:
        with database.transaction() as other:
            lock(other, books.contract_id)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            lock(session, books.contract_id)
            waiting = pool.submit(change)
            wait_for_a_lock(database)
            assert not waiting.done()
        waiting.result()


def test_a_decision_reaches_back_to_the_first_day_of_its_periods() -> None:
    state = object()
    late = usage_item(FEBRUARY + timedelta(days=3), MARCH, period_start=FEBRUARY)
    assert reach(Decision(state, "billed", accruals=(usage_item(MARCH), late))) == FEBRUARY  # type: ignore[arg-type]
    assert reach(Decision(state, "paused")) is None  # type: ignore[arg-type]


def test_the_application_may_not_take_back_what_its_books_say(database: Database, books: LoadedBooks) -> None:
    """The role that the product runs as."""
    add_invoice(books, 1)
    kept(database, books)
    app = Database(database.url, role="perennial_app")
    with app.transaction() as session:
        read = load(session, books.contract_id, **SETTING)
    read.documents["inv_1"].paid_minor = 400
    read.documents["inv_1"].lines[0].credited_minor = 100
    kept(app, read)
    for attack in ("UPDATE invoice_line SET net_minor = 1", "DELETE FROM revenue_plan"):
        with pytest.raises(DBAPIError, match="permission denied"), app.transaction() as session:
            session.execute(text(attack))
    app.dispose()


def test_a_contract_with_bounds_remembers_its_last_invoices(database: Database, books: LoadedBooks) -> None:
    """A new invoice is compared with the one before, and with how many there were on that day."""
    for number in (1, 2, 3):
        add_invoice(books, number, status="paid", issued_on=JANUARY if number == 1 else FEBRUARY)
    add_invoice(books, 4, status="void", issued_on=MARCH)
    kept(database, books)
    july = date(2013, 7, 1)
    assert found(database, since=july).documents == {}
    with database.transaction() as session:
        session.execute(text("""UPDATE contract SET terms = '{"bounds": {"per_day": 1}}'"""))
    assert set(found(database, since=july).documents) == {"inv_2", "inv_3"}
