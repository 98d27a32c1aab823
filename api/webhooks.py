"""The inbox of the payment gateway: verify, store, answer. What it means is found out later, at the gateway itself."""

from datetime import datetime
from typing import Annotated, Final

import orjson
from fastapi import Query, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from api.calls import CurrentCall
from api.fields import Output
from api.pages import Cursor, Limit, Page, decode_cursor, page
from api.parts import Parts, parts_of
from api.problems import Problem
from api.routing import api_router, needs, public
from gateways.payment import GatewayEvent, InvalidSignature
from models import inbox
from models.inbox import WebhookEvent

WEBHOOK_BYTES_MAX: Final = 256 * 1024
SIGNATURE_HEADER: Final = "Stripe-Signature"

router = api_router("/v1/webhooks", "Webhooks")


class WebhookEventOut(Output):
    id: str = Field(examples=["evt_1Q"])
    type: str = Field(examples=["payment_intent.succeeded"])
    object_id: str
    received_at: datetime
    handled_at: datetime | None
    outcome: str | None
    tries: int


@router.post(
    "/stripe",
    operation_id="receiveStripeWebhook",
    summary="Receive an event of Stripe",
    openapi_extra={
        "parameters": [{"name": SIGNATURE_HEADER, "in": "header", "required": True, "schema": {"type": "string"}}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
    },
    response_class=Response,
    dependencies=[public(body_bytes_max=WEBHOOK_BYTES_MAX)],
)
async def receive_stripe_webhook(request: Request) -> Response:
    """200 once the event is stored; also for one that is stored already. 400 for what Stripe did not sign."""
    parts = parts_of(request)
    raw = await request.body()
    event = _verified(parts, raw, request.headers.get(SIGNATURE_HEADER, ""))
    await run_in_threadpool(_store, parts, event, raw)
    return Response(status_code=200)


def _verified(parts: Parts, raw: bytes, signature: str) -> GatewayEvent:
    try:
        event = parts.gateway.verify_webhook(raw, signature, parts.webhook_secrets)
    except InvalidSignature as error:
        detail = "The signature does not fit this body, or its time lies more than 300 seconds from now."
        raise Problem(400, "invalid-signature", detail) from error
    if event.livemode != (parts.keys.mode == "live"):
        raise Problem(400, "wrong-mode", "The event is of the gateway's other mode (test or live) than this service.")
    return event


def _store(parts: Parts, event: GatewayEvent, raw: bytes) -> None:
    row = WebhookEvent(
        id=event.id,
        type=event.type,
        object_id=event.object_id,
        payload=orjson.loads(raw),
        received_at=parts.clock(),
    )
    parts.database.run(lambda session: inbox.insert_event(session, row))


@router.get(
    "/inbox",
    operation_id="listWebhookEvents",
    summary="List received events, newest first",
    dependencies=[needs("webhooks:read")],
)
def list_webhook_events(
    call: CurrentCall,
    cursor: Cursor = None,
    limit: Limit = 50,
    handled: Annotated[bool | None, Query(description="Only handled or only unhandled events.")] = None,
) -> Page[WebhookEventOut]:
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        rows = inbox.list_events(session, after=after, limit=limit + 1, handled=handled)
    return page(rows, limit, _shown)


def _shown(row: WebhookEvent) -> WebhookEventOut:
    return WebhookEventOut.model_validate(row, from_attributes=True)
