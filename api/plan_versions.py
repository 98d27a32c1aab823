"""The versions of a plan: drafted, published, retired. Contracts are signed on published ones."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final

from fastapi import Path, Query, Response
from pydantic import Field
from sqlmodel import Session

from api.calls import Call, CurrentCall
from api.catalogue import existing_plan
from api.fields import Input, Output
from api.pages import Cursor, Limit, Page, decode_cursor, page_by
from api.problems import not_found
from api.routing import api_router, needs
from domain.catalogue import Differences, PlanTerms, differences
from domain.errors import RefusedChange
from models import catalogue
from models.catalogue import PlanVersion, VersionStatus

router = api_router("/v1/plans/{plan_id}/versions", "Catalogue")

READ: Final = needs("catalogue:read")
WRITE: Final = needs("catalogue:write")
NUMBER_MAX: Final = 2**31 - 1

Number = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="The version's number.")]


class NewPlanVersion(Input):
    terms: PlanTerms


class PlanVersionOut(Output):
    plan: str = Field(examples=["pro"])
    version: int
    status: VersionStatus
    terms: PlanTerms
    created_at: datetime
    published_at: datetime | None = Field(description="From here on its terms never change.")
    retired_at: datetime | None = Field(description="From here on no contract is signed on it.")


def _version(row: PlanVersion) -> PlanVersionOut:
    return PlanVersionOut(
        plan=row.plan_id,
        version=row.version,
        status=row.status,  # type: ignore[arg-type]  # the database checks it
        terms=catalogue.terms_of(row),
        created_at=row.created_at,
        published_at=row.published_at,
        retired_at=row.retired_at,
    )


@router.post(
    "",
    status_code=201,
    operation_id="draftPlanVersion",
    summary="Draft a plan's next version",
    dependencies=[WRITE],
)
def draft_version(plan_id: str, body: NewPlanVersion, call: CurrentCall, response: Response) -> PlanVersionOut:
    """Versions are numbered from 1. No contract can be signed on a draft; publish it first."""
    made = call.parts.database.run(lambda session: _draft(session, call, plan_id, body.terms))
    response.headers["Location"] = f"/v1/plans/{plan_id}/versions/{made.version}"
    return made


def _draft(session: Session, call: Call, plan_id: str, terms: PlanTerms) -> PlanVersionOut:
    drafted = catalogue.insert_draft(session, plan_id, terms, request_id=call.new_id("plv"), at=call.at)
    if drafted is None:
        raise not_found("plan", plan_id)
    row, is_new = drafted
    if is_new:
        call.audit(session, "plan_version.drafted", _name(row))
    return _version(row)


@router.get(
    "",
    operation_id="listPlanVersions",
    summary="List a plan's versions, newest first",
    dependencies=[READ],
)
def list_versions(plan_id: str, call: CurrentCall, cursor: Cursor = None, limit: Limit = 50) -> Page[PlanVersionOut]:
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        existing_plan(session, plan_id)
        rows = catalogue.list_versions(session, plan_id, after=after, limit=limit + 1)
    return page_by(rows, limit, _version, lambda row: row.version)


@router.get(
    "/{version}",
    operation_id="getPlanVersion",
    summary="Read a plan's version",
    dependencies=[READ],
)
def get_version(plan_id: str, version: Number, call: CurrentCall) -> PlanVersionOut:
    with call.parts.database.transaction() as session:
        return _version(_existing_version(session, plan_id, version))


def _existing_version(session: Session, plan_id: str, version: int) -> PlanVersion:
    row = catalogue.get_version(session, plan_id, version)
    if row is None:
        raise not_found("plan version", f"{plan_id}/{version}")
    return row


@router.get(
    "/{version}/differences",
    operation_id="comparePlanVersions",
    summary="What a plan's version changes in the lines of another",
    dependencies=[READ],
)
def compare_versions(
    plan_id: str,
    version: Number,
    call: CurrentCall,
    other: Annotated[int, Query(ge=1, le=NUMBER_MAX, alias="from", description="The version to start from.")],
) -> Differences:
    with call.parts.database.transaction() as session:
        before, after = (_existing_version(session, plan_id, number) for number in (other, version))
    return differences(catalogue.terms_of(before).lines, catalogue.terms_of(after).lines)


@router.put(
    "/{version}",
    operation_id="changePlanVersion",
    summary="Replace the terms of a draft",
    responses={409: {}},
    dependencies=[WRITE],
)
def change_version(plan_id: str, version: Number, body: NewPlanVersion, call: CurrentCall) -> PlanVersionOut:
    """409 `refused-change` for a version that was published: its terms never change. Draft the next one."""

    def change(session: Session, row: PlanVersion) -> None:
        if row.status != "draft":
            raise RefusedChange(f"version {version} of {plan_id} is {row.status}; its terms never change")
        catalogue.change_draft(row, body.terms)
        call.audit(session, "plan_version.changed", _name(row))

    return _change(call, plan_id, version, change)


@router.post(
    "/{version}/publish",
    operation_id="publishPlanVersion",
    summary="Publish a draft",
    dependencies=[WRITE],
)
def publish_version(plan_id: str, version: Number, call: CurrentCall) -> PlanVersionOut:
    """Contracts can be signed on it from now on, and its terms never change. Contracts that exist stay as they are."""

    def publish(session: Session, row: PlanVersion) -> None:
        if row.status == "retired":
            raise RefusedChange(f"version {version} of {plan_id} is retired; draft the next one")
        if row.status == "draft":
            catalogue.publish(row, call.at)
            call.audit(session, "plan_version.published", _name(row))

    return _change(call, plan_id, version, publish)


@router.post(
    "/{version}/retire",
    operation_id="retirePlanVersion",
    summary="Sign no more contracts on a version",
    dependencies=[WRITE],
)
def retire_version(plan_id: str, version: Number, call: CurrentCall) -> PlanVersionOut:
    """Contracts that were signed on it stay as they are."""

    def retire(session: Session, row: PlanVersion) -> None:
        if row.status == "draft":
            raise RefusedChange(f"version {version} of {plan_id} is a draft; no contract can be signed on it anyway")
        if row.status == "published":
            catalogue.retire(row, call.at)
            call.audit(session, "plan_version.retired", _name(row))

    return _change(call, plan_id, version, retire)


def _change(call: Call, plan_id: str, version: int, change: Callable[[Session, PlanVersion], None]) -> PlanVersionOut:
    """The version after a change that is made while nobody else makes one."""

    def changed(session: Session) -> PlanVersionOut:
        row = catalogue.lock_version(session, plan_id, version)
        if row is None:
            raise not_found("plan version", f"{plan_id}/{version}")
        change(session, row)
        return _version(row)

    return call.parts.database.run(changed)


def _name(row: PlanVersion) -> str:
    return f"{row.plan_id}/{row.version}"
