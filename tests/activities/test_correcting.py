"""Corrections in the database. 31.00 for January is 1.00 a day, so 10.00 are earned by the 11th."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from activities.signatures import ReviewPayment
from domain.commands import Cancel, ChangeLine
from domain.correcting import (
    BillAgain,
    CorrectionType,
    IssueCreditNote,
    LoseDispute,
    OpenDispute,
    RecordPayment,
    RefundPayment,
    VoidInvoice,
    WinDispute,
    WriteOff,
)
from domain.life import Corrected
from gateways.payment import Intent, IntentStatus
from models.database import Database
from models.period import begin_closing, close
from tests.activities.desk import JANUARY_11, Desk
from tests.activities.gateway import FakeGateway
from tests.activities.test_repeats import crashes

__all__ = ["crashes"]

FEBRUARY, MARCH, APRIL = (date(2013, month, 1) for month in (2, 3, 4))


@pytest.fixture
def desk(database: Database, gateway: FakeGateway) -> Desk:
    return Desk(database, gateway, pays="on_invoice", payment_terms_days=14)


@pytest.fixture
def charged(database: Database, gateway: FakeGateway) -> Desk:
    """The gateway has collected the 31.00."""
    desk = Desk(database, gateway)
    desk.charge()
    return desk


def pay(minor: int) -> RecordPayment:
    return RecordPayment(amount_minor=minor)


def note(minor: int, line: str | None = None) -> IssueCreditNote:
    return IssueCreditNote(amount_minor=minor, line=line)


def back(minor: int) -> RefundPayment:
    return RefundPayment(amount_minor=minor)


def cases(desk: Desk) -> list[tuple[Any, ...]]:
    return desk.story.rows("SELECT stage FROM collection")


def test_a_payment_in_parts_settles_the_invoice_with_the_last(desk: Desk) -> None:
    assert desk.correct(pay(1000)) == Corrected((desk.invoice_id,))
    assert desk.figures("status", "paid_minor") == ("open", 1000)
    assert cases(desk) == [("scheduled",)]
    assert desk.correct(pay(2100)) == Corrected((desk.invoice_id,), settled=True)
    assert desk.figures("status", "paid_minor") == ("paid", 3100)
    assert cases(desk) == [("settled",)]
    assert desk.story.balances() == {"cash": 3100, "contract_position": -3100}
    desk.expect_sound_books()


def test_what_is_paid_beyond_the_invoice_pays_the_next(desk: Desk) -> None:
    """40.00 for 31.00: 9.00 are left, and 22.00 of February's 31.00 are owed."""
    desk.correct(pay(4000))
    assert desk.figures("status", "paid_minor") == ("paid", 3100)
    assert desk.story.balances()["customer_credit"] == -900
    [issued] = desk.story.until(FEBRUARY)
    assert (issued.total_minor, issued.open_minor) == (3100, 2200)
    assert desk.story.rows("SELECT remaining_minor FROM customer_credit") == [(0,)]
    desk.expect_sound_books()


def test_a_credit_note_lowers_what_is_open(desk: Desk) -> None:
    """Of 15.50, half of what was billed, 5.00 were earned in ten days."""
    made = desk.correct(note(1550, "plan"))
    assert (made.number, made.settled) == ("CN-000001", False)
    assert desk.figures("status", "credited_minor") == ("open", 1550)
    row = "SELECT total_minor, status, corrects_invoice_id, correction_id, issued_on FROM invoice WHERE id = :id"
    assert desk.story.rows(row, id=made.document_id) == [
        (1550, "issued", desk.invoice_id, "correction/cor_1", JANUARY_11)
    ]
    assert desk.story.balances() == {"receivable": 1550, "contract_position": -1050, "revenue": -500}
    desk.expect_sound_books()


def test_a_credit_note_on_a_paid_invoice_becomes_customer_credit(charged: Desk) -> None:
    made = charged.correct(note(1550))
    assert made.invoice_ids == (charged.invoice_id,) and not made.settled
    assert charged.figures("status", "paid_minor", "credited_minor") == ("paid", 3100, 0)
    assert charged.story.rows("SELECT credit_note_id, invoice_id, remaining_minor FROM customer_credit") == [
        (made.document_id, charged.invoice_id, 1550)
    ]
    charged.expect_sound_books()


