"""Customers."""

from datetime import datetime
from typing import Annotated

from fastapi import Query, Response
from pydantic import Field
from sqlmodel import Session

from api.calls import Call, CurrentCall
from api.fields import Email, ExternalKey, Input, Metadata, Name, Output
from api.pages import Cursor, Limit, Page, decode_cursor, page
from api.problems import conflict, not_found
from api.routing import api_router, needs
from models import customer as customers
from models.customer import Customer

router = api_router("/v1/customers", "Customers")


class NewCustomer(Input):
    key: ExternalKey = Field(description="The customer's id in your systems; unique.", examples=["airline-UA"])
    name: Name = Field(examples=["United Air Lines"])
    email: Email | None = Field(default=None, examples=["billing@example.com"])
    metadata: Metadata = Field(default_factory=dict, examples=[{"segment": "carrier"}])


class CustomerChanges(Input):
    """What is left out stays as it is. Only `email` may be null, which removes it."""

    name: Name = Field(default_factory=str, examples=["United Airlines"])
    email: Email | None = Field(default=None, examples=["ap@example.com"])
    metadata: Metadata = Field(default_factory=dict, description="Replaces all metadata.")


class CustomerOut(Output):
    id: str = Field(examples=["cus_0f6d2c1b"])
    key: str
    name: str
    email: str | None
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime


def _shown(row: Customer) -> CustomerOut:
    return CustomerOut(
        id=row.id,
        key=row.key,
        name=row.name,
        email=row.email,
        metadata=row.labels,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


@router.post(
    "",
    status_code=201,
    operation_id="createCustomer",
    summary="Create a customer",
    dependencies=[needs("customers:write")],
)
def create_customer(body: NewCustomer, call: CurrentCall, response: Response) -> CustomerOut:
    """409 `customer-key-taken` where another customer has the key."""
    row = call.parts.database.run(lambda session: _create(session, call, body))
    response.headers["Location"] = f"/v1/customers/{row.id}"
    return _shown(row)


def _create(session: Session, call: Call, body: NewCustomer) -> Customer:
    row = Customer(
        id=call.new_id("cus"),
        key=body.key,
        name=body.name,
        email=body.email,
        labels=body.metadata,
        created_at=call.at,
        updated_at=call.at,
    )
    if customers.insert_customer(session, row):
        call.audit(session, "customer.created", row.id)
        return row
    made_before = customers.get_customer(session, row.id)
    if made_before is None:
        raise conflict("customer-key-taken", "Another customer has this key. Use its id, or another key.", "/key")
    return made_before


@router.get(
    "", operation_id="listCustomers", summary="List customers, newest first", dependencies=[needs("customers:read")]
)
def list_customers(
    call: CurrentCall,
    cursor: Cursor = None,
    limit: Limit = 50,
    key: Annotated[str | None, Query(max_length=200, description="Only the customer with this key.")] = None,
) -> Page[CustomerOut]:
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        rows = customers.list_customers(session, after=after, limit=limit + 1, key=key)
    return page(rows, limit, _shown)


@router.get(
    "/{customer_id}",
    operation_id="getCustomer",
    summary="Read a customer",
    responses={404: {}},
    dependencies=[needs("customers:read")],
)
def get_customer(customer_id: str, call: CurrentCall) -> CustomerOut:
    with call.parts.database.transaction() as session:
        row = customers.get_customer(session, customer_id)
    if row is None:
        raise not_found("customer", customer_id)
    return _shown(row)


@router.patch(
    "/{customer_id}",
    operation_id="changeCustomer",
    summary="Change a customer",
    dependencies=[needs("customers:write")],
)
def change_customer(customer_id: str, body: CustomerChanges, call: CurrentCall) -> CustomerOut:
    return _shown(call.parts.database.run(lambda session: _change(session, call, customer_id, body)))


def _change(session: Session, call: Call, customer_id: str, body: CustomerChanges) -> Customer:
    changes = body.model_dump(exclude_unset=True)
    if "metadata" in changes:
        changes["labels"] = changes.pop("metadata")
    row = customers.change_customer(session, customer_id, changes, call.at)
    if row is None:
        raise not_found("customer", customer_id)
    call.audit(session, "customer.changed", row.id)
    return row
