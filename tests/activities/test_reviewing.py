from dataclasses import replace
from datetime import UTC, datetime

from activities.signatures import ChargeOutcome
from gateways.payment import IntentStatus
from tests.activities.gateway import FakeGateway
from tests.activities.story import everything
from tests.activities.till import Till

SETTLED, PENDING = ChargeOutcome("settled"), ChargeOutcome("pending")


def succeed(gateway: FakeGateway) -> None:
    intent = gateway.intents["pi_1"]
    gateway.intents["pi_1"] = replace(intent, status=IntentStatus.SUCCEEDED, received_minor=intent.amount_minor)


def handled(till: Till) -> list[tuple[str, str | None]]:
    return [(row[0], row[1]) for row in till.story.rows("SELECT id, outcome FROM webhook_event ORDER BY id")]


def test_a_payment_that_succeeded_later_is_found_and_posted_once(till: Till, gateway: FakeGateway) -> None:
    gateway.outcomes = ["processing"]
    till.charge()
    succeed(gateway)
    assert till.review() == SETTLED
    rows = everything(till.database)
    assert till.review() == SETTLED
    assert till.charge() == SETTLED
    assert everything(till.database) == rows
    assert till.invoice() == ("paid", 10_000)
    assert till.payment() == [("succeeded", 1, "pi_1")]
    assert till.story.balances() == {"gateway_clearing": 10_000, "contract_position": -10_000}


def test_a_payment_that_failed_later_is_a_decline(till: Till, gateway: FakeGateway) -> None:
    gateway.outcomes = ["processing"]
    till.charge()
    failed = IntentStatus.REQUIRES_PAYMENT_METHOD
    gateway.intents["pi_1"] = replace(gateway.intents["pi_1"], status=failed, decline_code="insufficient_funds")
    assert till.review() == ChargeOutcome("declined", "insufficient_funds")
    assert till.attempts() == [(1, "failed", "insufficient_funds")]
    # Reviewed on the 5th: the retry a day after the failure that is known since then.
    row = "SELECT stage, attempts, first_failed_at, next_action_at, last_code FROM collection"
    fifth, sixth = datetime(2013, 1, 5, tzinfo=UTC), datetime(2013, 1, 6, tzinfo=UTC)
    assert till.story.rows(row) == [("retrying", 1, fifth, sixth, "insufficient_funds")]
    assert till.charge(2) == SETTLED
    assert till.collection() == [("settled", 1, "insufficient_funds")]


def test_a_review_marks_the_events_that_told_of_the_payment(till: Till, gateway: FakeGateway) -> None:
    till.charge()
    till.told("evt_1", "pi_1")
    till.told("evt_2", "pi_1")
    till.told("evt_other", "pi_9")
    assert till.review() == SETTLED
    assert handled(till) == [("evt_1", "payment is succeeded"), ("evt_2", "payment is succeeded"), ("evt_other", None)]


def test_an_event_that_comes_while_the_payment_is_read_waits_for_the_next_review(
    till: Till, gateway: FakeGateway
) -> None:
    till.charge()
    gateway.during = lambda method: till.told("evt_1", "pi_1") if method == "retrieve" else None
    till.review()
    assert handled(till) == [("evt_1", None)]
    gateway.during = lambda _: None
    till.review()
    assert handled(till) == [("evt_1", "payment is succeeded")]


def test_a_review_never_takes_a_payment_back(till: Till, gateway: FakeGateway) -> None:
    """The gateway shows an older picture than the one that was recorded."""
    till.charge()
    gateway.intents["pi_1"] = replace(gateway.intents["pi_1"], status=IntentStatus.PROCESSING, received_minor=0)
    assert till.review() == SETTLED
    assert till.payment() == [("succeeded", 1, "pi_1")]


def test_a_review_before_any_charge_is_pending(till: Till, gateway: FakeGateway) -> None:
    assert till.review() == PENDING
    assert gateway.calls == []


def test_a_review_of_a_declined_payment_repeats_the_decline(till: Till, gateway: FakeGateway) -> None:
    gateway.outcomes = ["expired_card"]
    till.charge()
    assert till.review() == ChargeOutcome("declined", "expired_card", "declined")
    assert till.attempts() == [(1, "failed", "expired_card")]
