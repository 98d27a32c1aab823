"""The life of a quote: drafted, approved, sent, and then accepted, declined, withdrawn or over."""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.signatures import QuoteDecided, QuotingSteps
    from domain.errors import RefusedChange
    from domain.life import CaughtUp, Happening
    from domain.quote import QuoteDecision, QuoteState, check_quote_version, decide
    from domain.quote_commands import Expire
    from domain.quote_life import AskQuote, QueuedAsk, QuoteAnswer, QuoteLife, QuoteView

from workflows import options
from workflows.quote_visibility import quote_attributes, quote_statement, waits_for
from workflows.updates import refused, update, update_id
from workflows.visibility import upsert

ANSWERS_KEPT = 50
HISTORY_KEPT = 12


@workflow.defn(name="Quote")
class Quote:
    """One quote. It is the only writer of its own state, so that it is accepted once or not at all."""

    @workflow.init
    def __init__(self, life: QuoteLife) -> None:
        self.life = life
        self.state: QuoteState = life.state
        self.sequence = life.sequence
        self.queue: deque[QueuedAsk] = deque()
        self.answers: dict[str, QuoteAnswer] = dict(life.answers)
        self.history = list(life.history)
        self.clock_now = life.clock_now
        self.busy = False

    @workflow.run
    async def run(self, life: QuoteLife) -> str:
        """Live until nothing can become of the quote any more; returns what became of it."""
        self._show()
        while self.state.open or self.queue:
            await self._sleep()
            await self._step()
            if self.state.open and workflow.info().is_continue_as_new_suggested():
                await self._continue_in_a_new_run()
        if self.state.acceptance is not None:
            await workflow.execute_activity_method(
                QuotingSteps.start_contract,
                self.state.acceptance.contract_id,
                summary="Start the contract",
                **options.ledger(options.REQUESTED),
            )
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.state.status

    # What the outside may ask.

    @update("Revise, submit, approve, reject, send, accept, decline or withdraw the quote")
    async def change(self, request: AskQuote) -> QuoteAnswer:
        key = update_id()
        if key not in self.answers and all(waiting.key != key for waiting in self.queue):
            if request.at is not None:
                self.clock_now = max(self._now(), request.at)
            self.queue.append(QueuedAsk(request.command, request.at or self._now(), key, request.expected_version))
        await workflow.wait_condition(lambda: key in self.answers)
        answer = self.answers[key]
        if answer.refused is not None:
            raise refused(answer.refused, answer.field, answer.refused_as)
        return answer

    @change.validator
    def _check_change(self, request: AskQuote) -> None:
        if update_id() in self.answers:
            return
        try:
            check_quote_version(self.state, request.expected_version)
            decide(self.state, request.command, request.at or self._now())
        except RefusedChange as refusal:
            raise refused(refusal.message, refusal.field, type(refusal).__name__) from None

    @update("Do all that is due by the time of the test clock")
    async def catch_up(self, to: datetime) -> CaughtUp:
        self.clock_now = to if self.clock_now is None else max(self.clock_now, to)
        await workflow.wait_condition(lambda: not self.busy and not self._ready())
        return CaughtUp(self.state.expires_at if self.state.open else None, done=True)

    @workflow.query(description="State, what it waits for and history")
    def view(self) -> QuoteView:
        return QuoteView(self.state, self._now(), waits_for(self.state), tuple(self.history))

    # Sleeping.

    def _now(self) -> datetime:
        return self.clock_now or workflow.now()

    def _ready(self) -> bool:
        return bool(self.queue) or (self.state.open and self.state.expires_at <= self._now())

    async def _sleep(self) -> None:
        if self._ready():
            return
        if self.life.clock_id is not None:
            await workflow.wait_condition(self._ready)
            return
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: bool(self.queue),
                timeout=self.state.expires_at - workflow.now(),
                timeout_summary=f"Valid until {self.state.valid_until}",
            )

    # One command at a time.

    async def _step(self) -> None:
        if self.queue:
            await self._apply(self.queue.popleft())
        elif self._ready():
            await self._apply(QueuedAsk(Expire(), self.state.expires_at))

    async def _apply(self, asked: QueuedAsk) -> None:
        self.busy = True
        try:
            check_quote_version(self.state, asked.expected_version)
            decision = decide(self.state, asked.command, asked.at)
        except RefusedChange as refusal:
            kind = type(refusal).__name__
            refused = QuoteAnswer(
                self.state.version, self.state.status, refused=refusal.message, refused_as=kind, field=refusal.field
            )
            self._answer(asked, refused)
        else:
            self.state = decision.state
            await self._make_so(decision, asked.at)
            self._answer(asked, _answer_of(self.state))
        self.busy = False
        self._show()

    async def _make_so(self, decision: QuoteDecision, at: datetime) -> None:
        self.sequence += 1
        self.history = [*self.history[1 - HISTORY_KEPT :], Happening(at, decision.happened, self.state.version)]
        await workflow.execute_activity_method(
            QuotingSteps.record_quote,
            QuoteDecided(decision, self.sequence, at, self.life.clock_id),
            summary=decision.happened,
            **options.ledger(options.REQUESTED),
        )

    # Showing, answering, going on.

    def _answer(self, asked: QueuedAsk, answer: QuoteAnswer) -> None:
        if not asked.key:
            return
        self.answers[asked.key] = answer
        while len(self.answers) > ANSWERS_KEPT:
            del self.answers[next(iter(self.answers))]

    def _show(self) -> None:
        workflow.set_current_details(quote_statement(self.state, self.history))
        upsert(quote_attributes(self.state))

    async def _continue_in_a_new_run(self) -> None:
        """A quote that is negotiated for long goes on with a short history."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self.queue:
            return
        workflow.continue_as_new(
            replace(
                self.life,
                state=self.state,
                clock_now=self.clock_now,
                sequence=self.sequence,
                answers=tuple(self.answers.items()),
                history=tuple(self.history),
            )
        )


def _answer_of(state: QuoteState) -> QuoteAnswer:
    contract_id = state.acceptance.contract_id if state.acceptance else None
    return QuoteAnswer(state.version, state.status, state.link_digest, contract_id)
