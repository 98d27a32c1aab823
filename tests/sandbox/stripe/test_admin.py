"""The admin routes: the clock, the journal, and clear refusals."""

import sqlite3
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from sandbox.stripe.running import RunningStripe
from tests.sandbox.stripe.shop import Shop


def test_a_fixed_clock_stamps_what_is_created(shop: Shop) -> None:
    shop.admin.set_clock(fixed=datetime(2013, 3, 1, 5, tzinfo=UTC))
    assert shop.stripe.v1.customers.create({}).created == 1_362_114_000
    assert shop.admin.clock()["mode"] == "fixed"


@pytest.mark.parametrize(("amount", "currency"), [("1", "usd"), ("1235", "kwd")])
def test_any_amount_is_taken_where_that_is_asked_for_and_no_longer_after_that(
    shop: Shop, amount: str, currency: str
) -> None:
    asked = {"amount": amount, "currency": currency}
    assert shop.post("/v1/payment_intents", asked).status_code == 400
    shop.admin.take_any_amount()
    taken = shop.post("/v1/payment_intents", asked)
    shop.admin.take_any_amount(allowed=False)
    assert (taken.status_code, taken.json()["amount"]) == (200, int(amount))
    assert shop.post("/v1/payment_intents", asked).status_code == 400


def test_the_journal_says_what_was_taken_from_whom_for_which_request(shop: Shop) -> None:
    customer = shop.customer()
    intent = shop.intent(customer, 10_000, metadata={"invoice_id": "inv_9"})
    shop.confirm(intent.id, shop.card(customer), "journal-1")
    entry = shop.admin.journal(customer=customer)[0]
    assert (entry["kind"], entry["amount"], entry["currency"]) == ("capture", 10_000, "usd")
    assert (entry["customer"], entry["payment_intent"]) == (customer, intent.id)
    assert (entry["idempotency_key"], entry["metadata"]) == ("journal-1", {"invoice_id": "inv_9"})
    assert entry["detail"]["fee"] == 320


def test_the_journal_pages_through_everything(shop: Shop) -> None:
    customer = shop.customer()
    card = shop.card(customer)
    for _ in range(3):
        shop.confirm(shop.intent(customer).id, card)
    first = requests.get(f"{shop.url}/_admin/journal?customer={customer}&limit=2", timeout=5).json()
    assert (len(first["entries"]), first["has_more"]) == (2, True)
    after = first["entries"][-1]["seq"]
    rest = requests.get(f"{shop.url}/_admin/journal?customer={customer}&after={after}", timeout=5).json()
    assert (len(rest["entries"]), rest["has_more"]) == (1, False)


@pytest.mark.parametrize("statement", ["UPDATE journal SET amount = 1", "DELETE FROM journal"])
def test_the_journal_cannot_be_changed(shop: Shop, server: RunningStripe, statement: str) -> None:
    shop.paid(shop.customer())
    connection = sqlite3.connect(server.database)
    try:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    finally:
        connection.close()


def test_health_counts_what_was_written(shop: Shop) -> None:
    before = shop.admin.health()["journal_entries"]
    shop.paid(shop.customer())
    assert shop.admin.health()["journal_entries"] == before + 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("PUT", "/clock", {}, 400, "exactly one"),
        ("PUT", "/clock", {"fixed": "yesterday"}, 400, "fixed"),
        ("PUT", "/clock", {"offset_seconds": 1, "real": True}, 400, "exactly one"),
        ("PUT", "/customers/cus_missing/decline", {"code": "do_not_honor"}, 404, "cus_missing"),
        ("PUT", "/customers/cus_missing/decline", {"code": "sulking"}, 400, "sulking"),
        ("DELETE", "/faults/fault_missing", None, 404, "fault_missing"),
        ("POST", "/disputes", {}, 400, "charge or payment_intent"),
        ("POST", "/disputes", {"charge": "ch_missing"}, 400, "ch_missing"),
        ("POST", "/disputes", {"charge": "ch_1", "reason": "boredom"}, 400, "boredom"),
        ("POST", "/disputes/du_missing/decide", {"status": "drawn"}, 400, "status"),
        ("POST", "/payment_intents/pi_missing/complete_action", {}, 404, "pi_missing"),
        ("POST", "/payment_intents/pi_missing/complete_action", {"decline_code": "sulking"}, 400, "sulking"),
        ("GET", "/journal?colour=red", None, 400, "colour"),
        ("GET", "/journal?after=then", None, 400, "after"),
    ],
)
def test_bad_input_is_refused_with_its_reason(
    shop: Shop, method: str, path: str, body: dict[str, Any] | None, status: int, message: str
) -> None:
    refused = requests.request(method, f"{shop.url}/_admin{path}", json=body, timeout=5)
    assert refused.status_code == status
    assert message in refused.json()["error"]["message"]


def test_an_intent_that_waits_for_nobody_has_no_action_to_complete(shop: Shop) -> None:
    intent = shop.intent(shop.customer())
    with pytest.raises(ValueError, match="requires_payment_method"):
        shop.admin.complete_action(intent.id)
