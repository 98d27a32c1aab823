"""The quote's workflow with fake steps, on a server that skips time."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from activities.signatures import CONTRACTS_QUEUE, LEDGER_QUEUE, QuoteDecided, QuotingSteps
from domain.quote import QuoteState, contract_id_of
from domain.quote_commands import Accept, Approve, Decline, QuoteCommand, Revise, Withdraw
from domain.quote_life import AskQuote, QuoteAnswer, QuoteLife
from tests.domain.offered import AUTHOR, BOSS, SEND, SUBMIT, after, draft, line, terms
from workflows.plugin import WORKFLOWS, perennial_plugin
from workflows.quote import Quote
from workflows.quote_starting import start_quote
from workflows.quote_visibility import quote_statement
from workflows.visibility import CONTRACT_STATUS, CURRENCY, CUSTOMER_ID

Handle = WorkflowHandle[Quote, str]
ACCEPT = Accept(version=1, name="Ada Fly", email="ada@air.example")


@dataclass
class FakeQuoting(QuotingSteps):
    recorded: list[QuoteDecided] = field(default_factory=list)
    started: list[str] = field(default_factory=list)

    @activity.defn(name="record_quote")
    def record_quote(self, request: QuoteDecided) -> None:
        self.recorded.append(request)

    @activity.defn(name="start_contract")
    async def start_contract(self, contract_id: str) -> None:
        self.started.append(contract_id)

    def happened(self) -> list[str]:
        return [request.decision.happened for request in self.recorded]


@pytest.fixture
def quoting() -> FakeQuoting:
    return FakeQuoting()


@pytest.fixture
async def quotes(environment: WorkflowEnvironment, quoting: FakeQuoting) -> AsyncIterator[Client]:
    """A client of a server that skips time, on which workers with fake steps run."""
    client = environment.client
    with ThreadPoolExecutor(4) as threads:
        steps = Worker(
            client,
            task_queue=LEDGER_QUEUE,
            activities=[quoting.record_quote, quoting.start_contract],
            activity_executor=threads,
        )
        async with steps, Worker(client, task_queue=CONTRACTS_QUEUE, workflows=WORKFLOWS):
            yield client


async def begin(client: Client, environment: WorkflowEnvironment, *, days: int = 10, **agreed: object) -> Handle:
    """A draft that is valid for so many days."""
    today = (await environment.get_current_time()).date()
    state = draft(terms(**agreed), valid_until=today + timedelta(days=days))
    return await start_quote(client, QuoteLife(state), within=timedelta(seconds=10))


async def ask(handle: Handle, command: QuoteCommand, key: str | None = None, **more: object) -> QuoteAnswer:
    request = AskQuote(command, **more)  # type: ignore[arg-type]
    return await handle.execute_update(Quote.change, request, id=key)


async def refusal(handle: Handle, command: QuoteCommand, **more: object) -> tuple[str | None, str]:
    """The kind and the words of a refusal."""
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await ask(handle, command, **more)  # type: ignore[arg-type]
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    return cause.type, cause.message


async def test_a_quote_is_approved_sent_and_accepted_and_its_contract_is_started(
    environment: WorkflowEnvironment, quotes: Client, quoting: FakeQuoting
) -> None:
    handle = await begin(quotes, environment, term={"months": 36})
    assert (await ask(handle, SUBMIT)).status == "pending_approval"
    assert (await ask(handle, Approve(by=BOSS))).status == "approved"
    sent = await ask(handle, SEND)
    assert (sent.status, sent.link_digest) == ("sent", "digest-1")
    accepted = await ask(handle, ACCEPT)
    assert (accepted.status, accepted.contract_id) == ("accepted", contract_id_of("quo_1"))
    assert await handle.result() == "accepted"
    assert quoting.happened() == ["submitted for approval", "approved", "sent", "version 1 accepted"]
    assert [request.sequence for request in quoting.recorded] == [1, 2, 3, 4]
    assert quoting.started == [contract_id_of("quo_1")]
    history = await handle.fetch_history()
    await Replayer(workflows=WORKFLOWS, plugins=[perennial_plugin()]).replay_workflow(history)


async def test_a_refused_step_leaves_no_trace(
    environment: WorkflowEnvironment, quotes: Client, quoting: FakeQuoting
) -> None:
    handle = await begin(quotes, environment)
    kind, words = await refusal(handle, ACCEPT)
    assert (kind, words) == ("RefusedChange", "the quote is draft; only one that is sent can be accepted")
    assert (await refusal(handle, SUBMIT, expected_version=2))[0] == "StaleVersion"
    assert quoting.recorded == []
    names = [event.WhichOneof("attributes") for event in (await handle.fetch_history()).events]
    assert not [name for name in names if name and "update" in name]


async def test_a_command_sent_twice_under_one_id_is_done_once_and_answered_twice(
    environment: WorkflowEnvironment, quotes: Client, quoting: FakeQuoting
) -> None:
    handle = await begin(quotes, environment)
    first, again = await asyncio.gather(ask(handle, SUBMIT, "key-1"), ask(handle, SUBMIT, "key-1"))
    assert first == again == QuoteAnswer(1, "approved")
    assert quoting.happened() == ["submitted, within the limits"]


async def test_of_two_acceptances_at_once_one_counts(
    environment: WorkflowEnvironment, quotes: Client, quoting: FakeQuoting
) -> None:
    handle = await begin(quotes, environment)
    await ask(handle, SUBMIT)
    await ask(handle, SEND)
    answers = await asyncio.gather(
        ask(handle, ACCEPT, "key-1"), ask(handle, Decline(), "key-2"), return_exceptions=True
    )
    assert len([answer for answer in answers if isinstance(answer, QuoteAnswer)]) == 1
    assert len(quoting.happened()) == 3
    assert await handle.result() in ("accepted", "declined")
    assert len(quoting.started) == (1 if (await handle.result()) == "accepted" else 0)


async def test_a_quote_expires_when_its_last_day_is_over(
    environment: WorkflowEnvironment, quotes: Client, quoting: FakeQuoting
) -> None:
    handle = await begin(quotes, environment, days=10, timezone="America/New_York")
    expires_at = (await handle.query(Quote.view)).state.expires_at
    assert await handle.result() == "expired"
    assert await environment.get_current_time() >= expires_at
    assert [request.at for request in quoting.recorded] == [expires_at]
    assert quoting.started == []


async def test_a_revision_with_a_later_last_day_keeps_the_quote_alive(
    environment: WorkflowEnvironment, quotes: Client, quoting: FakeQuoting
) -> None:
    handle = await begin(quotes, environment, days=2)
    later = (await handle.query(Quote.view)).state.valid_until + timedelta(days=20)
    await ask(handle, Revise(by=AUTHOR, terms=terms(line("plan", "80.00")), valid_until=later))
    await environment.sleep(timedelta(days=10))
    view = await handle.query(Quote.view)
    assert (view.state.status, view.state.version) == ("draft", 2)
    assert await handle.result() == "expired"
    assert quoting.happened() == ["version 2 drafted", f"expired after {later}"]


async def test_a_withdrawn_quote_starts_nothing(
    environment: WorkflowEnvironment, quotes: Client, quoting: FakeQuoting
) -> None:
    handle = await begin(quotes, environment)
    await ask(handle, Withdraw(by=AUTHOR, reason="sold otherwise"))
    assert await handle.result() == "withdrawn"
    assert quoting.started == []


async def test_on_a_test_clock_a_quote_waits_for_the_clock_alone(
    environment: WorkflowEnvironment, quotes: Client, quoting: FakeQuoting
) -> None:
    """Its last day, 31 January 2013, is long over in real time."""
    shown = datetime(2013, 1, 10, tzinfo=UTC)
    state = draft(terms(start="2013-02-01"), valid_until=date(2013, 1, 31))
    life = QuoteLife(state, clock_id="clk_1", clock_now=shown)
    handle = await start_quote(quotes, life, within=timedelta(seconds=10))
    assert (await ask(handle, SUBMIT, at=shown)).status == "approved"
    assert (await handle.execute_update(Quote.catch_up, datetime(2013, 1, 31, tzinfo=UTC))).done
    assert (await handle.query(Quote.view)).state.status == "approved"
    caught_up = await handle.execute_update(Quote.catch_up, datetime(2013, 3, 1, tzinfo=UTC))
    assert (caught_up.done, caught_up.next_due_at) == (True, None)
    assert await handle.result() == "expired"
    assert quoting.recorded[-1].at == datetime(2013, 2, 1, tzinfo=UTC)


async def test_a_quote_is_found_by_its_status_and_shows_no_name(
    environment: WorkflowEnvironment, quotes: Client, quoting: FakeQuoting
) -> None:
    handle = await begin(quotes, environment)
    await ask(handle, SUBMIT)
    shown = (await handle.describe()).typed_search_attributes
    assert [shown[CONTRACT_STATUS], shown[CUSTOMER_ID], shown[CURRENCY]] == ["approved", "cus_1", "USD"]
    await ask(handle, Withdraw(by=AUTHOR))
    await handle.result()


def sent_and_accepted() -> QuoteState:
    return after(draft(), SUBMIT, SEND, ACCEPT)


def test_a_statement_says_what_is_offered_and_what_it_waits_for() -> None:
    state = after(draft(terms(term={"months": 36})), SUBMIT)
    assert quote_statement(state, []).splitlines() == [
        "- **Status**: pending approval",
        "- **Waits for**: an approval, until 2026-01-31",
        "- **Version**: 1",
        "- **Term**: 36 months",
        "- **Starts**: 2026-02-01 (UTC)",
        "",
        "#### Lines",
        "- **plan**: 1 at 100.00 USD each, every month in advance",
        "",
        "#### Beyond the limits",
        "- a term of 36 months, more than 24",
    ]


def test_a_statement_of_an_accepted_quote_names_the_contract_and_nobody() -> None:
    text = quote_statement(sent_and_accepted(), [])
    assert f"- **Contract**: `{contract_id_of('quo_1')}`" in text
    assert "Ada" not in text
