"""Disputes: opened by a test card or through the admin routes, decided by evidence, closing or the admin routes."""

from typing import Final

from sandbox.stripe import balance
from sandbox.stripe.errors import invalid
from sandbox.stripe.forms import Params
from sandbox.stripe.lists import page
from sandbox.stripe.operation import Operation, new_id, public
from sandbox.stripe.store import Json

DAY_SECONDS: Final = 86_400
OPEN: Final = ("needs_response", "under_review")
REASONS: Final = (
    "credit_not_processed", "duplicate", "fraudulent", "general", "product_not_received",
    "product_unacceptable", "subscription_canceled", "unrecognized",
)  # fmt: skip
EVIDENCE: Final = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation",
    "duplicate_charge_explanation", "duplicate_charge_id", "product_description", "receipt", "refund_policy",
    "refund_policy_disclosure", "refund_refusal_explanation", "service_date", "service_documentation",
    "shipping_address", "shipping_carrier", "shipping_date", "shipping_documentation",
    "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip
UPDATES: Final = frozenset({"evidence", "metadata", "submit", "expand"})


def open_on(op: Operation, charge: Json, *, reason: str, amount: int | None = None) -> Json:
    """A new dispute about a captured charge; the disputed amount and the fee leave the balance at once."""
    disputable = charge["amount_captured"] - charge["amount_refunded"]
    size = disputable if amount is None else amount
    if charge["disputed"]:
        raise invalid(f"Charge {charge['id']} already has a dispute.", code="charge_disputed")
    if not 0 < size <= disputable:
        raise invalid(f"A dispute of {size} needs that much captured and unrefunded, not {disputable}.", param="amount")
    dispute = _build(op, charge, reason, size)
    moved = balance.move(
        op,
        dispute,
        type_="adjustment",
        category="dispute",
        amount=-size,
        fee=balance.DISPUTE_FEE,
        description=f"Chargeback withdrawal for {charge['id']}",
    )
    dispute["balance_transactions"] = [moved]
    op.insert(dispute)
    charge["disputed"] = True
    op.update(charge)
    op.record("dispute_opened", dispute, fee=balance.DISPUTE_FEE, reason=reason)
    op.emit("charge.dispute.created", dispute)
    op.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def decide(op: Operation, dispute: Json, status: str) -> Json:
    """Closes an open dispute as `won` (the amount comes back, the fee does not) or `lost`."""
    if dispute["status"] not in OPEN:
        raise invalid(f"This dispute is already closed as {dispute['status']}.", code="dispute_already_closed")
    dispute["status"] = status
    if status == "won":
        moved = balance.move(
            op,
            dispute,
            type_="adjustment",
            category="dispute_reversal",
            amount=dispute["amount"],
            fee=0,
            description=f"Chargeback reversal for {dispute['charge']}",
        )
        dispute["balance_transactions"] = [*dispute["balance_transactions"], moved]
    op.update(dispute)
    op.record(f"dispute_{status}", dispute)
    op.emit("charge.dispute.closed", dispute)
    if status == "won":
        op.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def retrieve(op: Operation, params: Params, id_: str) -> Json:
    return public(op.find("dispute", id_))


def list_(op: Operation, params: Params) -> Json:
    filters = {name: params.text(name) for name in ("charge", "payment_intent")}
    return page(op, params, "dispute", "/v1/disputes", filters)


def update(op: Operation, params: Params, id_: str) -> Json:
    """Evidence `winning_evidence` or `losing_evidence` in `uncategorized_text` decides a test dispute."""
    dispute = op.find("dispute", id_)
    if dispute["status"] not in OPEN:
        raise invalid(f"This dispute is already closed as {dispute['status']}.", code="dispute_already_closed")
    dispute["metadata"] = params.metadata(dispute["metadata"])
    sent = params.mapping("evidence") or {}
    dispute["evidence"] |= {name: value for name, value in sent.items() if name in EVIDENCE}
    details = dispute["evidence_details"]
    details["has_evidence"] = any(dispute["evidence"][name] for name in EVIDENCE)
    # Stripe submits evidence at once unless told to only stage it.
    if sent and params.boolean("submit") is not False:
        details |= {"submission_count": details["submission_count"] + 1, "submission_method": "manual"}
        dispute["status"] = "under_review"
    op.update(dispute)
    op.emit("charge.dispute.updated", dispute, {})
    verdict = {"winning_evidence": "won", "losing_evidence": "lost"}.get(dispute["evidence"]["uncategorized_text"])
    if verdict and dispute["status"] == "under_review":
        decide(op, dispute, verdict)
    return public(dispute)


def close(op: Operation, params: Params, id_: str) -> Json:
    return public(decide(op, op.find("dispute", id_), "lost"))


def _build(op: Operation, charge: Json, reason: str, amount: int) -> Json:
    return {
        "id": new_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": op.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(EVIDENCE) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": op.now + 7 * DAY_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": charge["payment_method_details"]["card"]["brand"],
                "case_type": "chargeback",
                "network": charge["payment_method_details"]["card"]["network"],
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "needs_response",
        "_customer": charge["customer"],
    }
