"""Payment methods: cards only, made from test numbers and test tokens."""

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.stripe import cards
from sandbox.stripe.cards import Card
from sandbox.stripe.customers import ADDRESS, address
from sandbox.stripe.errors import StripeError, bad_parameter, invalid, missing_parameter
from sandbox.stripe.forms import Params
from sandbox.stripe.lists import page
from sandbox.stripe.operation import Operation, new_id, public
from sandbox.stripe.store import Json

CREATES: Final = frozenset({"type", "card", "billing_details", "metadata", "allow_redisplay", "expand"})
UPDATES: Final = frozenset({"card", "billing_details", "metadata", "allow_redisplay", "expand"})
USED_UP: Final = (
    "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, "
    "and may not be used again."
)


def create(op: Operation, params: Params) -> Json:
    return public(from_parameters(op, params))


def from_parameters(op: Operation, params: Params) -> Json:
    """A stored payment method as `type=card` and `card[...]` describe it."""
    if params.needed("type") != "card":
        raise bad_parameter("This server knows the payment method type card only.", param="type")
    sent = params.mapping("card")
    if sent is None:
        raise missing_parameter("card")
    if "token" in sent:
        method = _from_token(op, str(sent["token"]), param="card[token]")
    else:
        method = _from_number(op, Params(sent))
    method["billing_details"] |= _billing_details(params.mapping("billing_details") or {})
    method["metadata"] = params.metadata({})
    return op.insert(method)


def resolve(op: Operation, id_: str, *, param: str | None = None) -> Json:
    """The payment method of that id; a test token such as `pm_card_visa` makes a new one."""
    if id_.startswith("pm_") and cards.named(id_):
        return op.insert(_from_token(op, id_, param=param or "payment_method"))
    return op.find("payment_method", id_, param=param)


def card_behind(method: Json) -> Card:
    """The test card that decides what happens to this payment method."""
    named = cards.by_name(method["_name"]) if method["_name"] else None
    return named or cards.BY_NUMBER[method["_number"]]


def retrieve(op: Operation, params: Params, id_: str) -> Json:
    return public(resolve(op, id_))


def update(op: Operation, params: Params, id_: str) -> Json:
    method = op.find("payment_method", id_)
    if method["customer"] is None:
        raise invalid("You must attach this PaymentMethod to a customer before you can update it.")
    method["billing_details"] |= _billing_details(params.mapping("billing_details") or {})
    method["metadata"] = params.metadata(method["metadata"])
    sent = Params(params.mapping("card") or {})
    month, year = sent.integer("exp_month"), sent.integer("exp_year")
    method["card"] |= {
        "exp_month": month or method["card"]["exp_month"],
        "exp_year": year or method["card"]["exp_year"],
    }
    op.update(method)
    op.emit("payment_method.updated", method, {})
    return public(method)


def attach(op: Operation, params: Params, id_: str) -> Json:
    customer = op.find("customer", params.needed("customer"), param="customer")
    method = resolve(op, id_)
    if method["customer"] == customer["id"]:
        return public(method)
    if method["customer"] is not None:
        raise invalid(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    if method["_used_up"]:
        raise invalid(USED_UP, code="payment_method_unexpected_state")
    card = card_behind(method)
    if not card.attaches and card.decline_code:
        raise declined(card.decline_code)
    attach_to(op, method, customer["id"])
    return public(method)


def attach_to(op: Operation, method: Json, customer: str) -> None:
    """Attaches a payment method that may be attached."""
    method["customer"] = customer
    op.update(method)
    op.emit("payment_method.attached", method)


def detach(op: Operation, params: Params, id_: str) -> Json:
    method = op.find("payment_method", id_)
    if method["customer"] is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    previous = {"customer": method["customer"]}
    method |= {"customer": None, "_used_up": True}
    op.update(method)
    op.emit("payment_method.detached", method, previous)
    return public(method)


def list_(op: Operation, params: Params, customer: str | None = None) -> Json:
    owner = customer or params.text("customer")
    if owner is not None:
        op.find("customer", owner, param=None if customer else "customer")
    url = f"/v1/customers/{customer}/payment_methods" if customer else "/v1/payment_methods"
    return page(op, params, "payment_method", url, {"customer": owner, "type": params.text("type")})


def declined(decline_code: str, **fields: Any) -> StripeError:
    """The 402 of a card that its issuer declines."""
    reason = cards.decline(decline_code)
    return StripeError(
        402,
        "card_error",
        reason.message,
        commits=True,
        code=reason.code,
        decline_code=reason.decline_code,
        param={"incorrect_cvc": "cvc", "expired_card": "exp_month"}.get(reason.code),
        **fields,
    )


def _from_token(op: Operation, token: str, *, param: str) -> Json:
    found = cards.named(token)
    if found is None:
        raise invalid(f"No such token: '{token}'", code="resource_missing", param=param)
    name, card = found
    today = datetime.fromtimestamp(op.now, UTC)
    return _method(op, card, name, exp_month=today.month, exp_year=today.year + 1)


def _from_number(op: Operation, sent: Params) -> Json:
    number = sent.needed("number").replace(" ", "").replace("-", "")
    month, year = sent.integer("exp_month"), sent.integer("exp_year")
    if month is None or year is None:
        raise missing_parameter("card[exp_month]" if month is None else "card[exp_year]")
    if not number.isdigit() or not 12 <= len(number) <= 19 or not cards.passes_luhn(number):
        raise _card_error("Your card number is incorrect.", "incorrect_number", "number")
    today = datetime.fromtimestamp(op.now, UTC)
    year += 2000 if year < 100 else 0
    if not 1 <= month <= 12 or (year == today.year and month < today.month):
        raise _card_error("Your card's expiration month is invalid.", "invalid_expiry_month", "exp_month")
    if not today.year <= year <= today.year + 50:
        raise _card_error("Your card's expiration year is invalid.", "invalid_expiry_year", "exp_year")
    card = cards.BY_NUMBER.get(number)
    if card is None:
        message = "Your card was declined. Your request was in test mode, but used a non test card."
        raise StripeError(402, "card_error", message, code="card_declined", decline_code="test_mode_live_card")
    return _method(op, card, None, exp_month=month, exp_year=year)


def _card_error(message: str, code: str, param: str) -> StripeError:
    return StripeError(402, "card_error", message, code=code, param=param)


def _billing_details(sent: dict[str, Any]) -> Json:
    plain = {name: sent[name] or None for name in ("email", "name", "phone", "tax_id") if name in sent}
    return plain | ({"address": address(sent["address"])} if isinstance(sent.get("address"), dict) else {})


def _method(op: Operation, card: Card, name: str | None, *, exp_month: int, exp_year: int) -> Json:
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": dict.fromkeys(ADDRESS),
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "card": {
            "brand": card.brand,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": card.cvc_check},
            "country": card.country,
            "display_brand": card.brand,
            "exp_month": exp_month,
            "exp_year": exp_year,
            "fingerprint": hashlib.sha256(card.number.encode()).hexdigest()[:16],
            "funding": card.funding,
            "generated_from": None,
            "last4": card.number[-4:],
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": op.now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
        "_name": name,
        "_number": card.number,
        "_set_up": name == "authenticationRequiredSetupForOffSession" or card.number == "4000003800000446",
        "_used_up": False,
    }
