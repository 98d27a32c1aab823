"""Changes to a contract. The API only asks: the contract's workflow decides, and is the only one that writes."""

from datetime import date
from typing import Final, Literal, Self

from fastapi import Response
from pydantic import Field, model_validator
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from api import temporal
from api.calls import Call, CurrentCall
from api.contracts import existing_contract, started
from api.fields import Input, Output
from api.previews import Preview, document_of
from api.problems import Problem, conflict, not_found
from api.routing import api_router, needs
from domain import keys
from domain.commands import Cancel, Change
from domain.contract import decide
from domain.errors import RefusedChange
from domain.expectation import check_version
from domain.life import Amend, Amended
from domain.state import ENDED, Status
from models.clock import get_clock
from models.contract import state_of

ANSWER_SECONDS: Final = 10
POLL_SECONDS: Final = 2

router = api_router("/v1/contracts/{contract_id}", "Contracts")

ExpectedVersion = Field(
    default=None, ge=1, description="The version that the change was decided on; 409 where the contract has moved on."
)


DryRun = Field(default=False, description="Answer with what the change would make, and change nothing.")


class NewAmendment(Input):
    change: Change
    expected_version: int | None = ExpectedVersion
    dry_run: bool = DryRun


class NewCancellation(Input):
    when: Literal["now", "period_end", "term_end", "date"] = "period_end"
    on: date | None = Field(default=None, description="The day on which it ends, with `when: date`.")
    credit: Literal["unused", "none", "all"] = Field(
        default="unused", description="What becomes of days that are paid for."
    )
    expected_version: int | None = ExpectedVersion
    dry_run: bool = DryRun

    @property
    def cancel(self) -> Cancel:
        """The change that it is."""
        return Cancel(when=self.when, on=self.on, credit=self.credit)

    @model_validator(mode="after")
    def _is_a_cancellation(self) -> Self:
        if (self.when == "date") != (self.on is not None):
            raise ValueError("on: give a day with when: date, and only then")
        return self


class DocumentOut(Output):
    """The invoice or credit note that a change made."""

    invoice_id: str
    number: str


class AmendmentOut(Output):
    id: str = Field(examples=["amd_0f6d2c1b.019a5b2e-8a52-7a29-9b2e-6f1f6b6d7f10"])
    contract_id: str
    outcome: Literal["applied", "pending", "dry_run"] = Field(
        description="While it is pending, read its Location again."
    )
    version: int | None = Field(default=None, description="The contract's version with the change.")
    status: Status | None = Field(default=None, description="The contract's status with the change.")
    happened: str | None = Field(default=None, examples=["gates changes now"])
    document: DocumentOut | None = None
    preview: Preview | None = Field(default=None, description="The document that a dry run would make.")


@router.post(
    "/amendments",
    operation_id="amendContract",
    summary="Change a contract",
    responses={202: {"model": AmendmentOut}, 409: {}},
    dependencies=[needs("contracts:write")],
)
async def amend_contract(contract_id: str, body: NewAmendment, call: CurrentCall, response: Response) -> AmendmentOut:
    """Lines that change, come or go; a pause; a trial that ends; the end of the contract; an operator's repair.

    With `dry_run` the answer holds the invoice or credit note that the change would make, and nothing changes.
    202 where the workflow has accepted the change and is still making it so: its Location tells the result. 409 where
    the contract has moved on or has ended, 422 where the change does not fit it, 503 where nobody took it: then send
    the same request again under the same key.
    """
    change = Amend(body.change, body.expected_version)
    return await (_try if body.dry_run else _amend)(call, contract_id, change, response, "/change")


@router.post(
    "/cancel",
    operation_id="cancelContract",
    summary="End a contract",
    responses={202: {"model": AmendmentOut}, 409: {}},
    dependencies=[needs("contracts:write")],
)
async def cancel_contract(
    contract_id: str, body: NewCancellation, call: CurrentCall, response: Response
) -> AmendmentOut:
    """The same as an amendment with the change `cancel`."""
    change = Amend(body.cancel, body.expected_version)
    return await (_try if body.dry_run else _amend)(call, contract_id, change, response, "")


