"""Contracts: signed here, and from then on changed by their workflows alone. What is read comes from the database."""

from typing import Annotated, Final

from fastapi import Query, Response
from pydantic import AwareDatetime, Discriminator, Field, Tag, field_validator
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from api import temporal
from api.calls import Call, CurrentCall
from api.contract_answers import ContractEventOut, ContractOut, ContractSummary, contract_out, event_out, summary
from api.contract_terms import terms_on_plan, with_coupons
from api.fields import Input
from api.pages import Cursor, Limit, Page, decode_cursor, page, page_by
from api.problems import invalid, not_found
from api.routing import api_router, needs
from domain.catalogue import PlanRef, TermsOnPlan
from domain.contract import sign
from domain.coupon import Code
from domain.life import ContractLife
from domain.state import Status
from domain.terms import Terms
from models import contract as contracts
from models.clock import get_clock
from models.contract import Contract
from models.coupon import redeem
from models.customer import resolve_customer
from models.invoice import open_balances
from models.usage_waiting import match_waiting

EVENTS_SHOWN: Final = 20

router = api_router("/v1/contracts", "Contracts")

Reference = Annotated[str, Field(min_length=1, max_length=200)]


class _NewContract(Input):
    customer: Reference = Field(description="The customer's id, or its key.", examples=["airline-UA"])
    clock: Reference | None = Field(default=None, description="A test clock to live on, instead of real time.")
    coupons: tuple[Code, ...] = Field(default=(), max_length=10, description="Each becomes a discount.")

    @field_validator("coupons")
    @classmethod
    def _each_once(cls, coupons: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(coupons)) < len(coupons):
            raise ValueError("a coupon stands here twice; it can be used once")
        return coupons


class NewContract(_NewContract):
    terms: Terms

    @field_validator("terms")
    @classmethod
    def _on_no_plan(cls, terms: Terms) -> Terms:
        if terms.plan is not None:
            raise ValueError("plan: name the plan beside the terms, and leave its lines out")
        return terms


class NewContractOnPlan(_NewContract):
    plan: PlanRef
    terms: TermsOnPlan


def _kind(body: object) -> str:
    named = "plan" in body if isinstance(body, dict) else isinstance(body, NewContractOnPlan)
    return "on a plan" if named else "with lines"


AnyNewContract = Annotated[
    Annotated[NewContract, Tag("with lines")] | Annotated[NewContractOnPlan, Tag("on a plan")], Discriminator(_kind)
]


@router.post(
    "",
    status_code=201,
    operation_id="createContract",
    summary="Sign a contract",
    dependencies=[needs("contracts:write")],
)
async def create_contract(body: AnyNewContract, call: CurrentCall, response: Response) -> ContractOut:
    """The contract is stored and its workflow started. Usage that waits for such a contract joins it.

    With `plan`, its lines are those of a plan's published version. Nothing that happens to the plan changes them.

    Where Temporal cannot be reached, the contract is stored all the same, with `workflow_started_at` null: its workflow
    is started as soon as that is possible, and what is due by then is billed with its own dates.
    """
    contract_id = await run_in_threadpool(call.parts.database.run, lambda session: _sign(session, call, body))
    await started(call, contract_id)
    response.headers["Location"] = f"/v1/contracts/{contract_id}"
    return await run_in_threadpool(get_contract, contract_id, call)


def _sign(session: Session, call: Call, body: NewContract | NewContractOnPlan) -> str:
    contract_id = call.new_id("con")
    if contracts.get_contract(session, contract_id) is not None:
        return contract_id
    customer = resolve_customer(session, body.customer)
    if customer is None:
        raise invalid("There is no customer with this id or key. Create it first.", "/customer")
    clock = None if body.clock is None else get_clock(session, body.clock)
    if body.clock is not None and clock is None:
        raise invalid("There is no test clock with this id. Create it first.", "/clock")
    terms = body.terms if isinstance(body, NewContract) else terms_on_plan(session, body.plan, body.terms)
    today = clock.now_at if clock else call.at
    terms, used = with_coupons(session, terms, body.coupons, customer.id, today)
    state = sign(contract_id, customer.id, terms, spread_seconds=call.parts.spread_seconds)
    if contracts.insert_contract(session, state, clock_id=body.clock, at=call.at):
        for coupon in used:
            redeem(session, coupon, contract_id=contract_id, customer_id=customer.id, at=today)
        match_waiting(session, contract_id)
        call.audit(session, "contract.signed", contract_id)
    return contract_id


async def started(call: Call, contract_id: str) -> bool:
    """Whether the contract's workflow is known to have been started, if need be now."""
    life = await run_in_threadpool(call.parts.database.run, lambda session: _unstarted_life(session, contract_id))
    if life is None:
        return True
    try:
        await temporal.start_contract(temporal.connected(call.parts.temporal), life)
    except temporal.Unreachable:
        return False
    await run_in_threadpool(
        call.parts.database.run, lambda session: contracts.mark_started(session, contract_id, call.at)
    )
    return True


def _unstarted_life(session: Session, contract_id: str) -> ContractLife | None:
    row = contracts.get_contract(session, contract_id)
    assert row is not None
    return contracts.life_of(session, row) if row.workflow_started_at is None else None


@router.get(
    "", operation_id="listContracts", summary="List contracts, newest first", dependencies=[needs("contracts:read")]
)
def list_contracts(
    call: CurrentCall,
    cursor: Cursor = None,
    limit: Limit = 50,
    customer: Annotated[str | None, Query(max_length=200, description="The customer's id, or its key.")] = None,
    status: Status | None = None,
    currency: Annotated[str | None, Query(max_length=3)] = None,
    clock: Annotated[str | None, Query(max_length=200, description="The test clock that they live on.")] = None,
    next_due_before: Annotated[AwareDatetime | None, Query(description="Only those with something due before.")] = None,
) -> Page[ContractSummary]:
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        found = resolve_customer(session, customer) if customer is not None else None
        if customer is not None and found is None:
            return Page(items=[], next_cursor=None)
        rows = contracts.list_contracts(
            session,
            after=after,
            limit=limit + 1,
            customer_id=found.id if found else None,
            clock_id=clock,
            status=status,
            currency=currency,
            next_due_before=next_due_before,
        )
        balances = open_balances(session, [row.id for row in rows])
    return page(rows, limit, lambda row: summary(row, balances.get(row.id, 0)))


@router.get(
    "/{contract_id}",
    operation_id="getContract",
    summary="Read a contract",
    dependencies=[needs("contracts:read")],
)
def get_contract(contract_id: str, call: CurrentCall) -> ContractOut:
    """Its state as its workflow last recorded it."""
    with call.parts.database.transaction() as session:
        row = existing_contract(session, contract_id)
        balances = open_balances(session, [row.id])
        latest = contracts.contract_events(session, row.id, after=max(0, row.decided - EVENTS_SHOWN))
    return contract_out(row, balances.get(row.id, 0), latest)


def existing_contract(session: Session, contract_id: str) -> Contract:
    row = contracts.get_contract(session, contract_id)
    if row is None:
        raise not_found("contract", contract_id)
    return row


@router.get(
    "/{contract_id}/history",
    operation_id="listContractHistory",
    summary="List all that happened to a contract, oldest first",
    dependencies=[needs("contracts:read")],
)
def list_contract_history(
    contract_id: str, call: CurrentCall, cursor: Cursor = None, limit: Limit = 50
) -> Page[ContractEventOut]:
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        existing_contract(session, contract_id)
        rows = contracts.contract_events(session, contract_id, after=after or 0, limit=limit + 1)
    return page_by(rows, limit, event_out, lambda row: row.sequence)
