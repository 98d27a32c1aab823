"""The admin routes: faults, the clock, the journal, and what payers, banks and issuers do. No key is needed."""

from collections.abc import Callable
from datetime import UTC
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.stripe import cards, disputes, refunds, setup_intents
from sandbox.stripe.actions import complete_action
from sandbox.stripe.admin_bodies import Complete, DecideDispute, Decline, OpenDispute, SetAmounts, SetClock
from sandbox.stripe.amounts import ANY_AMOUNT
from sandbox.stripe.attempts import DECLINE_RULE
from sandbox.stripe.errors import StripeError
from sandbox.stripe.fault_rules import RULE
from sandbox.stripe.operation import Operation, public
from sandbox.stripe.store import Json

if TYPE_CHECKING:
    from sandbox.stripe.server import StripeServer

Body = TypeVar("Body")
JOURNAL: tuple[str, ...] = (
    "seq", "at", "kind", "object_id", "payment_intent", "charge", "customer", "amount", "currency", "request_id",
    "idempotency_key", "metadata", "detail",
)  # fmt: skip


class AdminError(Exception):
    def __init__(self, status: int, message: str, field: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.field = status, message, field


def build(server: "StripeServer") -> Starlette:
    """The application behind `/_admin`."""
    admin = _Admin(server)
    declining = "/_admin/customers/{id}/decline"
    return Starlette(
        routes=[
            Route("/_admin/health", admin.health),
            Route("/_admin/clock", admin.clock),
            Route("/_admin/clock", admin.set_clock, methods=["POST", "PUT"]),
            Route("/_admin/amounts", admin.set_amounts, methods=["PUT"]),
            Route("/_admin/journal", admin.journal),
            Route("/_admin/faults", admin.list_faults),
            Route("/_admin/faults", admin.add_fault, methods=["POST"]),
            Route("/_admin/faults", admin.clear_faults, methods=["DELETE"]),
            Route("/_admin/faults/{id}", admin.remove_fault, methods=["DELETE"]),
            Route(declining, admin.declining),
            Route(declining, admin.decline, methods=["POST", "PUT"]),
            Route(declining, admin.accept, methods=["DELETE"]),
            Route("/_admin/disputes", admin.open_dispute, methods=["POST"]),
            Route("/_admin/disputes/{id}/decide", admin.decide_dispute, methods=["POST"]),
            Route("/_admin/refunds/{id}/complete", admin.complete_refund, methods=["POST"]),
            Route("/_admin/payment_intents/{id}/complete_action", admin.complete_payment, methods=["POST"]),
            Route("/_admin/setup_intents/{id}/complete_action", admin.complete_setup, methods=["POST"]),
        ],
        exception_handlers={AdminError: _refuse, StripeError: _refuse_as_stripe},
    )


class _Admin:
    def __init__(self, server: "StripeServer") -> None:
        self._server = server

    async def health(self, request: Request) -> Response:
        # Reads the file, so that a broken database is not called healthy.
        entries = self._server.store.sql.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()[0]
        return _json({"status": "ok", "journal_entries": entries, "webhooks": self._server.webhooks.counts()})

    async def clock(self, request: Request) -> Response:
        return _json(self._server.clock.describe())

    async def set_clock(self, request: Request) -> Response:
        body = await _body(request, TypeAdapter(SetClock))
        if len(body.model_fields_set) != 1:
            raise AdminError(400, "give exactly one of fixed, offset_seconds and real")
        if body.fixed is not None:
            fixed = body.fixed if body.fixed.tzinfo else body.fixed.replace(tzinfo=UTC)
            self._server.clock.fix(int(fixed.timestamp()))
        elif body.offset_seconds is not None:
            self._server.clock.offset(body.offset_seconds)
        else:
            self._server.clock.real()
        self._server.webhooks.wake()
        return _json(self._server.clock.describe())

    async def set_amounts(self, request: Request) -> Response:
        body = await _body(request, TypeAdapter(SetAmounts))
        with self._server.store.transaction():
            self._server.store.set_setting(ANY_AMOUNT, body.any)
        return _json({"any": body.any})

    async def journal(self, request: Request) -> Response:
        query = request.query_params
        after, limit = _number(query.get("after", "0"), "after"), _number(query.get("limit", "1000"), "limit")
        where: list[str] = ["seq > ?"]
        values: list[int | str] = [after]
        for name in query:
            if name in ("kind", "payment_intent", "charge", "customer", "object_id", "currency"):
                where.append(f"{name} = ?")
                values.append(query[name])
            elif name not in ("after", "limit"):
                raise AdminError(400, f"unknown parameter {name}", name)
        sql = f"SELECT {', '.join(JOURNAL)} FROM journal WHERE {' AND '.join(where)} ORDER BY seq LIMIT ?"
        rows = self._server.store.sql.execute(sql, (*values, min(limit, 10_000) + 1)).fetchall()
        entries = [dict(zip(JOURNAL, row, strict=True)) for row in rows[: min(limit, 10_000)]]
        for entry in entries:
            entry |= {"metadata": orjson.loads(entry["metadata"]), "detail": orjson.loads(entry["detail"])}
        return _json({"entries": entries, "has_more": len(rows) > len(entries)})

    async def list_faults(self, request: Request) -> Response:
        return _json({"faults": self._server.faults.describe()})

    async def add_fault(self, request: Request) -> Response:
        return _json(self._server.faults.add(await _body(request, RULE)), 201)

    async def clear_faults(self, request: Request) -> Response:
        self._server.faults.clear()
        return _json({"faults": []})

    async def remove_fault(self, request: Request) -> Response:
        if not self._server.faults.remove(request.path_params["id"]):
            raise AdminError(404, f"no fault {request.path_params['id']}")
        return _json({"faults": self._server.faults.describe()})

    async def declining(self, request: Request) -> Response:
        customer = request.path_params["id"]
        return _json({"customer": customer, "code": self._server.store.setting(DECLINE_RULE + customer)})

    async def decline(self, request: Request) -> Response:
        code = (await _body(request, TypeAdapter(Decline))).code
        if code not in cards.DECLINE_CODES:
            raise AdminError(
                400, f"{code} is not a decline code; known are {', '.join(sorted(cards.DECLINE_CODES))}", "code"
            )
        return self._rule_decline(request, code)

    async def accept(self, request: Request) -> Response:
        return self._rule_decline(request, None)

    def _rule_decline(self, request: Request, code: str | None) -> Response:
        customer = request.path_params["id"]
        with self._server.store.transaction():
            self._server.operation().find("customer", customer)
            self._server.store.set_setting(DECLINE_RULE + customer, code)
        return _json({"customer": customer, "code": code})

    async def open_dispute(self, request: Request) -> Response:
        body = await _body(request, TypeAdapter(OpenDispute))
        if (body.charge is None) == (body.payment_intent is None):
            raise AdminError(400, "give either charge or payment_intent", "charge")
        if body.reason not in disputes.REASONS:
            raise AdminError(400, f"{body.reason} is not one of {', '.join(disputes.REASONS)}", "reason")

        def act(op: Operation) -> Json:
            charge = body.charge
            if body.payment_intent is not None:
                charge = op.find("payment_intent", body.payment_intent, param="payment_intent")["latest_charge"]
            return disputes.open_on(
                op, op.find("charge", charge or "", param="charge"), reason=body.reason, amount=body.amount
            )

        return self._act(act, 201)

    async def decide_dispute(self, request: Request) -> Response:
        status = (await _body(request, TypeAdapter(DecideDispute))).status
        return self._act(lambda op: disputes.decide(op, op.find("dispute", request.path_params["id"]), status))

    async def complete_refund(self, request: Request) -> Response:
        succeeds = (await _body(request, TypeAdapter(Complete))).succeeds
        return self._act(
            lambda op: refunds.complete(op, op.find("refund", request.path_params["id"]), succeeds=succeeds)
        )

    async def complete_payment(self, request: Request) -> Response:
        body = await _body(request, TypeAdapter(Complete))
        if body.decline_code is not None and body.decline_code not in cards.DECLINE_CODES:
            raise AdminError(400, f"{body.decline_code} is not a decline code", "decline_code")

        def act(op: Operation) -> Json:
            intent = op.find("payment_intent", request.path_params["id"])
            complete_action(op, intent, succeeds=body.succeeds, decline_code=body.decline_code)
            return intent

        return self._act(act)

    async def complete_setup(self, request: Request) -> Response:
        body = await _body(request, TypeAdapter(Complete))

        def act(op: Operation) -> Json:
            intent = op.find("setup_intent", request.path_params["id"])
            setup_intents.complete_action(op, intent, succeeds=body.succeeds)
            return intent

        return self._act(act)

    def _act(self, act: Callable[[Operation], Json], status: int = 200) -> Response:
        with self._server.store.transaction():
            done = act(self._server.operation())
        self._server.webhooks.wake()
        return _json(public(done), status)


async def _body(request: Request, model: TypeAdapter[Body]) -> Body:
    try:
        return model.validate_json(await request.body() or b"{}")
    except ValidationError as error:
        worst = error.errors(include_url=False)[0]
        field = ".".join(str(step) for step in worst["loc"])
        raise AdminError(400, f"{field}: {worst['msg']}" if field else worst["msg"], field) from error


def _number(text: str, field: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise AdminError(400, f"{field} must be a whole number", field)
    return int(text)


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, AdminError)
    return _json({"error": {"message": error.message, "field": error.field}}, error.status)


def _refuse_as_stripe(request: Request, error: Exception) -> Response:
    assert isinstance(error, StripeError)
    return _json({"error": error.error}, error.status)
