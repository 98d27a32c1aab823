"""Contracts and collections on a test clock, with fake steps on a real server."""

import asyncio
from datetime import UTC, date, datetime, timedelta

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from activities.signatures import ChargeOutcome
from domain.commands import Cancel
from domain.life import Amend
from tests.workflows.fakes import FakeSteps, declined
from tests.workflows.story import monthly, start_contract
from workflows.collection import Collection
from workflows.contract import Contract

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
MONTHLY = monthly(date(2026, 1, 1))


async def begin(client: Client, **terms: object) -> WorkflowHandle[Contract, str]:
    contract = monthly(date(2026, 1, 1), **terms) if terms else MONTHLY  # type: ignore[arg-type]
    return await start_contract(client, contract, clock_id="clk_1", clock_now=JANUARY - timedelta(days=1))


async def move_to(client: Client, contract: WorkflowHandle[Contract, str], steps: FakeSteps, at: datetime) -> None:
    """What the clock does at one instant: wake the contract, its collections, then the contract with their news."""
    await catch_up(contract, at)
    for invoice_id in sorted({charge.invoice_id for charge in steps.charges} | set(steps.totals)):
        collection = client.get_workflow_handle_for(Collection.run, f"collection/{invoice_id}")
        try:
            await collection.execute_update(Collection.catch_up, at)
        except RPCError as error:
            assert "not found" in str(error) or "already completed" in str(error)
    await catch_up(contract, at)


async def catch_up(contract: WorkflowHandle[Contract, str], at: datetime) -> None:
    async with asyncio.timeout(30):
        while not (await contract.execute_update(Contract.catch_up, at)).done:
            pass


def collection_of(client: Client, steps: FakeSteps) -> WorkflowHandle[Collection, str]:
    return client.get_workflow_handle_for(Collection.run, f"collection/{steps.charges[0].invoice_id}")


async def test_a_declined_card_recovers_on_the_second_retry_three_days_after_the_first_failure(
    real_client: Client, steps: FakeSteps
) -> None:
    steps.outcomes += [declined("insufficient_funds"), declined("insufficient_funds")]
    contract = await begin(real_client)
    await move_to(real_client, contract, steps, JANUARY)
    assert (await contract.query(Contract.view)).state.status == "past_due"
    await move_to(real_client, contract, steps, JANUARY + timedelta(days=1))
    assert (await collection_of(real_client, steps).query(Collection.view)).stage == "retrying"
    await move_to(real_client, contract, steps, JANUARY + timedelta(days=3))

    assert [(charge.attempt, charge.at) for charge in steps.charges] == [
        (1, datetime(2026, 1, 1, tzinfo=UTC)),
        (2, datetime(2026, 1, 2, tzinfo=UTC)),
        (3, datetime(2026, 1, 4, tzinfo=UTC)),
    ]
    assert [charge.retry_at for charge in steps.charges] == [
        datetime(2026, 1, 2, tzinfo=UTC),
        datetime(2026, 1, 4, tzinfo=UTC),
        datetime(2026, 1, 6, tzinfo=UTC),
    ]
    assert await collection_of(real_client, steps).result() == "settled"
    view = await contract.query(Contract.view)
    assert (view.state.status, view.open_invoices) == ("active", ())


async def test_after_the_last_retry_a_new_payment_method_is_charged_at_once(
    real_client: Client, steps: FakeSteps
) -> None:
    steps.outcomes += [declined("expired_card")] * 5
    contract = await begin(real_client)
    for day in (0, 1, 3, 5, 7, 20):
        await move_to(real_client, contract, steps, JANUARY + timedelta(days=day))
    collection = collection_of(real_client, steps)
    assert [charge.attempt for charge in steps.charges] == [1, 2, 3, 4, 5]
    assert steps.charges[-1].retry_at is None
    assert (await collection.query(Collection.view)).stage == "exhausted"
    await collection.signal(Collection.payment_method_changed)
    assert await collection.result() == "settled"
    assert (steps.charges[-1].attempt, steps.charges[-1].at) == (6, JANUARY + timedelta(days=20))


