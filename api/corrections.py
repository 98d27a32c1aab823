"""Corrections of invoices: payments by hand, credit notes, refunds, voids, write-offs, disputes."""

from datetime import datetime
from typing import Final, Literal

from fastapi import Response
from pydantic import Field
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from api import temporal
from api.calls import Call, CurrentCall
from api.fields import Input, Output
from api.problems import Problem, conflict, invalid, not_found
from api.routing import api_router, needs
from domain.correcting import Correction
from domain.life import Corrected, CorrectInvoice
from models.clock import get_clock
from models.contract import get_contract
from models.correction import CorrectionRecord, corrections_of
from models.invoice import get_invoice

ANSWER_SECONDS: Final = 10
# What a refusal of the books names, as it stands in the body; what is not there is no mistake of the caller.
FIELDS: Final = {"/amount": "/amount_minor", "/line": "/line"}

router = api_router("/v1/invoices/{invoice_id}", "Invoices")


class NewCorrection(Input):
    correction: Correction


class CorrectionOut(Output):
    id: str = Field(examples=["cor_0f6d2c1b"])
    invoice_id: str
    outcome: Literal["applied", "pending"] = Field(description="While it is pending, read the invoice again.")
    document_id: str | None = Field(default=None, description="The credit note that it made.")
    number: str | None = None


class CorrectionDone(Output):
    id: str
    kind: str
    at: datetime
    document_id: str | None


class CorrectionList(Output):
    corrections: list[CorrectionDone]


@router.post(
    "/corrections",
    operation_id="correctInvoice",
    summary="Correct an invoice",
    responses={202: {"model": CorrectionOut}, 409: {}},
    dependencies=[needs("invoices:write")],
)
async def correct_invoice(invoice_id: str, body: NewCorrection, call: CurrentCall, response: Response) -> CorrectionOut:
    """Record a payment, issue a credit note, refund, void, write off, or note a dispute.

    422 where the invoice does not allow it, with the field to correct. 202 where it was taken on and is not done yet,
    for one while the payment gateway is away.
    """
    correction_id = call.new_id("cor")
    request = await run_in_threadpool(
        call.parts.database.run, lambda session: _ordered(session, call, correction_id, invoice_id, body)
    )
    with temporal.as_problems("/correction", gone=conflict("correction-lost", "The correction cannot be found.")):
        client = temporal.connected(call.parts.temporal)
        corrected = await temporal.run_correction(client, request, seconds=ANSWER_SECONDS)
    if corrected is None:
        response.status_code = 202
        return CorrectionOut(id=correction_id, invoice_id=invoice_id, outcome="pending")
    return _shown(correction_id, invoice_id, corrected)


@router.get(
    "/corrections",
    operation_id="listCorrections",
    summary="What was done to an invoice",
    dependencies=[needs("invoices:read")],
)
def list_corrections(invoice_id: str, call: CurrentCall) -> CorrectionList:
    with call.parts.database.transaction() as session:
        if get_invoice(session, invoice_id) is None:
            raise not_found("invoice", invoice_id)
        return CorrectionList(corrections=[_done(record) for record in corrections_of(session, invoice_id)])


def _ordered(session: Session, call: Call, correction_id: str, invoice_id: str, body: NewCorrection) -> CorrectInvoice:
    invoice = get_invoice(session, invoice_id)
    if invoice is None:
        raise not_found("invoice", invoice_id)
    contract = get_contract(session, invoice.contract_id)
    assert contract is not None
    at = call.at
    if contract.clock_id is not None:
        clock = get_clock(session, contract.clock_id)
        assert clock is not None
        if clock.status == "advancing":
            detail = "The contract's test clock is advancing. Send the same request again once it is ready."
            raise Problem(503, "clock-advancing", detail, headers={"Retry-After": "1"})
        at = clock.now_at
    call.audit(session, f"invoice.{body.correction.kind}", invoice_id)
    return CorrectInvoice(correction_id, invoice.contract_id, invoice_id, body.correction, at)


def _shown(correction_id: str, invoice_id: str, corrected: Corrected) -> CorrectionOut:
    if corrected.refused is not None:
        if corrected.field in FIELDS:
            raise invalid(corrected.refused, f"/correction{FIELDS[corrected.field]}", code="refused-correction")
        raise conflict("refused-correction", corrected.refused)
    return CorrectionOut(
        id=correction_id,
        invoice_id=invoice_id,
        outcome="applied",
        document_id=corrected.document_id,
        number=corrected.number,
    )


def _done(record: CorrectionRecord) -> CorrectionDone:
    return CorrectionDone(id=record.id, kind=record.kind, at=record.at, document_id=record.document_id)