def test_numbers_of_bills_and_corrections_leave_no_gap(desk: Desk) -> None:
    """A note that is asked for, one of a change, one more, and an invoice that is billed again."""
    first = desk.correct(note(100))
    desk.story.on(date(2013, 1, 12), ChangeLine(line="plan", quantity=Decimal(0)))
    second = desk.correct(note(100), date(2013, 1, 13))
    desk.story.until(FEBRUARY)
    assert (first.number, second.number) == ("CN-000001", "CN-000003")
    desk.expect_sound_books()


def test_a_void_invoice_leaves_nothing_and_may_be_billed_again(desk: Desk) -> None:
    assert desk.correct(VoidInvoice()) == Corrected((desk.invoice_id,), settled=True)
    assert desk.figures("status") == ("void",)
    assert desk.story.balances() == {}
    again = desk.correct(BillAgain())
    assert again.number == "INV-000002" and again.collect is not None
    assert (again.collect.open_minor, again.collect.charges) == (3100, False)
    assert again.collect.due_at == datetime(2013, 1, 25, tzinfo=UTC)
    assert sorted(cases(desk)) == [("scheduled",), ("settled",)]
    assert desk.story.balances() == {"receivable": 3100, "contract_position": -2100, "revenue": -1000}
    desk.expect_sound_books()


def test_a_void_gives_back_the_credit_that_the_invoice_used(desk: Desk) -> None:
    desk.correct(pay(4000))
    [issued] = desk.story.until(FEBRUARY)
    assert issued.invoice_id is not None
    assert desk.correct(VoidInvoice(), FEBRUARY, invoice=issued.invoice_id).settled
    assert desk.story.rows("SELECT remaining_minor FROM customer_credit") == [(900,)]
    desk.expect_sound_books()


def test_a_write_off_and_the_money_that_comes_all_the_same(desk: Desk) -> None:
    """10.00 were earned. On 21 January 31.00 come: bad debt is taken back, 10 days are revenue, 11 to come."""
    assert desk.correct(WriteOff()) == Corrected((desk.invoice_id,), settled=True)
    assert desk.figures("status", "written_off_minor", "bad_debt_minor") == ("uncollectible", 3100, 1000)
    assert desk.story.balances() == {"bad_debt": 1000, "revenue": -1000}
    desk.correct(pay(3100), date(2013, 1, 21))
    assert desk.figures("status", "paid_minor", "written_off_minor") == ("paid", 3100, 0)
    assert desk.story.balances() == {"cash": 3100, "revenue": -2000, "contract_position": -1100}
    desk.expect_sound_books()


def test_money_that_the_gateway_takes_for_an_invoice_written_off_meanwhile_takes_back_bad_debt(
    database: Database, gateway: FakeGateway
) -> None:
    """As a payment by hand would: 10.00 of bad debt, and 21.00 for days to come."""
    desk = Desk(database, gateway)
    gateway.outcomes = ["processing"]
    desk.charge()
    desk.correct(WriteOff())
    gateway.intents["pi_1"] = _succeeded(gateway)
    assert desk.review(JANUARY_11).kind == "settled"
    assert desk.figures("status", "paid_minor", "written_off_minor") == ("paid", 3100, 0)
    assert desk.story.balances() == {"gateway_clearing": 3100, "revenue": -1000, "contract_position": -2100}
    desk.expect_sound_books()


def _succeeded(gateway: FakeGateway) -> Intent:
    gateway.captures.append(("pi_1", 3100))
    return replace(gateway.intents["pi_1"], status=IntentStatus.SUCCEEDED, received_minor=3100)


