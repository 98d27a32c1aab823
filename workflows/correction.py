"""A correction of an invoice: money goes back at the gateway first, then the books follow."""

from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.signatures import CorrectionSteps, RefundIntent, RefundSteps
    from domain import keys
    from domain.life import Corrected, CorrectInvoice

from workflows import collecting, options
from workflows.collection import Collection


@workflow.defn(name="Correction")
class Correction:
    """One correction of one invoice. It goes on until it is done, also over an outage of the gateway."""

    @workflow.run
    async def run(self, request: CorrectInvoice) -> Corrected:
        """Correct the invoice; returns the document that it made, or why it was refused."""
        if request.correction.kind == "refund":
            refused = await self._give_back(request)
            if refused is not None:
                return refused
        corrected = await workflow.execute_activity_method(
            CorrectionSteps.correct_invoice,
            request,
            summary=request.correction.kind.replace("_", " ").capitalize(),
            **options.ledger(options.REQUESTED),
        )
        await self._tell_collections(corrected)
        if corrected.collect is not None:
            await collecting.start(corrected.collect)
        return corrected

    async def _give_back(self, request: CorrectInvoice) -> Corrected | None:
        """Give the money back at the gateway; the refusal, where the invoice does not allow it."""
        prepared = await workflow.execute_activity_method(
            CorrectionSteps.prepare_refund, request, summary="Check the refund", **options.ledger(options.REQUESTED)
        )
        if prepared.refused is not None:
            return Corrected(refused=prepared.refused, field=prepared.field)
        if prepared.intent_id is not None:
            refund = RefundIntent(request.correction_id, prepared.intent_id, prepared.amount_minor, prepared.currency)
            await workflow.execute_activity_method(
                RefundSteps.refund_intent, refund, summary="Refund at the gateway", **options.payments()
            )
        return None

    async def _tell_collections(self, corrected: Corrected) -> None:
        for invoice_id in corrected.invoice_ids:
            collection = workflow.get_external_workflow_handle_for(
                Collection.run, keys.collection_workflow_id(invoice_id)
            )
            # An invoice that nobody collects any more has no one to tell.
            with suppress(ApplicationError):
                await collection.signal(Collection.credited)
