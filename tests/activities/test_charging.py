from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from activities.signatures import ChargeOutcome
from domain.commands import ChangeLine
from models.database import Database
from tests.activities.gateway import Crash, FakeGateway, Fault
from tests.activities.story import everything
from tests.activities.till import Till

SETTLED = ChargeOutcome("settled")


def expect_paid_once(till: Till, gateway: FakeGateway) -> None:
    assert gateway.captures == [("pi_1", 10_000)]
    assert till.invoice() == ("paid", 10_000)
    assert till.story.balances() == {"gateway_clearing": 10_000, "contract_position": -10_000}
    assert till.story.rows("SELECT count(*) FROM journal_entry WHERE kind = 'payment'") == [(1,)]


def test_a_charge_pays_the_invoice_through_one_intent(till: Till, gateway: FakeGateway) -> None:
    assert till.charge() == SETTLED
    expect_paid_once(till, gateway)
    invoice = till.invoice_id
    assert gateway.calls == [("create", f"pi:{invoice}"), ("confirm", f"pic:{invoice}:1")]
    assert till.payment() == [("succeeded", 1, "pi_1")]
    assert till.attempts() == [(1, "succeeded", None)]
    assert till.collection() == []


def test_a_charge_made_twice_asks_the_gateway_nothing_more(till: Till, gateway: FakeGateway) -> None:
    till.charge()
    rows, calls = everything(till.database), len(gateway.calls)
    assert till.charge() == SETTLED
    assert till.charge(2) == SETTLED
    assert (everything(till.database), len(gateway.calls)) == (rows, calls)


def test_the_cash_counts_on_the_local_day_of_the_charge(database: Database, gateway: FakeGateway) -> None:
    till = Till(database, gateway, timezone="America/New_York")
    till.charge()
    posted = "SELECT posting_on FROM journal_entry WHERE kind = 'payment'"
    assert till.story.rows(posted) == [(date(2012, 12, 31),)]


def test_a_decline_is_a_result_with_its_code_and_a_date_to_try_again(till: Till, gateway: FakeGateway) -> None:
    gateway.outcomes = ["insufficient_funds"]
    assert till.charge() == ChargeOutcome("declined", "insufficient_funds", "declined")
    assert till.invoice() == ("open", 0)
    assert till.attempts() == [(1, "failed", "insufficient_funds")]
    row = "SELECT stage, attempts, first_failed_at, next_action_at, last_code FROM collection"
    first, second = datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 1, 2, tzinfo=UTC)
    assert till.story.rows(row) == [("retrying", 1, first, second, "insufficient_funds")]
    assert till.charge() == ChargeOutcome("declined", "insufficient_funds", "declined")
    assert len(gateway.named("confirm")) == 1


def test_a_retry_confirms_the_same_intent_under_a_new_key(till: Till, gateway: FakeGateway) -> None:
    gateway.outcomes = ["insufficient_funds"]
    till.charge()
    assert till.charge(2) == SETTLED
    assert gateway.named("create") == [f"pi:{till.invoice_id}"]
    assert gateway.named("confirm") == [f"pic:{till.invoice_id}:1", f"pic:{till.invoice_id}:2"]
    expect_paid_once(till, gateway)
    assert till.collection() == [("settled", 1, "insufficient_funds")]


def test_the_last_decline_exhausts_the_collection(till: Till, gateway: FakeGateway) -> None:
    gateway.outcomes = ["insufficient_funds", "expired_card"]
    till.charge()
    till.charge(2, retry=False)
    row = "SELECT stage, attempts, first_failed_at, next_action_at, last_code FROM collection"
    assert till.story.rows(row) == [("exhausted", 2, datetime(2013, 1, 1, tzinfo=UTC), None, "expired_card")]


def test_without_a_payment_method_nothing_is_asked_of_the_gateway(till: Till, gateway: FakeGateway) -> None:
    with till.database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE payment_method SET is_default = false")
    declined = till.charge()
    assert (declined.kind, declined.code) == ("declined", "no_payment_method")
    assert till.charge() == declined
    assert gateway.calls == []
    assert till.collection() == [("retrying", 1, "no_payment_method")]
    till.card("pm_2")
    assert till.charge(2) == SETTLED


def test_a_charge_that_needs_the_customer_is_a_decline(till: Till, gateway: FakeGateway) -> None:
    gateway.outcomes = ["action"]
    declined = till.charge()
    assert (declined.kind, declined.code) == ("declined", "authentication_required")
    assert till.charge() == declined
    assert till.charge(2) == SETTLED
    expect_paid_once(till, gateway)


def test_a_charge_in_processing_is_pending_until_the_gateway_knows(till: Till, gateway: FakeGateway) -> None:
    gateway.outcomes = ["processing"]
    assert till.charge() == ChargeOutcome("pending")
    assert till.charge() == ChargeOutcome("pending")
    assert till.charge(2) == ChargeOutcome("pending")
    assert len(gateway.named("confirm")) == 1
    assert till.attempts() == [(1, "processing", None)]