def test_a_dispute_holds_the_money_back_until_it_is_won(desk: Desk) -> None:
    desk.correct(pay(3100))
    desk.correct(OpenDispute())
    assert desk.story.balances() == {"disputed": 3100, "contract_position": -2100, "revenue": -1000}
    desk.expect_sound_books()
    desk.correct(WinDispute(), FEBRUARY)
    assert desk.story.balances() == {"cash": 3100, "revenue": -3100}
    assert desk.figures("disputed_minor", "refunded_minor") == (0, 0)


def test_a_lost_dispute_is_money_given_back(desk: Desk) -> None:
    """By 21 January 20.00 were earned: they go to refunds, 11.00 are not to be delivered."""
    desk.correct(pay(3100))
    desk.correct(OpenDispute())
    desk.correct(LoseDispute(), date(2013, 1, 21))
    assert desk.figures("status", "refunded_minor", "disputed_minor") == ("paid", 3100, 0)
    assert desk.story.balances() == {"refunds": 2000, "revenue": -2000}
    desk.expect_sound_books()


REFUSALS: list[tuple[list[CorrectionType], CorrectionType, str]] = [
    ([], note(3101), "/amount"),
    ([], note(100, "seats"), "/line"),
    ([], back(100), "/amount"),
    ([], OpenDispute(), "/invoice"),
    ([], WinDispute(), "/invoice"),
    ([], LoseDispute(), "/invoice"),
    ([], BillAgain(), "/invoice"),
    ([pay(100)], VoidInvoice(), "/invoice"),
    ([pay(100)], back(101), "/amount"),
    ([pay(3100)], WriteOff(), "/invoice"),
    ([pay(3100), OpenDispute()], OpenDispute(), "/invoice"),
    ([pay(3100), OpenDispute()], back(100), "/amount"),
    ([VoidInvoice()], VoidInvoice(), "/invoice"),
    ([VoidInvoice()], note(100), "/invoice"),
    ([VoidInvoice()], WriteOff(), "/invoice"),
    ([VoidInvoice(), BillAgain()], BillAgain(), "/invoice"),
    ([WriteOff()], WriteOff(), "/invoice"),
    ([WriteOff()], note(100), "/invoice"),
    ([WriteOff()], VoidInvoice(), "/invoice"),
]


@pytest.mark.parametrize(("before", "what", "field"), REFUSALS)
def test_a_refusal_is_a_result_that_names_the_field_and_writes_nothing(
    desk: Desk, before: list[CorrectionType], what: CorrectionType, field: str
) -> None:
    for earlier in before:
        assert desk.correct(earlier).refused is None
    rows = desk.rows()
    refused = desk.correct(what)
    assert refused.refused and refused.field == field
    assert desk.rows() == rows


def test_a_credit_note_cannot_be_corrected_itself(desk: Desk) -> None:
    made = desk.correct(note(100))
    assert made.document_id is not None
    assert desk.correct(pay(100), invoice=made.document_id).field == "/invoice"


def test_a_correction_in_a_closed_month_is_refused(desk: Desk) -> None:
    desk.story.until(FEBRUARY)
    with desk.database.transaction() as session:
        begin_closing(session, "2013-01")
        close(session, "2013-01")
    assert desk.correct(pay(100)).field == "/at"
    assert desk.correct(pay(100), FEBRUARY).refused is None


EACH: list[tuple[list[CorrectionType], CorrectionType]] = [
    ([], pay(1000)),
    ([], pay(4000)),
    ([], note(1550)),
    ([], VoidInvoice()),
    ([], WriteOff()),
    ([VoidInvoice()], BillAgain()),
    ([WriteOff()], pay(3100)),
    ([pay(3100)], note(1550)),
    ([pay(3100)], back(1000)),
    ([pay(3100)], OpenDispute()),
    ([pay(3100), OpenDispute()], WinDispute()),
    ([pay(3100), OpenDispute()], LoseDispute()),
]


@pytest.mark.parametrize(("before", "what"), EACH)
def test_a_correction_made_twice_is_made_once_and_gives_the_first_answer(
    desk: Desk, before: list[CorrectionType], what: CorrectionType
) -> None:
    for earlier in before:
        desk.correct(earlier)
    made = desk.correct(what, id_="cor_twice")
    assert made.refused is None
    rows = desk.rows()
    again = desk.correct(what, id_="cor_twice")
    assert (again.invoice_ids, again.document_id, again.number) == (made.invoice_ids, made.document_id, made.number)
    assert again.collect == made.collect
    assert desk.rows() == rows
    desk.expect_sound_books()


