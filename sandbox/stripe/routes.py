"""Every endpoint: its method, its path, its handler, the parameters it knows."""

from collections.abc import Callable
from typing import Final

from sandbox.stripe import (
    balance,
    charges,
    customers,
    disputes,
    events,
    payment_intents,
    payment_methods,
    refunds,
    setup_intents,
    webhook_endpoints,
)
from sandbox.stripe.forms import Params
from sandbox.stripe.lists import PAGING
from sandbox.stripe.operation import Operation
from sandbox.stripe.store import Json

Handler = Callable[..., Json]
Route = tuple[Handler, frozenset[str]]
EXPAND: Final = frozenset({"expand"})


def _charge_refunds(op: Operation, params: Params, charge: str) -> Json:
    op.find("charge", charge)
    return refunds.list_(op, params, charge)


def _paged(*names: str) -> frozenset[str]:
    return PAGING | set(names)


# A `*` stands for an id; handlers get the ids in order.
ROUTES: Final[dict[tuple[str, str], Route]] = {
    ("POST", "customers"): (customers.create, customers.WRITABLE),
    ("GET", "customers"): (customers.list_, _paged("email")),
    ("GET", "customers/*"): (customers.retrieve, EXPAND),
    ("POST", "customers/*"): (customers.update, customers.WRITABLE),
    ("GET", "customers/*/payment_methods"): (
        lambda op, params, customer: payment_methods.list_(op, params, customer),
        _paged("type"),
    ),
    ("POST", "payment_methods"): (payment_methods.create, payment_methods.CREATES),
    ("GET", "payment_methods"): (payment_methods.list_, _paged("customer", "type")),
    ("GET", "payment_methods/*"): (payment_methods.retrieve, EXPAND),
    ("POST", "payment_methods/*"): (payment_methods.update, payment_methods.UPDATES),
    ("POST", "payment_methods/*/attach"): (payment_methods.attach, EXPAND | {"customer"}),
    ("POST", "payment_methods/*/detach"): (payment_methods.detach, EXPAND),
    ("POST", "setup_intents"): (setup_intents.create, setup_intents.CREATES),
    ("GET", "setup_intents"): (setup_intents.list_, _paged("customer")),
    ("GET", "setup_intents/*"): (setup_intents.retrieve, EXPAND),
    ("POST", "setup_intents/*/confirm"): (setup_intents.confirm, setup_intents.CONFIRMS),
    ("POST", "setup_intents/*/cancel"): (setup_intents.cancel, setup_intents.CANCELS),
    ("POST", "payment_intents"): (payment_intents.create, payment_intents.CREATES),
    ("GET", "payment_intents"): (payment_intents.list_, _paged("customer")),
    ("GET", "payment_intents/*"): (payment_intents.retrieve, EXPAND | {"client_secret"}),
    ("POST", "payment_intents/*"): (payment_intents.update, payment_intents.UPDATES),
    ("POST", "payment_intents/*/confirm"): (payment_intents.confirm, payment_intents.CONFIRMS),
    ("POST", "payment_intents/*/capture"): (payment_intents.capture, payment_intents.CAPTURES),
    ("POST", "payment_intents/*/cancel"): (payment_intents.cancel, payment_intents.CANCELS),
    ("GET", "charges"): (charges.list_, _paged("customer", "payment_intent")),
    ("GET", "charges/*"): (charges.retrieve, EXPAND),
    ("GET", "charges/*/refunds"): (_charge_refunds, PAGING),
    ("POST", "refunds"): (refunds.create, refunds.CREATES),
    ("GET", "refunds"): (refunds.list_, _paged("charge", "payment_intent")),
    ("GET", "refunds/*"): (refunds.retrieve, EXPAND),
    ("POST", "refunds/*"): (refunds.update, refunds.UPDATES),
    ("GET", "disputes"): (disputes.list_, _paged("charge", "payment_intent")),
    ("GET", "disputes/*"): (disputes.retrieve, EXPAND),
    ("POST", "disputes/*"): (disputes.update, disputes.UPDATES),
    ("POST", "disputes/*/close"): (disputes.close, EXPAND),
    ("GET", "balance_transactions"): (balance.list_, _paged("source", "type", "currency")),
    ("GET", "balance_transactions/*"): (balance.retrieve, EXPAND),
    ("GET", "events"): (events.list_, _paged("type")),
    ("GET", "events/*"): (events.retrieve, EXPAND),
    ("POST", "webhook_endpoints"): (webhook_endpoints.create, webhook_endpoints.CREATES),
    ("GET", "webhook_endpoints"): (webhook_endpoints.list_, PAGING),
    ("GET", "webhook_endpoints/*"): (webhook_endpoints.retrieve, EXPAND),
    ("POST", "webhook_endpoints/*"): (webhook_endpoints.update, webhook_endpoints.UPDATES),
    ("DELETE", "webhook_endpoints/*"): (webhook_endpoints.delete, EXPAND),
}


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """The route for a path such as /v1/payment_intents/pi_1/confirm, and the ids in it."""
    steps = path.removeprefix("/v1/").split("/")
    ids = tuple(steps[1::2])
    steps[1::2] = ["*"] * len(ids)
    route = ROUTES.get((method, "/".join(steps)))
    return (route, ids) if route and all(ids) else None
