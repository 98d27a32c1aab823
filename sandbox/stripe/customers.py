"""Customers."""

import secrets
from typing import Any, Final

from sandbox.stripe.forms import Params
from sandbox.stripe.lists import page
from sandbox.stripe.operation import Operation, new_id, public
from sandbox.stripe.store import Json

ADDRESS: Final = ("city", "country", "line1", "line2", "postal_code", "state")
PLAIN: Final = ("description", "email", "name", "phone")
WRITABLE: Final = frozenset({*PLAIN, "address", "shipping", "metadata", "invoice_settings", "tax_exempt", "expand"})


def create(op: Operation, params: Params) -> Json:
    customer: Json = {
        "id": new_id("cus"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": op.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": secrets.token_hex(4).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    customer |= _changes(params, customer)
    op.insert(customer)
    op.emit("customer.created", customer)
    return public(customer)


def retrieve(op: Operation, params: Params, id_: str) -> Json:
    return public(op.find("customer", id_))


def update(op: Operation, params: Params, id_: str) -> Json:
    customer = op.find("customer", id_)
    changes = _changes(params, customer)
    default = (changes.get("invoice_settings") or {}).get("default_payment_method")
    if default:
        op.find("payment_method", default, param="invoice_settings[default_payment_method]")
    previous = {name: customer[name] for name, value in changes.items() if customer[name] != value}
    customer |= changes
    op.update(customer)
    if previous:
        op.emit("customer.updated", customer, previous)
    return public(customer)


def list_(op: Operation, params: Params) -> Json:
    return page(op, params, "customer", "/v1/customers", {"email": params.text("email")})


def _changes(params: Params, customer: Json) -> Json:
    changes: Json = {name: params.text(name) for name in PLAIN if name in params.values}
    if "address" in params.values:
        changes["address"] = address(params.mapping("address"))
    if "shipping" in params.values:
        changes["shipping"] = params.mapping("shipping")
    if "tax_exempt" in params.values:
        changes["tax_exempt"] = params.choice("tax_exempt", ("none", "exempt", "reverse"), "none")
    if "invoice_settings" in params.values:
        changes["invoice_settings"] = customer["invoice_settings"] | (params.mapping("invoice_settings") or {})
    if "metadata" in params.values:
        changes["metadata"] = params.metadata(customer["metadata"])
    return changes


def address(sent: dict[str, Any] | None) -> Json | None:
    """An address with every field, or None."""
    return {name: (sent or {}).get(name) for name in ADDRESS} if sent else None