@pytest.mark.parametrize(("before", "what"), EACH)
def test_a_crash_at_any_statement_leaves_nothing_and_the_repeat_completes(
    desk: Desk, before: list[CorrectionType], what: CorrectionType, crashes: list[int]
) -> None:
    for earlier in before:
        desk.correct(earlier)
    rows, survived = desk.rows(), 0
    made = None
    for statement in range(1, 40):
        crashes[:] = [statement]
        try:
            made = desk.correct(what, id_="cor_twice")
        except ConnectionResetError:
            assert desk.rows() == rows
            survived += 1
        else:
            break
    crashes.clear()
    assert survived >= 5 and made is not None and made.refused is None
    assert desk.story.rows("SELECT count(*) FROM correction WHERE id = 'cor_twice'") == [(1,)]
    desk.expect_sound_books()


@pytest.mark.parametrize("what", [pay(1000), note(1550), VoidInvoice(), WriteOff()])
def test_the_same_correction_from_workers_at_once_is_made_once(desk: Desk, what: CorrectionType) -> None:
    request = desk.asked(what, id_="cor_twice")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(desk.corrections.correct_invoice, [request] * 6))
    assert {(answer.refused, answer.invoice_ids, answer.number) for answer in answers} == {
        (None, (desk.invoice_id,), answers[0].number)
    }
    assert desk.story.rows("SELECT count(*) FROM correction") == [(1,)]
    desk.expect_sound_books()


def test_credit_notes_at_once_never_credit_more_than_was_billed(desk: Desk) -> None:
    """Of eight notes of 5.00 six fit into 31.00."""
    requests = [desk.asked(note(500)) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(desk.corrections.correct_invoice, requests))
    assert sorted(answer.field for answer in answers) == [""] * 6 + ["/amount"] * 2
    assert desk.figures("credited_minor") == (3000,)
    desk.expect_sound_books()


def test_a_correction_at_the_moment_of_a_bill_waits_for_it_or_goes_before(desk: Desk) -> None:
    """Overpaid by 9.00 while February is billed: the credit is used by it, or waits for March, and is never lost."""
    with ThreadPoolExecutor(2) as pool:
        paid = pool.submit(desk.correct, pay(4000), FEBRUARY)
        billed = pool.submit(desk.story.until, FEBRUARY)
    assert paid.result().refused is None
    [february] = billed.result()
    [march] = desk.story.until(MARCH)
    assert february.open_minor + march.open_minor == 6200 - 900
    desk.expect_sound_books()


@pytest.mark.parametrize("_", range(5))
def test_of_a_payment_by_hand_and_a_charge_at_once_one_settles_and_the_other_is_credit(
    database: Database, gateway: FakeGateway, _: int
) -> None:
    desk = Desk(database, gateway)
    by_hand = desk.asked(pay(3100), date(2013, 1, 1))

    def while_charged(method: str) -> None:
        if method == "confirm":
            thread.submit(desk.corrections.correct_invoice, by_hand)

    gateway.during = while_charged
    with ThreadPoolExecutor(1) as thread:
        assert desk.charge().kind == "settled"
    assert desk.figures("status", "paid_minor") == ("paid", 3100)
    assert desk.story.balances() == {
        "cash": 3100,
        "gateway_clearing": 3100,
        "customer_credit": -3100,
        "contract_position": -3100,
    }
    desk.expect_sound_books()


