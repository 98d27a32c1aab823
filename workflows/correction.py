"""A correction of an invoice: money goes back at the gateway first, then the books follow."""

from contextlib import suppress
from dataclasses import replace

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.signatures import CorrectionSteps, RefundIntent, RefundSteps
    from domain import keys
    from domain.life import Corrected, CorrectInvoice

from workflows import collecting, options
from workflows.collection import CONTRACT_SETTLED, Collection


@workflow.defn(name="Correction")
class Correction:
    """One correction of one invoice. It goes on until it is done, also over an outage of the gateway."""

    @workflow.run
    async def run(self, request: CorrectInvoice) -> Corrected:
        """Correct the invoice; returns the document that it made, or why it was refused."""
        if request.correction.kind == "refund":
            given_back = await self._give_back(request)
            if isinstance(given_back, Corrected):
                return given_back
            request = replace(request, refunded_minor=given_back)
        corrected = await workflow.execute_activity_method(
            CorrectionSteps.correct_invoice,
            request,
            summary=request.correction.kind.replace("_", " ").capitalize(),
            **options.ledger(options.REQUESTED),
        )
        await self._tell(request, corrected)
        if corrected.collect is not None:
            await collecting.start(corrected.collect)
        return corrected

    async def _give_back(self, request: CorrectInvoice) -> int | Corrected:
        """Give the money back at the gateway; how much went there, or the refusal of the invoice or the gateway."""
        prepared = await workflow.execute_activity_method(
            CorrectionSteps.prepare_refund, request, summary="Check the refund", **options.ledger(options.REQUESTED)
        )
        if prepared.refused is not None:
            return Corrected(refused=prepared.refused, field=prepared.field)
        if prepared.intent_id is None:
            return 0
        refund = RefundIntent(request.correction_id, prepared.intent_id, prepared.amount_minor, prepared.currency)
        refunded = await workflow.execute_activity_method(
            RefundSteps.refund_intent, refund, summary="Refund at the gateway", **options.payments()
        )
        if refunded.refused is not None:
            return Corrected(refused=refunded.refused, field="/amount")
        return prepared.amount_minor

    async def _tell(self, request: CorrectInvoice, corrected: Corrected) -> None:
        for invoice_id in corrected.invoice_ids:
            collection = workflow.get_external_workflow_handle_for(
                Collection.run, keys.collection_workflow_id(invoice_id)
            )
            try:
                await collection.signal(Collection.credited)
            except ApplicationError:
                # Nobody collects it, or not yet, such as one that is kept back: then the contract is to know.
                if corrected.settled:
                    await self._tell_contract(request, invoice_id)

    async def _tell_contract(self, request: CorrectInvoice, invoice_id: str) -> None:
        contract = workflow.get_external_workflow_handle(keys.contract_workflow_id(request.contract_id))
        # A contract that has ended no longer listens.
        with suppress(ApplicationError):
            await contract.signal(CONTRACT_SETTLED, invoice_id)
