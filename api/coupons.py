"""Coupons: codes that customers sign with, and how often that was."""

from datetime import datetime

from fastapi import Response
from pydantic import Field
from sqlmodel import Session

from api.calls import Call, CurrentCall
from api.pages import Cursor, Limit, Page, decode_cursor, page
from api.problems import conflict, not_found
from api.routing import api_router, needs
from domain.coupon import Coupon
from models import coupon as coupons

router = api_router("/v1/coupons", "Catalogue")


class CouponOut(Coupon):
    redeemed: int = Field(description="How many contracts were signed with it.")
    active: bool = Field(description="False once it was deactivated.")
    created_at: datetime


def _shown(row: coupons.Coupon) -> CouponOut:
    promised = coupons.coupon_of(row)
    return CouponOut(
        **dict(promised), redeemed=row.redeemed, active=row.deactivated_at is None, created_at=row.created_at
    )


@router.post(
    "",
    status_code=201,
    operation_id="createCoupon",
    summary="Create a coupon",
    dependencies=[needs("catalogue:write")],
)
def create_coupon(body: Coupon, call: CurrentCall, response: Response) -> CouponOut:
    """Codes are the same in capital and small letters. 409 `coupon-exists` where another coupon has the code."""
    made = call.parts.database.run(lambda session: _create(session, call, body))
    response.headers["Location"] = f"/v1/coupons/{made.code}"
    return made


def _create(session: Session, call: Call, body: Coupon) -> CouponOut:
    if coupons.insert_coupon(session, body, call.at):
        call.audit(session, "coupon.created", body.code)
    row = session.get_one(coupons.Coupon, body.code)
    if coupons.coupon_of(row) != body:
        raise conflict("coupon-exists", "Another coupon has this code. Choose another.", "/code")
    return _shown(row)


@router.get(
    "", operation_id="listCoupons", summary="List coupons, newest first", dependencies=[needs("catalogue:read")]
)
def list_coupons(call: CurrentCall, cursor: Cursor = None, limit: Limit = 50) -> Page[CouponOut]:
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        rows = coupons.list_coupons(session, after=after, limit=limit + 1)
    return page(rows, limit, _shown)


@router.get("/{code}", operation_id="getCoupon", summary="Read a coupon", dependencies=[needs("catalogue:read")])
def get_coupon(code: str, call: CurrentCall) -> CouponOut:
    with call.parts.database.transaction() as session:
        row = coupons.get_coupon(session, code.upper())
    if row is None:
        raise not_found("coupon", code)
    return _shown(row)


@router.post(
    "/{code}/deactivate",
    operation_id="deactivateCoupon",
    summary="Let nobody use a coupon any more",
    dependencies=[needs("catalogue:write")],
)
def deactivate_coupon(code: str, call: CurrentCall) -> CouponOut:
    """Contracts that were signed with it keep their discount."""
    return call.parts.database.run(lambda session: _deactivate(session, call, code))


def _deactivate(session: Session, call: Call, code: str) -> CouponOut:
    found = coupons.deactivate_coupon(session, code.upper(), call.at)
    if found is None:
        raise not_found("coupon", code)
    row, was_active = found
    if was_active:
        call.audit(session, "coupon.deactivated", row.code)
    return _shown(row)
