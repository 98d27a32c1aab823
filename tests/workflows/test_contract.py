"""The contract's workflow with fake steps on a server that skips time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.signatures import CONTRACTS_QUEUE
from domain.commands import Cancel, ChangeLine
from domain.contract import sign
from domain.life import Amend, ContractLife
from domain.spread import offset_seconds
from tests.workflows.fakes import FakeSteps
from tests.workflows.story import monthly, start_contract
from workflows.contract import Contract


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that other processes bring about."""
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.02)


async def first_of_next_month(environment: WorkflowEnvironment) -> date:
    now = (await environment.get_current_time()).date()
    return (now.replace(day=1) + timedelta(days=32)).replace(day=1)


async def test_a_year_is_billed_in_twelve_runs_each_dated_by_its_boundary(
    environment: WorkflowEnvironment, client: Client, steps: FakeSteps
) -> None:
    start = await first_of_next_month(environment)
    handle = await start_contract(client, monthly(start))
    assert await handle.result() == "expired"
    boundaries = [start]
    while len(boundaries) < 12:
        boundaries.append((boundaries[-1] + timedelta(days=31)).replace(day=1))
    assert [bill.on for bill in steps.bills] == boundaries
    assert [charge.at.date() for charge in steps.charges] == boundaries
    first = client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
    events = [event async for event in first.fetch_history_events()]
    assert events[-1].HasField("workflow_execution_continued_as_new_event_attributes")


async def test_a_contract_started_three_months_late_bills_each_month_once_with_its_own_date(
    environment: WorkflowEnvironment, client: Client, steps: FakeSteps
) -> None:
    now = (await environment.get_current_time()).date()
    start = (now.replace(day=1) - timedelta(days=62)).replace(day=1)
    handle = await start_contract(client, monthly(start, months=3))

    async def billed_thrice() -> bool:
        return len(steps.bills) == 3

    await until(billed_thrice)
    second = (start + timedelta(days=31)).replace(day=1)
    assert [bill.on for bill in steps.bills] == [start, second, (second + timedelta(days=31)).replace(day=1)]
    assert [bill.at.date() for bill in steps.bills] == [bill.on for bill in steps.bills]
    assert await handle.result() == "expired"


async def test_an_upgrade_is_billed_at_once_and_the_repeat_of_its_update_answers_the_same(
    environment: WorkflowEnvironment, client: Client, steps: FakeSteps
) -> None:
    start = await first_of_next_month(environment)
    handle = await start_contract(client, monthly(start))
    now = await environment.get_current_time()
    start_at = datetime.combine(start, datetime.min.time(), now.tzinfo)
    await environment.sleep(start_at - now + timedelta(days=10))
    upgrade = Amend(ChangeLine(line="plan", quantity=Decimal(2)))
    answer = await handle.execute_update(Contract.amend, upgrade, id="key-1")
    assert (answer.version, answer.number) == (2, "INV-000002")
    assert [item.kind for item in steps.bills[-1].items] == ["credit", "charge"]
    # The upgrade's bill began a new run, where the server no longer knows the update's id.
    again = await handle.execute_update(Contract.amend, upgrade, id="key-1")
    assert again == answer
    assert len(steps.bills) == 2
    await handle.execute_update(Contract.amend, Amend(Cancel(when="now")), id="key-2")
    assert await handle.result() == "cancelled"


async def test_a_stale_version_is_refused_and_leaves_no_trace(
    environment: WorkflowEnvironment, client: Client, steps: FakeSteps
) -> None:
    handle = await start_contract(client, monthly(await first_of_next_month(environment)))
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        change = ChangeLine(line="plan", quantity=Decimal(2))
        await handle.execute_update(Contract.amend, Amend(change, expected_version=7))
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "StaleVersion"
    assert (await handle.query(Contract.view)).state.version == 1
    assert steps.changes == []


async def test_of_ten_changes_decided_on_one_version_exactly_one_is_applied(
    environment: WorkflowEnvironment, client: Client, steps: FakeSteps
) -> None:
    handle = await start_contract(client, monthly(await first_of_next_month(environment)))

    async def change(quantity: int) -> bool:
        request = Amend(ChangeLine(line="plan", quantity=Decimal(quantity)), expected_version=1)
        try:
            await handle.execute_update(Contract.amend, request, id=f"key-{quantity}")
        except WorkflowUpdateFailedError as refused:
            assert isinstance(refused.cause, ApplicationError)
            assert refused.cause.type == "StaleVersion"
            return False
        return True

    assert sum(await asyncio.gather(*(change(quantity) for quantity in range(2, 12)))) == 1
    assert (await handle.query(Contract.view)).state.version == 2


async def test_a_contract_on_a_test_clock_does_nothing_until_the_clock_moves(
    environment: WorkflowEnvironment, client: Client, steps: FakeSteps
) -> None:
    start = date(2013, 1, 1)
    at = datetime.fromisoformat
    handle = await start_contract(
        client, monthly(start, months=2), clock_id="clk_1", clock_now=at("2012-12-31T00:00:00+00:00")
    )
    caught_up = await handle.execute_update(Contract.catch_up, at("2012-12-31T23:59:59+00:00"))
    assert (caught_up.done, steps.bills) == (True, [])
    reached = at("2013-02-01T00:00:00+00:00")
    while not (caught_up := await handle.execute_update(Contract.catch_up, reached)).done:
        pass
    assert caught_up.next_due_at == at("2013-03-01T00:00:00+00:00")
    assert [bill.on for bill in steps.bills] == [date(2013, 1, 1), date(2013, 2, 1)]
    while not (await handle.execute_update(Contract.catch_up, at("2013-03-01T00:00:00+00:00"))).done:
        pass
    assert await handle.result() == "expired"