@pytest.mark.parametrize("outcome", ["ok", "insufficient_funds"])
@pytest.mark.parametrize("fault", ["dropped", "executed_no_answer", "error_saved", "error_executed", "limited"])
def test_whatever_becomes_of_a_confirmation_it_takes_effect_once(
    till: Till, gateway: FakeGateway, fault: Fault, outcome: str
) -> None:
    gateway.outcomes = [outcome]
    gateway.faults = {"confirm": [fault]}
    answer = till.until_answered()
    if outcome == "ok":
        assert answer == SETTLED
        expect_paid_once(till, gateway)
    else:
        assert (answer.kind, answer.code) == ("declined", outcome)
        assert gateway.captures == [] and till.invoice() == ("open", 0)
    assert len(till.attempts()) == 1


def test_what_was_executed_is_found_by_reading_and_not_confirmed_again(till: Till, gateway: FakeGateway) -> None:
    gateway.faults = {"confirm": ["executed_no_answer"]}
    assert till.charge() == SETTLED
    assert [method for method, _ in gateway.calls] == ["create", "confirm", "retrieve"]


def test_what_was_not_executed_is_an_unknown_outcome_and_keeps_its_key(till: Till, gateway: FakeGateway) -> None:
    gateway.faults = {"confirm": ["dropped"]}
    failure = till.failure()
    assert failure.type == "gateway_unknown" and not failure.non_retryable
    assert till.charge() == SETTLED
    assert gateway.named("confirm") == [f"pic:{till.invoice_id}:1"] * 2


def test_an_error_saved_under_the_key_spends_the_key(till: Till, gateway: FakeGateway) -> None:
    gateway.faults = {"confirm": ["error_saved"]}
    assert till.failure().type == "gateway_unknown"
    assert till.charge() == SETTLED
    assert gateway.named("confirm") == [f"pic:{till.invoice_id}:1", f"pic:{till.invoice_id}:1:2"]


def test_an_outcome_that_cannot_be_read_is_left_unknown(till: Till, gateway: FakeGateway) -> None:
    gateway.faults = {"confirm": ["executed_no_answer"], "retrieve": ["limited", "limited"]}
    assert till.failure().type == "gateway_unavailable"
    assert till.attempts() == [(1, "sent", None)]
    assert till.failure().type == "gateway_unavailable"
    assert till.charge() == SETTLED
    assert len(gateway.named("confirm")) == 1
    expect_paid_once(till, gateway)


def test_no_next_attempt_is_made_while_one_is_unknown(till: Till, gateway: FakeGateway) -> None:
    gateway.faults = {"confirm": ["executed_no_answer"], "retrieve": ["limited"]}
    assert till.failure().type == "gateway_unavailable"
    assert till.charge(2) == SETTLED
    assert len(gateway.named("confirm")) == 1
    assert till.attempts() == [(1, "succeeded", None)]


def test_an_unknown_attempt_that_was_never_made_gives_way_to_the_next(till: Till, gateway: FakeGateway) -> None:
    gateway.faults = {"confirm": ["dropped"], "retrieve": ["limited"]}
    assert till.failure().type == "gateway_unavailable"
    assert till.charge(2) == SETTLED
    assert till.attempts() == [(1, "canceled", "not_executed"), (2, "succeeded", None)]
    assert till.charge() == SETTLED


def test_an_older_attempt_says_nothing_about_a_newer_one(till: Till, gateway: FakeGateway) -> None:
    gateway.outcomes = ["insufficient_funds", "expired_card"]
    till.charge()
    till.charge(2)
    assert till.charge() == ChargeOutcome("declined", "insufficient_funds", "declined")
    assert till.payment() == [("failed", 2, "pi_1")]
    assert till.collection() == [("retrying", 2, "expired_card")]


def test_a_rate_limit_says_when_to_come_back(till: Till, gateway: FakeGateway) -> None:
    gateway.faults = {"create": ["limited"]}
    failure = till.failure()
    assert (failure.type, failure.next_retry_delay) == ("gateway_unavailable", timedelta(seconds=7))


def test_a_refusal_is_seen_and_tried_again_slowly_with_the_card_of_the_day(till: Till, gateway: FakeGateway) -> None:
    gateway.faults = {"confirm": ["refused"]}
    failure = till.failure()
    assert failure.type == "gateway_refused" and not failure.non_retryable
    assert failure.next_retry_delay == timedelta(minutes=10)
    assert failure.details == ("resource_missing", "payment_method")
    till.card("pm_2")
    assert till.charge() == SETTLED
    assert till.story.rows("SELECT payment_method, key FROM payment_attempt") == [
        ("pm_2", f"pic:{till.invoice_id}:1:2")
    ]


@pytest.mark.parametrize("fault", ["dropped", "executed_no_answer", "error_saved", "error_executed", "limited"])
def test_whatever_becomes_of_a_creation_one_intent_is_charged(till: Till, gateway: FakeGateway, fault: Fault) -> None:
    gateway.faults = {"create": [fault]}
    assert till.until_answered() == SETTLED
    assert len(gateway.captures) == 1
    assert till.invoice() == ("paid", 10_000)