@router.get(
    "/amendments/{amendment_id}",
    operation_id="getAmendment",
    summary="Read what became of a change",
    responses={409: {}, 503: {}},
    dependencies=[needs("contracts:read")],
)
async def get_amendment(contract_id: str, amendment_id: str, call: CurrentCall) -> AmendmentOut:
    """Known for as long as Temporal keeps the contract's past runs; the contract's history stays."""
    key, _, run_id = amendment_id.partition(".")
    workflow_id = keys.contract_workflow_id(contract_id)
    with temporal.as_problems("/change", gone=not_found("amendment of this contract", amendment_id)):
        client = temporal.connected(call.parts.temporal)
        reply = await temporal.reply_to(
            client, workflow_id, run_id or None, key=key, kind=Amended, seconds=POLL_SECONDS
        )
    return _shown(contract_id, key, reply)


async def _amend(call: Call, contract_id: str, change: Amend, response: Response, pointer: str) -> AmendmentOut:
    key = call.new_id("amd")
    with temporal.as_problems(pointer, gone=conflict("contract-ended", "The contract has ended; it does not change.")):
        reply = await _ask(call, contract_id, change, key)
    await run_in_threadpool(call.parts.database.run, lambda session: call.audit(session, "contract.amended", key))
    shown = _shown(contract_id, key, reply)
    response.status_code = 200 if reply.result else 202
    response.headers["Location"] = f"/v1/contracts/{contract_id}/amendments/{shown.id}"
    return shown


async def _try(call: Call, contract_id: str, change: Amend, _: Response, pointer: str) -> AmendmentOut:
    return await run_in_threadpool(
        call.parts.database.run, lambda session: _tried(session, call, contract_id, change, pointer)
    )


def _tried(session: Session, call: Call, contract_id: str, change: Amend, pointer: str) -> AmendmentOut:
    """What the change would make of the contract as it was recorded last; nothing is stored."""
    state = state_of(existing_contract(session, contract_id))
    dated, _ = _dated(session, contract_id, change)
    if dated is None:
        raise conflict("contract-ended", "The contract has ended; it does not change.")
    try:
        check_version(state, change.expected_version)
        decision = decide(state, change.change, dated.at or call.at)
    except RefusedChange as refusal:
        raise temporal.Refused(type(refusal).__name__, refusal.message, refusal.field).as_problem(pointer) from None
    return AmendmentOut(
        id=call.new_id("amd"),
        contract_id=contract_id,
        outcome="dry_run",
        version=decision.state.version,
        status=decision.state.status,
        happened=decision.happened,
        preview=document_of(session, decision),
    )


async def _ask(call: Call, contract_id: str, change: Amend, key: str) -> temporal.Reply[Amended]:
    request, is_started = await run_in_threadpool(
        call.parts.database.run, lambda session: _dated(session, contract_id, change)
    )
    client, workflow_id = temporal.connected(call.parts.temporal), keys.contract_workflow_id(contract_id)
    if request is None:
        # The very change that ended the contract may be asked for again, by a caller who missed the answer.
        return await temporal.reply_to(client, workflow_id, None, key=key, kind=Amended, seconds=POLL_SECONDS)
    if not (is_started or await started(call, contract_id)):
        raise temporal.Unreachable
    return await temporal.ask(client, workflow_id, "amend", request, key=key, kind=Amended, seconds=ANSWER_SECONDS)


def _dated(session: Session, contract_id: str, change: Amend) -> tuple[Amend | None, bool]:
    """The change with its business time, where a test clock tells it, and whether the contract's workflow was started.

    There is no change to ask for where the contract has ended.
    """
    row = existing_contract(session, contract_id)
    is_started = row.workflow_started_at is not None
    if row.status in ENDED:
        return None, is_started
    if row.clock_id is None:
        return change, is_started
    clock = get_clock(session, row.clock_id)
    assert clock is not None
    if clock.status == "advancing":
        detail = "The contract's test clock is advancing. Send the same request again once it is ready."
        raise Problem(503, "clock-advancing", detail, headers={"Retry-After": "1"})
    return Amend(change.change, change.expected_version, clock.now_at), is_started


def _shown(contract_id: str, key: str, reply: temporal.Reply[Amended]) -> AmendmentOut:
    amendment_id, result = f"{key}.{reply.run_id}".rstrip("."), reply.result
    if result is None:
        return AmendmentOut(id=amendment_id, contract_id=contract_id, outcome="pending")
    made = result.invoice_id is not None and result.number is not None
    return AmendmentOut(
        id=amendment_id,
        contract_id=contract_id,
        outcome="applied",
        version=result.version,
        status=result.status,
        happened=result.happened,
        document=DocumentOut(invoice_id=result.invoice_id or "", number=result.number or "") if made else None,
    )
