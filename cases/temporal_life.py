"""One scenario's contract, lived on the whole system: signed, moved through time, and changed step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Event
from typing import Any, Final

from sqlmodel import Session, col, select

from cases import format as form
from cases.days import ONE_DAY, moments
from cases.steps import command_of, correction_of
from cases.temporal_api import POLL_SECONDS, Api, Stopped, Workflows
from domain.commands import ChangeType
from domain.errors import DomainError
from domain.payment import NO_PAYMENT_METHOD
from domain.period import first_instant, local_date
from models import period as periods
from models.collection import CollectionCase
from models.customer import get_customer
from models.database import Database
from models.usage_limit import have_measured, is_measured
from sandbox.stripe.admin import StripeAdmin

CARD: Final = "pm_card_visa"
# What a case calls the fields of a correction: the API names the invoice in the path, where no pointer leads.
FIELDS: Final = {"": "/invoice", "/amount_minor": "/amount"}


@dataclass(frozen=True, slots=True)
class System:
    """Where the parts of the whole system are reached; `stopping` is set when they go down."""

    api_url: str
    api_key: str
    stripe_url: str
    database: Database
    workflows: Workflows
    stopping: Event


class Life:
    """A contract with a customer, a test clock and a book of its own."""

    def __init__(self, system: System, scenario: form.Scenario, book: str) -> None:
        self._system, self._scenario = system, scenario
        self.zone = scenario.timezone
        self.terms = scenario.contract.model_copy(update={"legal_entity": book})
        self.api = Api(system.api_url, system.api_key, system.stopping)
        self._bank = StripeAdmin(system.stripe_url)
        self._customer_id = self._customer(book)
        first = min(scenario.start, self.terms.start, *(local_date(m.at, self.zone) for m in moments(scenario)))
        self._now = first_instant(first - ONE_DAY, self.zone)
        self._clock_id = self.api.post("/v1/test-clocks", {"name": book, "now": self._now.isoformat()})["id"]
        body = {"customer": self._customer_id, "clock": self._clock_id, "terms": self.terms.model_dump(mode="json")}
        self.contract_id = str(self.api.post("/v1/contracts", body, prefix="/terms")["id"])

    def close(self) -> None:
        self.api.close()
        self._bank.close()

    def live(self) -> None:
        """Do all of the scenario, up to the end of its last day.

        Raises:
            DomainError: if a step is refused.
        """
        for moment in moments(self._scenario):
            self.advance(moment.at)
            if moment.step is None:
                self.recognise()
            else:
                self._perform(moment.step)
                self._bill_passed()
        self.settle()

    def advance(self, to: datetime) -> None:
        """Do all that is due before `to`, which the clock then shows."""
        if to == self._now:
            return
        if self._bills_at_limits:
            while (due_at := self._next_due_at()) is not None and self._now < due_at < to:
                self._show(due_at, exclusive=False)
                self._bill_passed()
        self._show(to, exclusive=True)

    def _next_due_at(self) -> datetime | None:
        due = self.api.get(f"/v1/contracts/{self.contract_id}")["next_due"]
        return None if due is None else datetime.fromisoformat(due["at"])

    def _show(self, to: datetime, *, exclusive: bool) -> None:
        path = f"/v1/test-clocks/{self._clock_id}"
        shown = self.api.post(f"{path}/advance", {"to": to.isoformat(), "exclusive": exclusive})
        if shown["status"] != "ready" or datetime.fromisoformat(shown["now"]) < to:
            self.api.wait(path, status="ready", now=_utc(to))
        self._now = to

    def recognise(self) -> None:
        """Recognise revenue up to the first instant of the day that the clock shows."""
        body = {"through": str(local_date(self._now, self.zone))}
        while self.api.post(f"/v1/contracts/{self.contract_id}/recognise", body)["outcome"] == "pending":
            continue

    def settle(self) -> None:
        """Wait for what goes on behind the answers: charges, and news of them."""
        with self._system.database.transaction() as session:
            mine = select(CollectionCase.invoice_id).where(col(CollectionCase.contract_id) == self.contract_id)
            collected = session.exec(mine).all()
        self._system.workflows.settle(self.contract_id, collected)

    def invoice_ids(self) -> list[str]:
        """The contract's invoices in the order of their issue."""
        listed = self.api.items("/v1/invoices", contract=self.contract_id, kind="invoice")
        return [str(invoice["id"]) for invoice in listed][::-1]

    def _customer(self, key: str) -> str:
        customer_id = str(self.api.post("/v1/customers", {"key": key, "name": key})["id"])
        if self.terms.pays == "automatically" and not self._without_method():
            self.api.post(f"/v1/customers/{customer_id}/payment-methods", {"token": CARD})
        return customer_id

    def _without_method(self) -> bool:
        """Whether the customer has nothing to charge when the trial ends, where the terms ask for it."""
        if self.terms.without_payment_method == "bill":
            return False
        told = [step.body for step in self._scenario.steps if isinstance(step.body, form.Gateway)]
        return bool(told) and told[0].declines == NO_PAYMENT_METHOD

    # Steps.

    def _perform(self, step: form.Step) -> None:
        command = command_of(step)
        if command is not None:
            self._change(command)
            return
        match step.body:
            case form.SendUsage():
                self._use(step.body)
            case form.Gateway():
                self._tell_bank(step.body.declines)
            case form.Close():
                self._close(step.body.period)
            case form.OfInvoice():
                self._correct(step.action, step.body)
            case _:
                self.api.post(f"/v1/customers/{self._customer_id}/payment-methods", {"token": CARD})
                self.settle()

    def _change(self, command: ChangeType) -> None:
        path = f"/v1/contracts/{self.contract_id}/amendments"
        body = {"change": command.model_dump(mode="json", by_alias=True)}
        answer = self.api.post(path, body, prefix="/change")
        if answer["outcome"] == "pending":
            self.api.wait(f"{path}/{answer['id']}", outcome="applied")
        self.settle()

    def _use(self, body: form.SendUsage) -> None:
        name = self.terms.meter(body.meter).event_name
        events = [self._event(name, event) for event in sorted(body.events, key=lambda event: event.id)]
        answer = self.api.post("/v1/usage", events)
        for result in answer["results"]:
            # The same id again changes nothing, whatever it says now.
            if result["result"] == "rejected":
                raise DomainError(f"event {result['id']} was not taken: {result}", "/events")
        if self._closed_months():
            # What concerns a closed month counts on the day on which it became known: today.
            self.recognise()

    def _bill_passed(self) -> None:
        """Wait until what was sent is measured against the limits, and billed where it has passed one."""
        if not self._bills_at_limits:
            return
        database = self._system.database
        database.run(lambda session: have_measured(session, self.contract_id))
        while not database.run(lambda session: is_measured(session, self.contract_id)):
            if self._system.stopping.wait(POLL_SECONDS):
                raise Stopped
        self.settle()

    @property
    def _bills_at_limits(self) -> bool:
        return any(limit.action == "invoice" for limit in self.terms.usage_limits)

    def _event(self, name: str, event: form.UsageEvent) -> dict[str, Any]:
        known: dict[str, Any] = {
            "id": event.id,
            "source": self.contract_id,
            "contract": self.contract_id,
            "event": name,
            "at": event.at.isoformat(),
        }
        if event.value is not None:
            known["value"] = f"{event.value:f}"
        return known | ({"properties": event.properties} if event.properties else {})

    def _tell_bank(self, code: str | None) -> None:
        with self._system.database.transaction() as session:
            customer = get_customer(session, self._customer_id)
        assert customer is not None
        payer = customer.gateway_customer_id
        if payer is None:
            # Who pays on invoice has no card that could decline.
            return
        if code is None:
            self._bank.accept_customer(payer)
        else:
            self._bank.decline_customer(payer, code)

    def _correct(self, action: str, body: form.OfInvoice) -> None:
        invoices = self.invoice_ids()
        if body.invoice > len(invoices):
            raise DomainError(f"there is no invoice {body.invoice} yet, only {len(invoices)}", "/invoice")
        asked = correction_of(action, body, self._scenario.currency).model_dump(mode="json")
        path = f"/v1/invoices/{invoices[body.invoice - 1]}/corrections"
        try:
            answer = self.api.post(path, {"correction": asked}, prefix="/correction")
        except DomainError as refusal:
            raise DomainError(refusal.message, FIELDS.get(refusal.field, refusal.field)) from None
        if answer["outcome"] == "pending":
            corrected = self._system.workflows.corrected(answer["id"])
            if corrected.refused is not None:
                raise DomainError(corrected.refused, corrected.field)
        self.settle()

    def _close(self, month: str) -> None:
        first = date.fromisoformat(f"{month}-01")
        ends_on = (first + timedelta(days=32)).replace(day=1)
        if self._now < first_instant(ends_on, self.zone):
            raise DomainError(f"{month} is not over: it can be closed from {ends_on}", "/period")
        self.recognise()
        if month not in self._closed_months():
            self._system.database.run(lambda session: _seal(session, month, self.terms.legal_entity))

    def _closed_months(self) -> Sequence[str]:
        with self._system.database.transaction() as session:
            known = periods.periods(session, self.terms.legal_entity)
        return [period.period for period in known if period.status == "closed"]


def _seal(session: Session, month: str, book: str) -> None:
    periods.begin_closing(session, month, book)
    periods.close(session, month, book)


def _utc(at: datetime) -> str:
    """An instant as the API writes it."""
    return at.isoformat().replace("+00:00", "Z")
