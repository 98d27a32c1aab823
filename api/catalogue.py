"""The catalogue: products, and the plans in which they are sold."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import Query, Response
from sqlmodel import Session

from api.calls import Call, CurrentCall
from api.pages import Cursor, Limit, Page, decode_cursor, page
from api.problems import conflict, invalid, not_found
from api.routing import api_router, needs
from domain.catalogue import Plan, Product
from models import catalogue

router = api_router("/v1", "Catalogue")

READ: Final = needs("catalogue:read")
WRITE: Final = needs("catalogue:write")


class ProductOut(Product):
    created_at: datetime


class PlanOut(Plan):
    created_at: datetime


def _product(row: catalogue.Product) -> ProductOut:
    return ProductOut(id=row.id, name=row.name, description=row.description, created_at=row.created_at)


def _plan(row: catalogue.Plan) -> PlanOut:
    return PlanOut(id=row.id, product=row.product_id, name=row.name, created_at=row.created_at)


@router.post(
    "/products", status_code=201, operation_id="createProduct", summary="Create a product", dependencies=[WRITE]
)
def create_product(body: Product, call: CurrentCall, response: Response) -> ProductOut:
    """The id is yours to choose. 409 `product-exists` where another product has it."""
    made = call.parts.database.run(lambda session: _create_product(session, call, body))
    response.headers["Location"] = f"/v1/products/{made.id}"
    return made


def _create_product(session: Session, call: Call, body: Product) -> ProductOut:
    if catalogue.insert_product(session, body, call.at):
        call.audit(session, "product.created", body.id)
    made = _product(session.get_one(catalogue.Product, body.id))
    if (made.name, made.description) != (body.name, body.description):
        raise conflict("product-exists", "Another product has this id. Choose another.", "/id")
    return made


@router.get("/products", operation_id="listProducts", summary="List products, newest first", dependencies=[READ])
def list_products(call: CurrentCall, cursor: Cursor = None, limit: Limit = 50) -> Page[ProductOut]:
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        rows = catalogue.list_products(session, after=after, limit=limit + 1)
    return page(rows, limit, _product)


@router.get("/products/{product_id}", operation_id="getProduct", summary="Read a product", dependencies=[READ])
def get_product(product_id: str, call: CurrentCall) -> ProductOut:
    with call.parts.database.transaction() as session:
        row = catalogue.get_product(session, product_id)
    if row is None:
        raise not_found("product", product_id)
    return _product(row)


@router.post("/plans", status_code=201, operation_id="createPlan", summary="Create a plan", dependencies=[WRITE])
def create_plan(body: Plan, call: CurrentCall, response: Response) -> PlanOut:
    """The id is yours to choose; what the plan costs stands in its versions. 409 `plan-exists` where it is taken."""
    made = call.parts.database.run(lambda session: _create_plan(session, call, body))
    response.headers["Location"] = f"/v1/plans/{made.id}"
    return made


def _create_plan(session: Session, call: Call, body: Plan) -> PlanOut:
    if catalogue.get_product(session, body.product) is None:
        raise invalid("There is no product with this id. Create it first.", "/product")
    if catalogue.insert_plan(session, body, call.at):
        call.audit(session, "plan.created", body.id)
    made = _plan(session.get_one(catalogue.Plan, body.id))
    if (made.product, made.name) != (body.product, body.name):
        raise conflict("plan-exists", "Another plan has this id. Choose another.", "/id")
    return made


@router.get("/plans", operation_id="listPlans", summary="List plans, newest first", dependencies=[READ])
def list_plans(
    call: CurrentCall,
    cursor: Cursor = None,
    limit: Limit = 50,
    product: Annotated[str | None, Query(max_length=64, description="Only those of this product.")] = None,
) -> Page[PlanOut]:
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        rows = catalogue.list_plans(session, after=after, limit=limit + 1, product_id=product)
    return page(rows, limit, _plan)


@router.get("/plans/{plan_id}", operation_id="getPlan", summary="Read a plan", dependencies=[READ])
def get_plan(plan_id: str, call: CurrentCall) -> PlanOut:
    with call.parts.database.transaction() as session:
        return _plan(existing_plan(session, plan_id))


def existing_plan(session: Session, plan_id: str) -> catalogue.Plan:
    row = catalogue.get_plan(session, plan_id)
    if row is None:
        raise not_found("plan", plan_id)
    return row
