"""The life of a contract: sleep until something is due, bill it, collect it, and go on as a new run."""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.signatures import Decided, InvoicingSteps, Issued, RateUsage
    from domain import unpaid_trial
    from domain.commands import BillUsage, Command, InvoiceSettled, InvoiceUnpaid, PaymentMethodAdded, Recognise, Wake
    from domain.contract import decide
    from domain.due import next_due
    from domain.errors import RefusedChange
    from domain.expectation import check_version
    from domain.life import (
        Amend,
        Amended,
        CaughtUp,
        ContractLife,
        ContractView,
        Happening,
        OpenInvoice,
        Queued,
        RecogniseThrough,
    )
    from domain.spread import offset_seconds
    from domain.state import Bill, ContractState, Decision, Due

from workflows import collecting, options
from workflows.updates import refused, update, update_id
from workflows.visibility import contract_attributes, contract_statement, upsert, view_of, waits_for

ANSWERS_KEPT = 100
HISTORY_KEPT = 12


@workflow.defn(name="Contract")
class Contract:
    """One customer contract. It is the only writer of its own state."""

    @workflow.init
    def __init__(self, life: ContractLife) -> None:
        self.life = life
        self.state: ContractState = life.state
        self.sequence = life.sequence
        self.queue: deque[Queued] = deque(life.queue)
        self.answers: dict[str, Amended] = dict(life.answers)
        self.open: dict[str, OpenInvoice] = {invoice.invoice_id: invoice for invoice in life.open_invoices}
        self.history = list(life.history)
        self.clock_now = life.clock_now
        self.busy = self.leaving = self.billed = False

    @workflow.run
    async def run(self, life: ContractLife) -> str:
        """Live until the contract has ended; returns how it ended."""
        self._show()
        while not self.state.ended or self.queue:
            await self._sleep()
            await self._step()
            if self.billed and not self.queue and not self.state.ended:
                await self._continue_in_a_new_run()
        self._show()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.state.status

    # What the outside may ask.

    @update("Change or cancel the contract; answers with the new version and its document")
    async def amend(self, request: Amend) -> Amended:
        return await self._ask(request.change, request.at, request.expected_version)

    @amend.validator
    def _check_amend(self, request: Amend) -> None:
        if update_id() in self.answers:
            return
        try:
            check_version(self.state, request.expected_version)
            decide(self.state, request.change, request.at or self._now())
        except RefusedChange as refusal:
            raise refused(refusal.message, refusal.field, type(refusal).__name__) from None

    @update("Recognise revenue up to a day, for a report or a close")
    async def recognise(self, request: RecogniseThrough) -> Amended:
        return await self._ask(Recognise(through=request.through), request.at)

    @update("Do all that is due by the time of the test clock")
    async def catch_up(self, to: datetime) -> CaughtUp:
        self.clock_now = to if self.clock_now is None else max(self.clock_now, to)
        await workflow.wait_condition(lambda: self.leaving or self._idle())
        due = next_due(self.state)
        return CaughtUp(due.at if due else None, done=self._idle())

    @workflow.signal(description="An invoice is due and was not settled")
    def invoice_unpaid(self, invoice_id: str) -> None:
        self.queue.append(Queued(InvoiceUnpaid(invoice_id=invoice_id), self._now()))

    @workflow.signal(description="An invoice was settled")
    def invoice_settled(self, invoice_id: str) -> None:
        self.queue.append(Queued(InvoiceSettled(invoice_id=invoice_id), self._now()))

    @workflow.signal(description="The customer has a payment method")
    def payment_method_added(self, at: datetime | None) -> None:
        self.queue.append(Queued(PaymentMethodAdded(), at or self._now()))

    @workflow.signal(description="Usage has reached a limit at which it is billed")
    def usage_limit_passed(self, limit_id: str, starts_on: date, at: datetime | None) -> None:
        self.queue.append(Queued(BillUsage(limit=limit_id, starts_on=starts_on), at or self._now()))

    @workflow.query(description="State, what it waits for and why, open invoices and history")
    def view(self) -> ContractView:
        return view_of(self.state, self._now(), self._waits_for(), self.open.values(), self.history)

    # Sleeping.

    def _now(self) -> datetime:
        if self.life.clock_id is None:
            return workflow.now()
        return self.clock_now or self.state.lines[0].since_at

    def _wakes_at(self, due: Due) -> datetime:
        if self.life.clock_id is not None:
            return due.at
        return due.at + timedelta(seconds=offset_seconds(self.state.contract_id, self.state.spread_seconds))

    def _ready(self) -> bool:
        due = next_due(self.state)
        return bool(self.queue) or (due is not None and self._wakes_at(due) <= self._now())

    def _idle(self) -> bool:
        return not self.busy and not self._ready()

    async def _sleep(self) -> None:
        if self._ready():
            return
        due = next_due(self.state)
        if self.life.clock_id is not None or due is None:
            await workflow.wait_condition(self._ready)
            return
        remaining = self._wakes_at(due) - workflow.now()
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: bool(self.queue), timeout=remaining, timeout_summary=self._waits_for()
            )

    # One command at a time.

    async def _step(self) -> None:
        due = next_due(self.state)
        if self.queue and (due is None or self.queue[0].at <= due.at):
            await self._apply(self.queue.popleft())
        elif due is not None and (self.queue or self._wakes_at(due) <= self._now()):
            await self._apply(Queued(Wake(payable=await self._payable(due)), due.at))

    async def _payable(self, due: Due) -> bool:
        """Whether the customer can be charged; asked only where the contract's start hangs on it."""
        if not unpaid_trial.asks(self.state, due):
            return True
        self.busy = True
        return await collecting.can_charge(self.state.customer_id)

    async def _apply(self, asked: Queued) -> None:
        self.busy = True
        try:
            check_version(self.state, asked.expected_version)
            decision = decide(self.state, asked.command, asked.at)
        except RefusedChange as refusal:
            version, status, kind = self.state.version, self.state.status, type(refusal).__name__
            refused = Amended(version, status, "", refused=refusal.message, refused_as=kind, field=refusal.field)
            self._answer(asked, refused)
        else:
            self.state = decision.state
            issued = await self._make_so(decision, asked.at)
            if isinstance(asked.command, InvoiceSettled):
                self.open.pop(asked.command.invoice_id, None)
            version, status = self.state.version, self.state.status
            self._answer(asked, Amended(version, status, decision.happened, issued.invoice_id, issued.number))
            if decision.bill is not None:
                self.billed = True
                await self._collect(issued, decision.bill)
            if decision.released:
                await self._release(asked.at)
        self.busy = False
        self._show()

    async def _make_so(self, decision: Decision, at: datetime) -> Issued:
        self.sequence += 1
        self._note(at, decision.happened)
        decided = Decided(decision, self.sequence, at, self.life.clock_id)
        if decision.bill is None:
            await workflow.execute_activity_method(
                InvoicingSteps.record_change, decided, summary=decision.happened, **options.ledger()
            )
            return Issued(None)
        on = decision.bill.on
        metered = tuple((n, item) for n, item in enumerate(decision.bill.items) if item.kind == "usage")
        late = decision.bill.regular and any(line.meter is not None for line in self.state.terms.lines)
        if metered or (late and workflow.patched("late-usage")):
            claim = RateUsage(self.state.contract_id, decision.bill.document, metered, late)
            await workflow.execute_activity_method(
                InvoicingSteps.rate_usage, claim, summary=f"Rate usage before {on}", **options.ledger()
            )
        return await workflow.execute_activity_method(
            InvoicingSteps.issue_invoice, decided, summary=f"Invoice of {on}", **options.ledger()
        )

    # Collecting.

    async def _collect(self, issued: Issued, bill: Bill) -> None:
        if issued.kind == "credit_note":
            await collecting.tell_credited(self.open)
        if issued.invoice_id is None or issued.kind != "invoice" or issued.open_minor <= 0:
            return
        assert issued.number is not None and issued.due_on is not None
        opened = OpenInvoice(issued.invoice_id, issued.number, issued.open_minor, issued.due_on, issued.held)
        self.open[issued.invoice_id] = opened
        if issued.held:
            self._note(bill.at, f"{issued.number} is kept back: {issued.held_because or self.state.held}")
            return
        collection = collecting.collection_of(self.state, opened, bill.at, self.life.clock_id, self.clock_now)
        if collection.due_at > bill.at or not collection.charges:
            await collecting.start(collection)
            return
        outcome = await collecting.first_charge(collection, bill.at)
        if outcome is None or outcome.kind == "pending":
            await collecting.start(collection)
        elif outcome.kind == "settled":
            del self.open[issued.invoice_id]
        else:
            self.queue.append(Queued(InvoiceUnpaid(invoice_id=issued.invoice_id), bill.at))
            await collecting.start(collecting.after_first_failure(collection, bill.at, outcome))

    def _note(self, at: datetime, what: str) -> None:
        self.history = [*self.history[1 - HISTORY_KEPT :], Happening(at, what, self.state.version)]

    async def _release(self, at: datetime) -> None:
        """Collect what was kept back."""
        for invoice in [invoice for invoice in self.open.values() if invoice.held]:
            self.open[invoice.invoice_id] = replace(invoice, held=False)
            await collecting.start(
                collecting.collection_of(self.state, invoice, at, self.life.clock_id, self.clock_now)
            )

    # Asking, answering, showing, going on.

    async def _ask(self, command: Command, at: datetime | None, expected_version: int | None = None) -> Amended:
        key = update_id()
        if key not in self.answers and all(waiting.key != key for waiting in self.queue):
            self.queue.append(Queued(command, at or self._now(), key, expected_version))
        await workflow.wait_condition(lambda: key in self.answers)
        answer = self.answers[key]
        if answer.refused is not None:
            raise refused(answer.refused, answer.field, answer.refused_as)
        return answer

    def _answer(self, asked: Queued, answer: Amended) -> None:
        if not asked.key:
            return
        self.answers[asked.key] = answer
        while len(self.answers) > ANSWERS_KEPT:
            del self.answers[next(iter(self.answers))]

    def _waits_for(self) -> str:
        return waits_for(self.state, on_clock=self.life.clock_id is not None)

    def _show(self) -> None:
        open_invoices = tuple(self.open.values())
        workflow.set_current_details(contract_statement(self.state, open_invoices, self.history, self._waits_for()))
        if not (self.billed and not self.state.ended and not self.queue):
            # A new run is about to start with its attributes, which then cost neither event nor action.
            upsert(contract_attributes(self.state, open_invoices))

    async def _continue_in_a_new_run(self) -> None:
        """One run is one billing cycle: a wake-up replays a short history, and the UI shows a period by itself."""
        self.leaving = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        self.leaving = False
        if self.queue:
            return
        open_invoices = tuple(self.open.values())
        workflow.continue_as_new(
            replace(
                self.life,
                state=self.state,
                clock_now=self.clock_now,
                sequence=self.sequence,
                open_invoices=open_invoices,
                answers=tuple(self.answers.items()),
                history=tuple(self.history),
            ),
            search_attributes=contract_attributes(self.state, open_invoices),
        )