async def test_a_spread_moves_the_wake_up_and_no_date(
    environment: WorkflowEnvironment, client: Client, steps: FakeSteps
) -> None:
    start = await first_of_next_month(environment)
    state = sign("con_spread", "cus_1", monthly(start, months=1), spread_seconds=21600)
    handle = await client.start_workflow(
        Contract.run, ContractLife(state), id="contract/con_spread", task_queue=CONTRACTS_QUEUE
    )
    assert await handle.result() == "expired"
    assert [bill.on for bill in steps.bills] == [start]
    first = client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
    (fired,) = [event async for event in first.fetch_history_events() if event.HasField("timer_fired_event_attributes")]
    delay = fired.event_time.ToDatetime(tzinfo=UTC) - steps.bills[0].at
    offset = timedelta(seconds=offset_seconds("con_spread", 21600))
    assert offset <= delay < offset + timedelta(minutes=1)
    assert offset > timedelta(minutes=1)


async def test_a_trial_that_cannot_be_paid_for_waits_and_starts_with_the_payment_method(
    environment: WorkflowEnvironment, client: Client, steps: FakeSteps
) -> None:
    steps.payable = False
    start = (await environment.get_current_time()).date()
    terms = monthly(start, months=None, trial_days=10, without_payment_method="pause")
    handle = await start_contract(client, terms)
    await environment.sleep(timedelta(days=12))
    view = await handle.query(Contract.view)
    assert (view.state.status, view.waits_for, steps.bills) == ("paused", "a payment method of the customer", [])
    now = await environment.get_current_time()
    for _ in range(2):
        await handle.signal(Contract.payment_method_added, None)
    await environment.sleep(timedelta(hours=1))
    assert (await handle.query(Contract.view)).state.status == "active"
    assert ([bill.on for bill in steps.bills], len(steps.charges)) == ([now.date()], 1)


async def test_a_document_waits_for_late_usage_and_the_contract_for_its_last_one(
    environment: WorkflowEnvironment, client: Client, steps: FakeSteps
) -> None:
    """Two months that end on the 1st are billed on the 4th; the contract closes 30 days after its end."""
    start = await first_of_next_month(environment)
    calls = {
        "id": "calls",
        "price": {"model": "per_unit", "amount": "1.00", "minimum": "5.00"},
        "meter": "calls",
        "every": "month",
        "bill": "arrears",
    }
    metered = monthly(
        start,
        months=2,
        lines=[calls],
        meters=[{"id": "calls", "aggregate": "sum"}],
        usage_grace_hours=72,
        late_usage_days=30,
    )
    handle = await start_contract(client, metered)
    assert await handle.result() == "expired"
    second = (start + timedelta(days=31)).replace(day=1)
    end = (second + timedelta(days=31)).replace(day=1)
    assert [bill.on for bill in steps.bills] == [day + timedelta(days=3) for day in (second, end)]
    assert [bill.items[0].start for bill in steps.bills] == [start, second]
    ended = [change.decision.happened for change in steps.changes if change.decision.state.over]
    assert ended == [f"expired on {end}; its document waits until {end + timedelta(days=3)} 00:00 UTC"]
    assert (await handle.query(Contract.view)).state.decided_at == datetime.combine(
        end + timedelta(days=30), datetime.min.time(), UTC
    )


async def test_a_limit_that_usage_has_passed_is_billed_at_once_and_only_once(
    environment: WorkflowEnvironment, client: Client, steps: FakeSteps
) -> None:
    """The signal comes twice, as after a crash of whoever sent it; the regular document has the difference."""
    start = await first_of_next_month(environment)
    calls = {
        "id": "calls",
        "price": {"model": "per_unit", "amount": "1.00", "minimum": "5.00"},
        "meter": "calls",
        "every": "month",
        "bill": "arrears",
    }
    metered = monthly(
        start,
        months=1,
        lines=[calls],
        meters=[{"id": "calls", "aggregate": "sum"}],
        usage_limits=[{"id": "interim", "amount": "4.00", "action": "invoice"}],
    )
    handle = await start_contract(client, metered)
    now = await environment.get_current_time()
    await environment.sleep(datetime.combine(start, datetime.min.time(), UTC) - now + timedelta(days=10))
    await handle.signal(Contract.usage_limit_passed, args=["interim", start, None])
    await handle.signal(Contract.usage_limit_passed, args=["interim", start, None])

    async def billed() -> bool:
        return len(steps.bills) == 1

    await until(billed)
    assert steps.bills[0].on == start + timedelta(days=10)
    assert [(item.kind, item.start, item.rerated) for item in steps.bills[0].items] == [("usage", start, False)]
    assert await handle.result() == "expired"
    assert [[item.rerated for item in bill.items] for bill in steps.bills] == [[False], [True]]
    assert steps.charges[0].at.date() == start + timedelta(days=10)
