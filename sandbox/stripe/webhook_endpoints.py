"""Webhook endpoints: where signed events are sent."""

import secrets
from typing import Final

from sandbox.stripe.errors import bad_parameter, missing_parameter
from sandbox.stripe.forms import Params
from sandbox.stripe.lists import page
from sandbox.stripe.operation import API_VERSION, Operation, new_id, public
from sandbox.stripe.store import Json

CREATES: Final = frozenset({"url", "enabled_events", "description", "metadata", "api_version", "connect", "expand"})
UPDATES: Final = frozenset({"url", "enabled_events", "description", "metadata", "disabled", "expand"})


def create(op: Operation, params: Params) -> Json:
    events = params.texts("enabled_events")
    if not events:
        raise missing_parameter("enabled_events")
    endpoint = build(op.now, _url(params), events)
    endpoint |= {"description": params.text("description"), "metadata": params.metadata({})}
    endpoint["api_version"] = params.text("api_version")
    op.insert(endpoint)
    return public(endpoint) | {"secret": endpoint["_secret"]}


def build(now: int, url: str, events: list[str], *, secret: str | None = None) -> Json:
    """An enabled endpoint with a signing secret, not yet stored."""
    return {
        "id": new_id("we"),
        "object": "webhook_endpoint",
        "api_version": API_VERSION,
        "application": None,
        "created": now,
        "description": None,
        "enabled_events": events,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
        "_secret": secret or f"whsec_{secrets.token_hex(24)}",
    }


def retrieve(op: Operation, params: Params, id_: str) -> Json:
    return public(op.find("webhook_endpoint", id_))


def list_(op: Operation, params: Params) -> Json:
    return page(op, params, "webhook_endpoint", "/v1/webhook_endpoints", {})


def update(op: Operation, params: Params, id_: str) -> Json:
    endpoint = op.find("webhook_endpoint", id_)
    if "url" in params.values:
        endpoint["url"] = _url(params)
    endpoint["enabled_events"] = params.texts("enabled_events") or endpoint["enabled_events"]
    endpoint["metadata"] = params.metadata(endpoint["metadata"])
    if "description" in params.values:
        endpoint["description"] = params.text("description")
    disabled = params.boolean("disabled")
    if disabled is not None:
        endpoint["status"] = "disabled" if disabled else "enabled"
    return public(op.update(endpoint))


def delete(op: Operation, params: Params, id_: str) -> Json:
    op.find("webhook_endpoint", id_)
    op.store.delete(id_)
    return {"id": id_, "object": "webhook_endpoint", "deleted": True}


def _url(params: Params) -> str:
    url = params.needed("url")
    if not url.startswith(("http://", "https://")):
        raise bad_parameter("Invalid URL: it must start with http:// or https://.", param="url", code="url_invalid")
    return url
