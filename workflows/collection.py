"""The collection of one invoice that its first charge did not settle."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.signatures import (
        INSTANT,
        ChargeInvoice,
        ChargeOutcome,
        ChargingSteps,
        CorrectionSteps,
        ReviewPayment,
    )
    from domain import keys
    from domain.dunning import retry_at
    from domain.life import CaughtUp, CollectionLife, CollectionView, Happening

from workflows import options
from workflows.updates import update
from workflows.visibility import collection_attributes, collection_statement, upsert

REVIEW_AFTER = timedelta(hours=1)
CONTRACT_UNPAID = "invoice_unpaid"
CONTRACT_SETTLED = "invoice_settled"


def next_action_at(life: CollectionLife) -> datetime | None:
    """The instant of the next attempt or review; None once the last retry has failed."""
    if life.review_at is not None:
        return life.review_at
    if life.first_failed_at is None or life.attempted_at is None:
        return life.due_at
    if not life.charges:
        return None
    return retry_at(life.dunning, life.first_failed_at, life.attempted_at, life.timezone)


def stage_of(life: CollectionLife) -> str:
    """Where an unsettled invoice stands: scheduled until its first failure, then retrying, at last exhausted.

    Where the customer pays on invoice, it is overdue once it is due.
    """
    if life.first_failed_at is None:
        return "scheduled"
    if not life.charges:
        return "overdue"
    return "retrying" if next_action_at(life) is not None else "exhausted"


@workflow.defn(name="Collection")
class Collection:
    """One unsettled invoice, until it is settled. It outlives the period and the contract's run that began it."""

    @workflow.init
    def __init__(self, life: CollectionLife) -> None:
        self.life = life
        self.clock_now = self.shown = life.clock_now
        self.method_changed = False
        self.events: list[str] = []
        self.history: list[Happening] = []
        self.busy = self.settled = False

    @workflow.run
    async def run(self, life: CollectionLife) -> str:
        """Charge, wait, charge again; returns once the invoice is settled."""
        while not self.settled:
            self._show()
            await self._sleep()
            self.busy = True
            await self._step()
            self.busy = False
        self._show()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return "settled"

    @workflow.signal(description="The customer has a new payment method")
    def payment_method_changed(self) -> None:
        self.method_changed = True

    @workflow.signal(description="The gateway told of the payment, by the id of its event")
    def payment_event(self, event_id: str) -> None:
        self.events.append(event_id)

    @workflow.signal(description="Less is owed than before")
    def credited(self) -> None:
        self.events.append("")

    @update("Do all that is due by the time of the test clock")
    async def catch_up(self, to: datetime) -> CaughtUp:
        return await self._catch_up(done_by=to, shown=to)

    @update("Do all that is due before the time of the test clock; what is due at that instant waits")
    async def catch_up_before(self, to: datetime) -> CaughtUp:
        return await self._catch_up(done_by=to - INSTANT, shown=to)

    async def _catch_up(self, *, done_by: datetime, shown: datetime) -> CaughtUp:
        self.clock_now = max(self.clock_now or done_by, done_by)
        self.shown = max(self.shown or shown, shown)
        await workflow.wait_condition(lambda: self.settled or self._idle())
        return CaughtUp(None if self.settled else self._next_at(), done=True)

    @workflow.query(description="Stage, attempts, next action and history")
    def view(self) -> CollectionView:
        next_at = None if self.settled else self._next_at()
        attempts = self.life.attempt - 1
        return CollectionView(
            self.life.invoice_id, self._stage(), attempts, next_at, self.life.last_code, tuple(self.history)
        )

    def _now(self) -> datetime:
        return workflow.now() if self.life.clock_id is None else (self.clock_now or self.life.due_at)

    def _date(self) -> datetime:
        """The date of what happens now: what the clock shows, and never before the attempt that it follows."""
        if self.life.clock_id is None:
            return workflow.now()
        return max(filter(None, (self._now(), self.shown, self.life.attempted_at)))

    def _next_at(self) -> datetime | None:
        return next_action_at(self.life)

    def _stage(self) -> str:
        return "settled" if self.settled else stage_of(self.life)

    def _ready(self) -> bool:
        next_at = self._next_at()
        return self.method_changed or bool(self.events) or (next_at is not None and next_at <= self._now())

    def _idle(self) -> bool:
        return not self.busy and not self._ready()

    async def _sleep(self) -> None:
        next_at = self._next_at()
        if self._ready():
            return
        if self.life.clock_id is not None or next_at is None:
            await workflow.wait_condition(self._ready)
            return
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self.method_changed or bool(self.events),
                timeout=next_at - workflow.now(),
                timeout_summary=f"Attempt {self.life.attempt} for {self.life.number}",
            )

    async def _step(self) -> None:
        if not self._ready():
            return
        if self.method_changed:
            self.method_changed = False
            if self.life.charges:
                await self._charge()
        elif self.events or self.life.review_at is not None:
            await self._review()
        elif self.life.charges:
            await self._charge()
        else:
            await self._fall_due()

    async def _review(self) -> None:
        told = len(self.events)
        outcome = await workflow.execute_activity_method(
            ChargingSteps.review_payment,
            ReviewPayment(self.life.invoice_id, self._date()),
            summary=f"Review {self.life.number} at the gateway",
            **options.payments(),
        )
        del self.events[:told]
        await self._conclude(outcome, self._date(), reviewed=True)

    async def _charge(self) -> None:
        """Try now: money is dated by when it came, not by when it was due."""
        life, at = self.life, self._date()
        retry = retry_at(life.dunning, life.first_failed_at or at, at, life.timezone)
        outcome = await workflow.execute_activity_method(
            ChargingSteps.charge_invoice,
            ChargeInvoice(life.invoice_id, life.attempt, at, retry),
            summary=f"Attempt {life.attempt} for {life.number}",
            **options.payments(),
        )
        self.history.append(Happening(at, f"attempt {life.attempt}: {outcome.code or outcome.kind}", life.attempt))
        self.life = replace(life, attempt=life.attempt + 1, attempted_at=at)
        await self._conclude(outcome, at)

    async def _fall_due(self) -> None:
        """The money has not come in time; from now on it is waited for."""
        at = self.life.due_at
        left = await workflow.execute_activity_method(
            CorrectionSteps.fall_due,
            ReviewPayment(self.life.invoice_id, at),
            summary=f"{self.life.number} is due",
            **options.ledger(),
        )
        if not left:
            await self._settle(at)
            return
        self.history.append(Happening(at, "due and unpaid", 0))
        self.life = replace(self.life, first_failed_at=at, attempted_at=at)
        await self._tell_contract(CONTRACT_UNPAID)

    async def _conclude(self, outcome: ChargeOutcome, at: datetime, *, reviewed: bool = False) -> None:
        awaited = self.life.review_at is not None
        self.life = replace(self.life, review_at=None)
        if outcome.kind == "settled":
            await self._settle(at)
        elif outcome.kind == "pending" and (awaited or not reviewed):
            self.life = replace(self.life, review_at=at + REVIEW_AFTER)
        elif not reviewed or awaited:
            await self._declined(outcome, at)

    async def _declined(self, outcome: ChargeOutcome, at: datetime) -> None:
        first = self.life.first_failed_at
        self.life = replace(
            self.life,
            failures=self.life.failures + 1,
            first_failed_at=first or at,
            attempted_at=self.life.attempted_at or at,
            last_code=outcome.code or "declined",
        )
        if first is None:
            await self._tell_contract(CONTRACT_UNPAID)

    async def _settle(self, at: datetime) -> None:
        self.history.append(Happening(at, "settled", self.life.attempt))
        await self._tell_contract(CONTRACT_SETTLED)
        self.settled = True

    async def _tell_contract(self, news: str) -> None:
        contract = workflow.get_external_workflow_handle(keys.contract_workflow_id(self.life.contract_id))
        # A contract that has ended no longer listens; its invoices are collected all the same.
        with suppress(ApplicationError):
            await contract.signal(news, self.life.invoice_id)

    def _show(self) -> None:
        stage = self._stage()
        next_at = None if self.settled else self._next_at()
        workflow.set_current_details(collection_statement(self.life, stage, next_at))
        upsert(collection_attributes(self.life, stage))
