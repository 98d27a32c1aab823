"""Money that goes back."""

import pytest
import stripe

from tests.sandbox.stripe.shop import Shop


def kinds(shop: Shop, intent: str) -> list[tuple[str, int]]:
    return [(entry["kind"], entry["amount"]) for entry in shop.admin.journal(payment_intent=intent)]


def test_refunds_together_never_exceed_what_was_captured(shop: Shop) -> None:
    paid = shop.paid(shop.customer(), 1000)
    refunds = shop.stripe.v1.refunds
    refunds.create({"payment_intent": paid.id, "amount": 600})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        refunds.create({"payment_intent": paid.id, "amount": 600})
    rest = refunds.create({"charge": str(paid.latest_charge), "reason": "duplicate"})
    assert (rest.amount, rest.status, rest.reason) == (400, "succeeded", "duplicate")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        refunds.create({"payment_intent": paid.id})
    assert caught.value.code == "charge_already_refunded"
    assert kinds(shop, paid.id) == [("capture", 1000), ("refund", 600), ("refund", 400)]
    charge = shop.stripe.v1.charges.retrieve(str(paid.latest_charge))
    assert (charge.amount_refunded, charge.refunded) == (1000, True)
    assert shop.events(charge.id) == ["charge.succeeded", "charge.refunded", "charge.refunded"]
    assert [refund.amount for refund in refunds.list({"payment_intent": paid.id}).data] == [400, 600]


def test_what_was_never_captured_cannot_be_refunded(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        shop.stripe.v1.refunds.create({"payment_intent": shop.intent(shop.customer()).id})


@pytest.mark.parametrize(("succeeds", "refunded"), [(True, 1000), (False, 0)])
def test_a_pending_refund_ends_as_the_bank_decides(shop: Shop, succeeds: bool, refunded: int) -> None:
    paid = shop.paid(shop.customer(), 1000, "pm_card_pendingRefund")
    refund = shop.stripe.v1.refunds.create({"payment_intent": paid.id})
    assert refund.status == "pending"
    ended = shop.admin.complete_refund(refund.id, succeeds=succeeds)
    assert ended["status"] == ("succeeded" if succeeds else "failed")
    assert shop.stripe.v1.charges.retrieve(str(paid.latest_charge)).amount_refunded == refunded
    assert "refund.updated" in shop.events(refund.id)


def test_the_dispute_card_is_paid_and_then_disputed(shop: Shop) -> None:
    paid = shop.paid(shop.customer(), 5000, "pm_card_createDispute")
    assert paid.status == "succeeded"
    dispute = shop.stripe.v1.disputes.list({"payment_intent": paid.id}).data[0]
    assert (dispute.amount, dispute.reason, dispute.status) == (5000, "fraudulent", "needs_response")
    # The amount and a fee of 15.00 leave the balance at once.
    assert [(moved.amount, moved.fee, moved.net) for moved in dispute.balance_transactions] == [(-5000, 1500, -6500)]
    assert shop.stripe.v1.charges.retrieve(str(paid.latest_charge)).disputed
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.stripe.v1.refunds.create({"payment_intent": paid.id})
    assert caught.value.code == "charge_disputed"


def test_winning_evidence_brings_the_amount_back_but_not_the_fee(shop: Shop) -> None:
    paid = shop.paid(shop.customer(), 5000)
    opened = shop.admin.open_dispute(payment_intent=paid.id, reason="product_not_received")
    won = shop.stripe.v1.disputes.update(opened["id"], {"evidence": {"uncategorized_text": "winning_evidence"}})
    assert won.status == "won"
    assert [(moved.amount, moved.fee) for moved in won.balance_transactions] == [(-5000, 1500), (5000, 0)]
    assert kinds(shop, paid.id) == [("capture", 5000), ("dispute_opened", 5000), ("dispute_won", 5000)]
    assert shop.events(opened["id"]) == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]


def test_closing_a_dispute_loses_it_once(shop: Shop) -> None:
    paid = shop.paid(shop.customer(), 5000)
    opened = shop.admin.open_dispute(payment_intent=paid.id, amount=2000)
    assert shop.stripe.v1.disputes.close(opened["id"]).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        shop.stripe.v1.disputes.close(opened["id"])
    assert kinds(shop, paid.id) == [("capture", 5000), ("dispute_opened", 2000), ("dispute_lost", 2000)]


def test_the_admin_decides_a_dispute_and_cannot_open_two_for_one_charge(shop: Shop) -> None:
    paid = shop.paid(shop.customer(), 5000)
    opened = shop.admin.open_dispute(payment_intent=paid.id)
    assert shop.admin.decide_dispute(opened["id"], "won")["status"] == "won"
    with pytest.raises(ValueError, match="already has a dispute"):
        shop.admin.open_dispute(payment_intent=paid.id)
