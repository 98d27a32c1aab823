"""Revenue of a contract up to a day, for a report or a close: the contract's workflow recognises it."""

from datetime import date
from typing import Final, Literal

from fastapi import Response
from pydantic import Field
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from api import temporal
from api.calls import Call, CurrentCall
from api.contracts import existing_contract, started
from api.fields import Input, Output
from api.problems import conflict, invalid
from api.routing import api_router, needs
from api.test_clocks import business_time
from domain import keys
from domain.life import Amended, RecogniseThrough
from domain.period import local_date
from models.contract import state_of

ANSWER_SECONDS: Final = 10
WITHOUT_REVENUE: Final = frozenset({"signed", "trialing"})

router = api_router("/v1/contracts/{contract_id}", "Contracts")


class NewRecognition(Input):
    through: date = Field(description="The first day whose revenue is not wanted; today at the latest.")


class RecognitionOut(Output):
    contract_id: str
    outcome: Literal["applied", "nothing", "pending"] = Field(
        description="`nothing` where all is recognised up to that day. While it is pending, send the request again."
    )
    happened: str | None = Field(default=None, examples=["revenue recognised up to 2026-02-01"])


@router.post(
    "/recognise",
    operation_id="recogniseRevenue",
    summary="Recognise a contract's revenue up to a day",
    responses={202: {"model": RecognitionOut}, 409: {}},
    dependencies=[needs("contracts:write")],
)
async def recognise_revenue(
    contract_id: str, body: NewRecognition, call: CurrentCall, response: Response
) -> RecognitionOut:
    """What was earned before that day is posted, by month; the contract does so by itself when it bills.

    A contract that has not started billing has earned nothing, and one that has ended has nothing left.
    """
    request = await run_in_threadpool(
        call.parts.database.run, lambda session: _wanted(session, call, contract_id, body.through)
    )
    if request is None:
        return RecognitionOut(contract_id=contract_id, outcome="nothing")
    answer = await _ask(call, contract_id, request)
    response.status_code = 202 if answer.outcome == "pending" else 200
    return answer


async def _ask(call: Call, contract_id: str, request: RecogniseThrough) -> RecognitionOut:
    ended = conflict("contract-ended", "The contract has ended; nothing of it is left to recognise.")
    with temporal.as_problems("", gone=ended):
        client = temporal.connected(call.parts.temporal)
        if not await started(call, contract_id):
            raise temporal.Unreachable
        reply = await temporal.ask(
            client,
            keys.contract_workflow_id(contract_id),
            "recognise",
            request,
            key=call.new_id("rec"),
            kind=Amended,
            seconds=ANSWER_SECONDS,
        )
    if reply.result is None:
        return RecognitionOut(contract_id=contract_id, outcome="pending")
    return RecognitionOut(contract_id=contract_id, outcome="applied", happened=reply.result.happened)


def _wanted(session: Session, call: Call, contract_id: str, through: date) -> RecogniseThrough | None:
    """What to ask the workflow for, dated where a test clock tells the time; None where nothing is to be done."""
    row = existing_contract(session, contract_id)
    at = None if row.clock_id is None else business_time(session, row.clock_id)
    state = state_of(row)
    today = local_date(at or call.at, state.terms.timezone)
    if through > today:
        raise invalid(f"{through} is still to come; revenue is recognised up to {today} at the latest.", "/through")
    if state.ended or state.status in WITHOUT_REVENUE or through <= state.recognized_through:
        return None
    call.audit(session, "contract.recognised", contract_id)
    return RecogniseThrough(through, at)