@pytest.mark.parametrize("call", ["create", "confirm"])
@pytest.mark.parametrize("moment", ["crash_before", "crash_after"])
def test_a_crash_between_the_transactions_charges_once(
    till: Till, gateway: FakeGateway, call: str, moment: Fault
) -> None:
    gateway.faults = {call: [moment]}
    with pytest.raises(Crash):
        till.charge()
    assert till.charge() == SETTLED
    expect_paid_once(till, gateway)
    assert till.attempts() == [(1, "succeeded", None)]


def test_a_crash_before_the_outcome_is_recorded_is_resolved_by_reading(till: Till, gateway: FakeGateway) -> None:
    gateway.outcomes = ["insufficient_funds"]
    gateway.faults = {"confirm": ["crash_after"]}
    with pytest.raises(Crash):
        till.charge()
    assert till.charge() == ChargeOutcome("declined", "insufficient_funds", "declined")
    assert len(gateway.named("confirm")) == 1


def test_the_old_decline_of_an_intent_is_not_taken_for_a_new_attempt(till: Till, gateway: FakeGateway) -> None:
    gateway.outcomes = ["insufficient_funds"]
    till.charge()
    gateway.faults = {"confirm": ["dropped"]}
    assert till.failure(2).type == "gateway_unknown"
    assert till.charge(2) == SETTLED


def test_no_connection_is_held_while_the_gateway_is_asked(till: Till, gateway: FakeGateway) -> None:
    held: list[int] = []
    gateway.during = lambda _: held.append(till.database.engine.pool.checkedout())  # type: ignore[attr-defined]
    till.charge()
    assert held == [0, 0]


def credit_note(till: Till) -> None:
    """5 of 10 units less from 1 January on: 50.00 off."""
    fewer = ChangeLine(line="plan", quantity=Decimal(5))
    note = till.story.on(date(2013, 1, 1), fewer)
    assert note is not None and note.total_minor == 5_000


def test_after_a_credit_note_only_what_is_still_open_is_charged(till: Till, gateway: FakeGateway) -> None:
    gateway.outcomes = ["insufficient_funds"]
    till.charge()
    credit_note(till)
    assert till.charge(2) == SETTLED
    assert gateway.captures == [("pi_2", 5_000)]
    assert gateway.intents["pi_1"].status == "canceled"
    assert till.invoice() == ("paid", 5_000)
    assert till.story.balances() == {"gateway_clearing": 5_000, "contract_position": -5_000}


def test_money_beyond_what_is_owed_becomes_customer_credit(till: Till, gateway: FakeGateway) -> None:
    """The credit note comes while the gateway takes 100.00; 50.00 are owed by then."""
    gateway.during = lambda method: credit_note(till) if method == "confirm" else None
    assert till.charge() == SETTLED
    assert till.invoice() == ("paid", 5_000)
    assert till.story.rows("SELECT amount_minor, payment_id IS NULL FROM customer_credit") == [(5_000, False)]
    assert till.story.balances() == {"gateway_clearing": 10_000, "contract_position": -5_000, "customer_credit": -5_000}


def test_an_invoice_that_credit_settled_is_not_charged(till: Till, gateway: FakeGateway) -> None:
    till.story.on(date(2013, 1, 1), ChangeLine(line="plan", quantity=Decimal(0)))
    assert till.charge() == SETTLED
    assert gateway.calls == [] and till.payment() == []


def test_a_payment_of_another_amount_is_a_contradiction(till: Till, gateway: FakeGateway) -> None:
    def shrink(method: str) -> None:
        if method == "confirm":
            gateway.intents["pi_1"] = type(gateway.intents["pi_1"])(
                "pi_1", gateway.intents["pi_1"].status, 9_999, "USD", 0, till.invoice_id
            )

    gateway.during = shrink
    failure = till.failure()
    assert failure.type == "GatewayContradiction" and not failure.non_retryable
    assert till.invoice() == ("open", 0)


def test_a_pending_charge_is_noted_with_nothing_due(till: Till, gateway: FakeGateway) -> None:
    gateway.outcomes = ["processing"]
    till.charge()
    row = "SELECT stage, attempts, next_action_at, last_code FROM collection"
    assert till.story.rows(row) == [("scheduled", 1, None, "processing")]


def test_an_outage_is_noted_until_the_charge_has_an_outcome(till: Till, gateway: FakeGateway) -> None:
    gateway.faults = {"create": ["limited"]}
    assert till.failure().type == "gateway_unavailable"
    row = "SELECT stage, attempts, next_action_at FROM collection"
    assert till.story.rows(row) == [("scheduled", 0, datetime(2013, 1, 1, tzinfo=UTC))]
    assert till.charge() == SETTLED
    assert till.collection() == [("settled", 0, None)]


def test_workers_that_charge_at_once_capture_once(till: Till, gateway: FakeGateway) -> None:
    def charge(_: int) -> ChargeOutcome:
        return till.until_answered()

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(charge, range(6))) == {SETTLED}
    expect_paid_once(till, gateway)