async def test_a_new_payment_method_in_the_middle_uses_up_no_retry(real_client: Client, steps: FakeSteps) -> None:
    steps.outcomes += [declined("expired_card"), declined("expired_card")]
    contract = await begin(real_client)
    await move_to(real_client, contract, steps, JANUARY)
    collection = collection_of(real_client, steps)
    await collection.signal(Collection.payment_method_changed)
    await move_to(real_client, contract, steps, JANUARY)
    view = await collection.query(Collection.view)
    assert (view.attempts, view.next_action_at) == (2, datetime(2026, 1, 2, tzinfo=UTC))


async def test_an_event_of_the_gateway_settles_an_invoice_without_another_charge(
    real_client: Client, steps: FakeSteps
) -> None:
    steps.outcomes += [declined("authentication_required")]
    contract = await begin(real_client)
    await move_to(real_client, contract, steps, JANUARY)
    await collection_of(real_client, steps).signal(Collection.payment_event, "evt_1")
    assert await collection_of(real_client, steps).result() == "settled"
    assert len(steps.charges) == 1
    await move_to(real_client, contract, steps, JANUARY)
    assert (await contract.query(Contract.view)).state.status == "active"


async def test_a_credit_note_that_covers_an_unpaid_invoice_ends_its_collection(
    real_client: Client, steps: FakeSteps
) -> None:
    steps.outcomes += [declined("expired_card")]
    contract = await begin(real_client)
    await move_to(real_client, contract, steps, JANUARY)
    await contract.execute_update(Contract.amend, Amend(Cancel(when="now"), at=JANUARY))
    assert await collection_of(real_client, steps).result() == "settled"
    assert len(steps.charges) == 1


async def test_an_event_that_tells_nothing_new_leaves_the_next_retry_where_it_was(
    real_client: Client, steps: FakeSteps
) -> None:
    steps.outcomes += [declined("expired_card")]
    steps.reviews += [ChargeOutcome("pending")]
    contract = await begin(real_client)
    await move_to(real_client, contract, steps, JANUARY)
    collection = collection_of(real_client, steps)
    await collection.signal(Collection.payment_event, "evt_1")
    await collection.execute_update(Collection.catch_up, JANUARY)
    view = await collection.query(Collection.view)
    assert (view.stage, view.next_action_at) == ("retrying", JANUARY + timedelta(days=1))


async def test_an_invoice_with_payment_terms_is_charged_on_the_day_it_is_due(
    real_client: Client, steps: FakeSteps
) -> None:
    contract = await begin(real_client, payment_terms_days=14)
    await move_to(real_client, contract, steps, JANUARY)
    assert steps.charges == []
    assert (await contract.query(Contract.view)).open_invoices[0].due_on == date(2026, 1, 15)
    await move_to(real_client, contract, steps, datetime(2026, 1, 15, tzinfo=UTC))
    assert [charge.at for charge in steps.charges] == [datetime(2026, 1, 15, tzinfo=UTC)]
    assert (await contract.query(Contract.view)).open_invoices == ()


async def test_an_invoice_of_an_ended_contract_is_collected_all_the_same(real_client: Client, steps: FakeSteps) -> None:
    steps.outcomes += [declined("insufficient_funds")]
    contract = await begin(real_client, months=1)
    await catch_up(contract, JANUARY)
    while not (await contract.execute_update(Contract.catch_up, datetime(2026, 2, 1, tzinfo=UTC))).done:
        pass
    assert await contract.result() == "expired"
    collection = collection_of(real_client, steps)
    await collection.execute_update(Collection.catch_up, datetime(2026, 2, 1, tzinfo=UTC))
    assert await collection.result() == "settled"


async def test_a_quiet_paid_cycle_stays_within_its_budget_of_events(real_client: Client, steps: FakeSteps) -> None:
    contract = await begin(real_client)
    await catch_up(contract, datetime(2026, 3, 1, tzinfo=UTC))
    lengths = []
    run_id = contract.first_execution_run_id
    while run_id:
        history = await real_client.get_workflow_handle(contract.id, run_id=run_id).fetch_history()
        lengths.append(len(history.events))
        run_id = history.events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    assert len(lengths) == 4
    assert max(lengths) <= 26
