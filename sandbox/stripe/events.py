"""Events: what happened, with a snapshot of the object."""

from sandbox.stripe.forms import Params
from sandbox.stripe.lists import page
from sandbox.stripe.operation import Operation, public
from sandbox.stripe.store import Json


def retrieve(op: Operation, params: Params, id_: str) -> Json:
    return _with_pending(op, public(op.find("event", id_)))


def list_(op: Operation, params: Params) -> Json:
    found = page(op, params, "event", "/v1/events", {"type": params.text("type")})
    found["data"] = [_with_pending(op, event) for event in found["data"]]
    return found


def _with_pending(op: Operation, event: Json) -> Json:
    """The event with the number of webhooks that have not been answered with a 2xx yet."""
    query = "SELECT count(*) FROM delivery WHERE event_id = ? AND state IN ('pending', 'held')"
    return event | {"pending_webhooks": op.store.sql.execute(query, (event["id"],)).fetchone()[0]}
