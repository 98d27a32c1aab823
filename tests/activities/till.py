"""An open invoice and what it takes to charge it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from temporalio.exceptions import ApplicationError

from activities.charging import Charging
from activities.signatures import ChargeInvoice, ChargeOutcome, ReviewPayment
from gateways.payment import PaymentGateway
from models.customer import PaymentMethod, adopt_gateway_customer, insert_payment_method, make_default
from models.database import Database
from models.inbox import WebhookEvent, insert_event
from tests.activities.story import SIGNED_AT, Story, line, per_unit, terms

AT = datetime(2013, 1, 1, tzinfo=UTC)
MONTHLY = line("plan", per_unit("10.00"), quantity=10)


class Till:
    def __init__(
        self,
        database: Database,
        gateway: PaymentGateway,
        *,
        customer: str = "cus_gw",
        method: str = "pm_1",
        contract_id: str = "con_1",
        plan: dict[str, Any] = MONTHLY,
        **more: Any,
    ) -> None:
        self.database = database
        self.steps = Charging(database, gateway)
        self.story = Story(database, terms(plan, **more), contract_id)
        issued = self.story.wake()
        assert issued is not None and issued.invoice_id is not None
        self.invoice_id = issued.invoice_id
        with database.transaction() as session:
            adopt_gateway_customer(session, "cus_1", customer)
        self.card(method)

    def card(self, gateway_id: str) -> None:
        """Give the customer this payment method for all that comes."""
        method = PaymentMethod(
            id=f"pm_of_{gateway_id}",
            customer_id="cus_1",
            gateway_payment_method_id=gateway_id,
            brand="visa",
            last4="4242",
            exp_month=1,
            exp_year=2030,
            created_at=SIGNED_AT,
        )
        with self.database.transaction() as session:
            insert_payment_method(session, method)
            make_default(session, "cus_1", method.id)

    def request(self, attempt: int = 1, *, retry: bool = True) -> ChargeInvoice:
        at = AT + timedelta(days=attempt - 1)
        return ChargeInvoice(self.invoice_id, attempt, at, at + timedelta(days=1) if retry else None)

    def charge(self, attempt: int = 1, *, retry: bool = True) -> ChargeOutcome:
        return self.steps.charge_invoice(self.request(attempt, retry=retry))

    def failure(self, attempt: int = 1) -> ApplicationError:
        """The error that the charge raises."""
        try:
            outcome = self.charge(attempt)
        except ApplicationError as error:
            return error
        raise AssertionError(f"the charge ended as {outcome}")

    def until_answered(self, attempt: int = 1) -> ChargeOutcome:
        """What Temporal makes of it: the activity runs again until it returns."""
        for _ in range(10):
            try:
                return self.charge(attempt)
            except ApplicationError:
                continue
        raise AssertionError("the charge never ended")

    def review(self, at: date = date(2013, 1, 5)) -> ChargeOutcome:
        return self.steps.review_payment(
            ReviewPayment(self.invoice_id, datetime(at.year, at.month, at.day, tzinfo=UTC))
        )

    def told(self, event_id: str, object_id: str) -> None:
        event = WebhookEvent(
            id=event_id, type="payment_intent.succeeded", object_id=object_id, payload={}, received_at=AT
        )  # fmt: skip
        with self.database.transaction() as session:
            insert_event(session, event)

    def invoice(self) -> tuple[str, int]:
        [(status, paid)] = self.story.rows("SELECT status, paid_minor FROM invoice WHERE id = :id", id=self.invoice_id)
        return status, paid

    def payment(self) -> list[tuple[Any, ...]]:
        return self.story.rows("SELECT status, attempt, intent_id FROM payment")

    def attempts(self) -> list[tuple[Any, ...]]:
        return self.story.rows("SELECT number, status, code FROM payment_attempt ORDER BY number")

    def collection(self) -> list[tuple[Any, ...]]:
        return self.story.rows("SELECT stage, attempts, last_code FROM collection")
