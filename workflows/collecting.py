"""How a contract has an invoice collected: it charges once itself and leaves the rest to a collection."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.signatures import ChargeInvoice, ChargeOutcome, ChargingSteps, InvoicingSteps
    from domain import keys
    from domain.dunning import retry_at
    from domain.life import CollectionLife, OpenInvoice
    from domain.period import first_instant
    from domain.state import ContractState

from workflows import options
from workflows.collection import Collection, stage_of
from workflows.visibility import collection_attributes


async def can_charge(customer_id: str) -> bool:
    """Whether the customer has a payment method."""
    return await workflow.execute_activity_method(
        InvoicingSteps.has_payment_method, customer_id, summary="Is there a payment method?", **options.ledger()
    )


def collection_of(
    state: ContractState, invoice: OpenInvoice, at: datetime, clock_id: str | None, clock_now: datetime | None
) -> CollectionLife:
    """The collection of an invoice that nobody has tried to charge yet."""
    terms = state.terms
    return CollectionLife(
        invoice_id=invoice.invoice_id,
        number=invoice.number,
        contract_id=state.contract_id,
        customer_id=state.customer_id,
        currency=terms.currency,
        open_minor=invoice.open_minor,
        due_at=max(at, first_instant(invoice.due_on, terms.timezone)),
        timezone=terms.timezone,
        dunning=terms.dunning,
        clock_id=clock_id,
        clock_now=clock_now,
        charges=terms.pays == "automatically",
    )


def after_first_failure(collection: CollectionLife, at: datetime, outcome: ChargeOutcome) -> CollectionLife:
    """The collection once the contract's own charge was declined."""
    code = outcome.code or "declined"
    return replace(collection, attempt=2, failures=1, first_failed_at=at, attempted_at=at, last_code=code)


async def first_charge(collection: CollectionLife, at: datetime) -> ChargeOutcome | None:
    """The outcome of the first charge; None where the gateway could not say in time."""
    retry = retry_at(collection.dunning, at, at, collection.timezone)
    try:
        return await workflow.execute_activity_method(
            ChargingSteps.charge_invoice,
            ChargeInvoice(collection.invoice_id, 1, at, retry),
            summary=f"Charge {collection.number}",
            **options.payments(options.FIRST_CHARGE_ATTEMPTS),
        )
    except ActivityError:
        return None


async def start(collection: CollectionLife) -> None:
    """Start the collection, which outlives the contract's run."""
    with suppress(WorkflowAlreadyStartedError):
        await workflow.start_child_workflow(
            Collection.run,
            collection,
            id=keys.collection_workflow_id(collection.invoice_id),
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            static_summary=f"Collect {collection.number}",
            search_attributes=collection_attributes(collection, stage_of(collection)),
        )


async def tell_credited(open_invoices: Iterable[str]) -> None:
    """Let collections look again: a credit note lowers what is owed, perhaps to nothing."""
    for invoice_id in open_invoices:
        collection = workflow.get_external_workflow_handle_for(Collection.run, keys.collection_workflow_id(invoice_id))
        # One that has just settled its invoice no longer listens.
        with suppress(ApplicationError):
            await collection.signal(Collection.credited)
