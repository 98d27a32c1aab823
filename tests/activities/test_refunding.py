"""Refunds: money leaves the gateway once, and the books follow it."""

from datetime import date

import pytest
from temporalio.exceptions import ApplicationError

from activities.signatures import PreparedRefund, RefundIntent
from domain.correcting import RecordPayment, RefundPayment
from domain.life import Corrected, CorrectInvoice
from models.database import Database
from models.period import begin_closing, close
from tests.activities.desk import Desk, gone
from tests.activities.gateway import FakeGateway, Fault

FEBRUARY = date(2013, 2, 1)


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def mixed(database: Database, gateway: FakeGateway) -> Desk:
    """10.00 of the invoice were paid by hand, then 21.00 through the gateway."""
    desk = Desk(database, gateway)
    desk.correct(RecordPayment(amount_minor=1000), date(2013, 1, 1))
    desk.charge()
    return desk


def back(minor: int) -> RefundPayment:
    return RefundPayment(amount_minor=minor)


def through(request: CorrectInvoice, prepared: PreparedRefund) -> RefundIntent:
    assert prepared.intent_id is not None
    return RefundIntent(request.correction_id, prepared.intent_id, prepared.amount_minor, prepared.currency)


def until_answered(desk: Desk, request: CorrectInvoice) -> Corrected:
    """What Temporal makes of it: the steps run again until they return."""
    for _ in range(10):
        try:
            return desk.refund(request)
        except ApplicationError:
            continue
    raise AssertionError("the refund never ended")


def test_what_the_gateway_holds_goes_back_through_it_and_the_rest_by_hand(mixed: Desk) -> None:
    """On 11 January 10.00 were earned: they are refunds, and 21.00 are not to be delivered."""
    assert mixed.refund(mixed.asked(back(3100))).refused is None
    assert list(mixed.gateway.refunds.values()) == [("pi_1", 2100)]
    assert mixed.figures("paid_minor", "refunded_minor") == (3100, 3100)
    assert mixed.story.balances() == {"refunds": 1000, "revenue": -1000}
    mixed.expect_sound_books()


def test_a_refusal_by_the_gateway_writes_nothing(mixed: Desk) -> None:
    """Somebody gave 21.00 back at the gateway already."""
    mixed.gateway.refunds["elsewhere"] = ("pi_1", 2100)
    rows = mixed.rows()
    assert mixed.refund(mixed.asked(back(100))).refused
    assert mixed.rows() == rows


@pytest.mark.parametrize("fault", ["dropped", "executed_no_answer", "error_saved", "error_executed", "limited"])
def test_money_goes_back_once_whatever_the_gateway_answers(mixed: Desk, fault: Fault) -> None:
    mixed.gateway.faults["refund"] = [fault]
    assert until_answered(mixed, mixed.asked(back(1000), id_="cor_once")).refused is None
    assert mixed.gateway.refunds == {"cor_once": ("pi_1", 1000)}
    assert mixed.figures("refunded_minor") == (1000,)
    mixed.expect_sound_books()


def test_a_refund_whose_steps_are_repeated_is_booked_once(mixed: Desk) -> None:
    request = mixed.asked(back(1000), id_="cor_once")
    mixed.refund(request)
    rows = mixed.rows()
    asked = RefundIntent("cor_once", "pi_1", 1000, "USD")
    assert mixed.refunds.refund_intent(asked).refused is None
    mixed.corrections.correct_invoice(gone(request, 1000))
    assert mixed.rows() == rows
    assert mixed.gateway.refunds == {"cor_once": ("pi_1", 1000)}


def test_money_that_left_before_the_close_is_booked_on_the_first_open_day(mixed: Desk) -> None:
    request = mixed.asked(back(2100))
    prepared = mixed.corrections.prepare_refund(request)
    mixed.refunds.refund_intent(through(request, prepared))
    mixed.story.until(FEBRUARY)
    with mixed.database.transaction() as session:
        begin_closing(session, "2013-01")
        close(session, "2013-01")
    assert mixed.corrections.correct_invoice(gone(request, 2100)).refused is None
    assert mixed.story.rows("SELECT DISTINCT posting_on FROM journal_entry WHERE kind = 'refund'") == [(FEBRUARY,)]
    mixed.expect_sound_books()


@pytest.mark.parametrize(("first", "second"), [(2100, 1000), (3100, 100), (1500, 700), (1000, 3100)])
def test_of_two_refunds_that_were_both_allowed_the_gateway_refuses_what_it_does_not_hold(
    mixed: Desk, first: int, second: int
) -> None:
    """The second was checked before the first was booked."""
    one, other = mixed.asked(back(first)), mixed.asked(back(second))
    allowed = [mixed.corrections.prepare_refund(request) for request in (one, other)]
    assert [prepared.refused for prepared in allowed] == [None, None]
    assert mixed.refunds.refund_intent(through(one, allowed[0])).refused is None
    assert mixed.refunds.refund_intent(through(other, allowed[1])).refused
    mixed.corrections.correct_invoice(gone(one, allowed[0].amount_minor))
    assert mixed.figures("refunded_minor") == (first,)
    mixed.expect_sound_books()
