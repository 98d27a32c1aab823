"""What a contract takes from the catalogue as it is signed: the lines of a plan, the discounts of coupons."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import ValidationError
from sqlmodel import Session

from api.problems import Problem, invalid
from domain.catalogue import PlanRef, TermsOnPlan, agreed
from domain.coupon import check_redeemable, discount, with_discounts
from domain.errors import DomainError
from domain.offers import PlanVersion as Version
from domain.spelling import unknown
from domain.terms import Terms
from models import catalogue
from models import coupon as coupons
from models.catalogue import PlanVersion


def terms_on_plan(session: Session, ref: PlanRef, given: TermsOnPlan) -> Terms:
    """The complete terms of a contract on a published version of a plan.

    Raises:
        Problem: 422, there is no such version, or it and the given terms do not fit.
        DomainError: the plan does not fit what the contract takes of it.
    """
    row = _offered(session, ref)
    try:
        return agreed(Version(id=row.plan_id, version=row.version), catalogue.terms_of(row), ref, given)
    except ValidationError as error:
        raise invalid(f"{error.errors()[0]['msg'].removeprefix('Value error, ')}.", "/terms") from error


def _offered(session: Session, ref: PlanRef) -> PlanVersion:
    if catalogue.get_plan(session, ref.id) is None:
        raise invalid(_sentence(unknown("plan", ref.id, catalogue.plan_ids(session))), "/plan/id")
    latest = catalogue.latest_published(session, ref.id)
    row = latest if ref.version is None else catalogue.get_version(session, ref.id, ref.version)
    if row is None or row.status != "published":
        raise _not_offered(ref, row, latest)
    return row


def _not_offered(ref: PlanRef, row: PlanVersion | None, latest: PlanVersion | None) -> Problem:
    advice = f"the latest published version is {latest.version}" if latest else "no version of it is published"
    if ref.version is None:
        return invalid(f"Plan {ref.id!r} cannot be signed: {advice}.", "/plan/id")
    what = {None: "does not exist", "draft": "is a draft", "retired": "is retired"}[row.status if row else None]
    return invalid(f"Version {ref.version} of plan {ref.id!r} {what}; {advice}.", "/plan/version")


def with_coupons(
    session: Session, terms: Terms, codes: Sequence[str], customer_id: str, at: datetime
) -> tuple[Terms, list[coupons.Coupon]]:
    """The terms with the discounts of these coupons, and the coupons, locked until the transaction ends.

    Raises:
        Problem: 422, there is no such coupon.
        DomainError: a coupon cannot be redeemed once more at the instant `at`, or does not fit the terms.
    """
    locked = coupons.lock_coupons(session, codes)
    discounts = []
    for index, code in enumerate(codes):
        pointer = f"/coupons/{index}"
        if code not in locked:
            raise invalid(f"There is no coupon {code!r}. Check the code.", pointer)
        row = locked[code]
        try:
            coupon = coupons.coupon_of(row)
            check_redeemable(coupon, coupons.redeemed(session, row, customer_id), at)
            discounts.append(discount(coupon, terms))
        except DomainError as error:
            raise type(error)(error.message, pointer) from error
    return with_discounts(terms, tuple(discounts)), [locked[code] for code in codes]


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