@pytest.mark.parametrize("before", [True, False])
def test_whichever_of_two_payments_comes_second_is_customer_credit(
    database: Database, gateway: FakeGateway, *, before: bool
) -> None:
    desk = Desk(database, gateway)
    by_hand = desk.asked(pay(1000), date(2013, 1, 1))

    def while_charged(method: str) -> None:
        if method == "confirm":
            desk.corrections.correct_invoice(by_hand)

    if before:
        gateway.during = while_charged
    desk.charge()
    if not before:
        desk.corrections.correct_invoice(by_hand)
    assert desk.figures("status", "paid_minor") == ("paid", 3100)
    [(source, invoice, remaining)] = desk.story.rows(
        "SELECT payment_id, invoice_id, remaining_minor FROM customer_credit"
    )
    assert (invoice, remaining) == (desk.invoice_id, 1000)
    assert source == ("pi_1" if before else "correction/cor_1")
    desk.expect_sound_books()


def test_after_a_part_was_paid_by_hand_only_the_rest_is_charged(database: Database, gateway: FakeGateway) -> None:
    desk = Desk(database, gateway)
    desk.correct(pay(1000), date(2013, 1, 1))
    assert desk.charge().kind == "settled"
    assert gateway.captures == [("pi_1", 2100)]
    desk.expect_sound_books()


@pytest.mark.parametrize("what", [pay(3100), VoidInvoice(), WriteOff(), note(3100)])
def test_nothing_is_charged_once_nothing_is_open(
    database: Database, gateway: FakeGateway, what: CorrectionType
) -> None:
    desk = Desk(database, gateway)
    desk.correct(what, date(2013, 1, 1))
    assert desk.charge().kind == "settled"
    assert gateway.calls == []


def test_an_invoice_is_overdue_only_while_something_is_open(desk: Desk) -> None:
    request = ReviewPayment(desk.invoice_id, datetime(2013, 1, 15, tzinfo=UTC))
    assert desk.corrections.fall_due(request)
    assert desk.story.rows("SELECT stage, first_failed_at, next_action_at FROM collection") == [
        ("overdue", datetime(2013, 1, 15, tzinfo=UTC), None)
    ]
    assert desk.corrections.fall_due(request)
    desk.correct(pay(3100), date(2013, 1, 16))
    assert not desk.corrections.fall_due(request)
    assert cases(desk) == [("settled",)]


def test_invoices_of_a_contract_that_has_ended_are_corrected_like_others(desk: Desk) -> None:
    """Cancelled for good on 21 January, nothing credited: all 31.00 are earned, so all that is given up is bad debt."""
    desk.story.on(date(2013, 1, 21), Cancel(when="now", credit="none"))
    assert desk.story.state.ended
    desk.correct(WriteOff(), date(2013, 1, 25))
    assert desk.story.balances() == {"bad_debt": 3100, "revenue": -3100}
    desk.correct(pay(1000), FEBRUARY)
    assert desk.story.balances() == {"bad_debt": 2100, "revenue": -3100, "cash": 1000}
    desk.expect_sound_books()


def test_money_after_the_end_is_revenue_since_nothing_is_left_to_deliver(desk: Desk) -> None:
    """Written off on the 11th, cancelled on the 16th, paid on the 17th: 21.00 of days that never came are earned."""
    desk.correct(WriteOff())
    desk.story.on(date(2013, 1, 16), Cancel(when="now", credit="none"))
    desk.correct(pay(3100), date(2013, 1, 17))
    assert desk.story.balances() == {"cash": 3100, "revenue": -3100}
    desk.expect_sound_books()


def test_the_money_of_a_legal_entity_counts_in_its_own_book(database: Database, gateway: FakeGateway) -> None:
    desk = Desk(database, gateway, legal_entity="emea")
    desk.charge()
    desk.correct(note(500))
    assert desk.story.rows("SELECT DISTINCT book FROM journal_entry") == [("emea",)]


def test_money_that_is_noticed_after_the_close_counts_from_the_first_open_day(
    database: Database, gateway: FakeGateway
) -> None:
    desk = Desk(database, gateway)
    desk.story.until(FEBRUARY)
    with database.transaction() as session:
        begin_closing(session, "2013-01")
        close(session, "2013-01")
    assert desk.charge().kind == "settled"
    assert desk.story.rows("SELECT posting_on FROM journal_entry WHERE kind = 'payment'") == [(FEBRUARY,)]
    desk.expect_sound_books()
