"""Payment methods of a customer. Cards go from the customer to the gateway; only the gateway's token comes here."""

from datetime import datetime
from typing import Annotated

from fastapi import Response
from pydantic import Field, StringConstraints
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from api.calls import Call, CurrentCall
from api.fields import Input, Output
from api.pages import Cursor, Limit, Page, decode_cursor, page
from api.problems import conflict, invalid, not_found, unavailable
from api.routing import api_router, needs
from api.wakeups import WakeupFailed
from gateways.payment import GatewayRefused, PaymentMethodDeclined, PaymentMethodDetails
from models import customer as customers
from models.customer import Customer, PaymentMethod

router = api_router("/v1/customers/{customer_id}/payment-methods", "Payment methods")

Token = Annotated[str, StringConstraints(pattern=r"^pm_[A-Za-z0-9_]+$", max_length=200)]


class NewPaymentMethod(Input):
    token: Token = Field(description="The gateway's token for the card.", examples=["pm_card_visa"])
    make_default: bool = Field(default=True, description="Charge invoices to it from now on.")


class PaymentMethodOut(Output):
    id: str
    customer_id: str
    brand: str = Field(examples=["visa"])
    last4: str = Field(examples=["4242"])
    exp_month: int
    exp_year: int
    is_default: bool
    created_at: datetime


def _shown(row: PaymentMethod) -> PaymentMethodOut:
    return PaymentMethodOut.model_validate(row, from_attributes=True)


@router.post(
    "",
    status_code=201,
    operation_id="attachPaymentMethod",
    summary="Attach a payment method",
    dependencies=[needs("customers:write")],
)
async def attach_payment_method(
    customer_id: str, body: NewPaymentMethod, call: CurrentCall, response: Response
) -> PaymentMethodOut:
    """The first one becomes the default. Whoever waits for this customer to pay is told.

    422 `payment-method-declined` or `payment-method-refused` where the issuer or the gateway does not take it.
    """
    row = await run_in_threadpool(_attach, call, customer_id, body)
    await _wake(call, customer_id)
    response.headers["Location"] = f"/v1/customers/{customer_id}/payment-methods"
    return _shown(row)


def _attach(call: Call, customer_id: str, body: NewPaymentMethod) -> PaymentMethod:
    """Read, call the gateway, record: no transaction is open during a call."""
    database = call.parts.database
    customer = database.run(lambda session: _existing(session, customer_id))
    details = _at_gateway(call, _gateway_customer(call, customer), body.token)
    return database.run(lambda session: _record(session, call, customer_id, details, make_default=body.make_default))


def _existing(session: Session, customer_id: str) -> Customer:
    customer = customers.get_customer(session, customer_id)
    if customer is None:
        raise not_found("customer", customer_id)
    return customer


def _gateway_customer(call: Call, customer: Customer) -> str:
    if customer.gateway_customer_id is not None:
        return customer.gateway_customer_id
    created = call.parts.gateway.create_customer(customer.id, idempotency_key=f"customer:{customer.id}")
    return call.parts.database.run(lambda session: customers.adopt_gateway_customer(session, customer.id, created))


def _at_gateway(call: Call, gateway_customer_id: str, token: str) -> PaymentMethodDetails:
    try:
        return call.parts.gateway.attach_payment_method(
            gateway_customer_id, token, idempotency_key=f"attach:{call.once}"
        )
    except PaymentMethodDeclined as error:
        detail = f"The issuer declined this payment method ({error.code}). Ask the customer for another one."
        raise invalid(detail, "/token", code="payment-method-declined") from error
    except GatewayRefused as error:
        detail = f"The gateway does not take this token ({error.code}). Create a new one with the gateway."
        raise invalid(detail, "/token", code="payment-method-refused") from error


def _record(
    session: Session, call: Call, customer_id: str, details: PaymentMethodDetails, *, make_default: bool
) -> PaymentMethod:
    customers.lock_customer(session, customer_id)
    is_first = customers.default_payment_method(session, customer_id) is None
    method = PaymentMethod(
        id=call.new_id("pme", details.id),
        customer_id=customer_id,
        gateway_payment_method_id=details.id,
        brand=details.brand,
        last4=details.last4,
        exp_month=details.exp_month,
        exp_year=details.exp_year,
        created_at=call.at,
    )
    if customers.insert_payment_method(session, method):
        call.audit(session, "payment_method.attached", method.id)
    stored = customers.find_payment_method(session, details.id)
    if stored is None or stored.customer_id != customer_id:
        raise conflict("payment-method-taken", "This payment method belongs to another customer.", "/token")
    if make_default or is_first:
        _set_default(session, call, stored)
    return stored


def _set_default(session: Session, call: Call, method: PaymentMethod) -> None:
    if customers.make_default(session, method.customer_id, method.id):
        call.audit(session, "payment_method.made_default", method.id)
        session.refresh(method)


async def _wake(call: Call, customer_id: str) -> None:
    try:
        await call.parts.wakeups.payment_method_changed(customer_id)
    except WakeupFailed as error:
        raise unavailable("Temporal") from error


@router.get(
    "",
    operation_id="listPaymentMethods",
    summary="List a customer's payment methods, newest first",
    dependencies=[needs("customers:read")],
)
def list_payment_methods(
    customer_id: str, call: CurrentCall, cursor: Cursor = None, limit: Limit = 50
) -> Page[PaymentMethodOut]:
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        _existing(session, customer_id)
        rows = customers.list_payment_methods(session, customer_id, after=after, limit=limit + 1)
    return page(rows, limit, _shown)


@router.post(
    "/{payment_method_id}/make-default",
    operation_id="makePaymentMethodDefault",
    summary="Charge invoices to this payment method",
    dependencies=[needs("customers:write")],
)
async def make_payment_method_default(customer_id: str, payment_method_id: str, call: CurrentCall) -> PaymentMethodOut:
    row = await run_in_threadpool(
        call.parts.database.run, lambda session: _make_default(session, call, customer_id, payment_method_id)
    )
    await _wake(call, customer_id)
    return _shown(row)


def _make_default(session: Session, call: Call, customer_id: str, payment_method_id: str) -> PaymentMethod:
    customer = customers.lock_customer(session, customer_id)
    method = customers.payment_method_of(session, customer_id, payment_method_id) if customer else None
    if method is None:
        raise not_found("payment method of this customer", payment_method_id)
    _set_default(session, call, method)
    return method
