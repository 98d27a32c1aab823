"""Collects invoices: decide in a transaction, call the gateway outside of any, record in the next transaction."""

from collections.abc import Callable

from sqlmodel import Session
from temporalio import activity

from activities import attempts, resolution
from activities.attempts import Cancel, Confirm, Create, Review, Step
from activities.dunning import note_late_decline, note_outage
from activities.failures import NO_ANSWER, visible
from activities.settlement import PENDING, SETTLED, Charged, declined, lock_all, record
from activities.signatures import ChargeInvoice, ChargeOutcome, ChargingSteps, ReviewPayment
from gateways.payment import GatewayError, GatewayRefused, GatewayUnknown, Intent, IntentStatus, PaymentGateway
from models.database import Database
from models.payment import attempt_of, events_handled, last_event, payment_of_invoice

# A charge takes three steps; more are needed only to resolve or replace what was there before.
STEPS_MAX = 10


class Charging(ChargingSteps):
    """One intent per invoice for life. Whatever ends a run, the next one begins with what is known by then."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        self._database = database
        self._gateway = gateway

    @activity.defn(name="charge_invoice")
    def charge_invoice(self, request: ChargeInvoice) -> ChargeOutcome:
        with visible():
            try:
                return self._charge(request)
            except GatewayError:
                self._database.run(lambda session: note_outage(session, request.invoice_id, request.at))
                raise

    @activity.defn(name="review_payment")
    def review_payment(self, request: ReviewPayment) -> ChargeOutcome:
        with visible():
            return self._review(request)

    def _charge(self, request: ChargeInvoice) -> ChargeOutcome:
        step = self._decide(lambda session: attempts.next_step(session, request))
        for _ in range(STEPS_MAX):
            if isinstance(step, ChargeOutcome):
                return step
            step = self._take(request, step)
        raise GatewayUnknown(f"the payment of invoice {request.invoice_id} does not come to rest")

    def _take(self, request: ChargeInvoice, step: Create | Review | Cancel | Confirm) -> Step:
        match step:
            case Create():
                return self._create(request, step)
            case Confirm():
                return self._confirm(request, step)
            case Review():
                intent = self._gateway.retrieve_intent(step.intent_id)
            case Cancel():
                intent = self._gateway.cancel_intent(step.intent_id, key=step.key)
        return self._decide(lambda session: resolution.resolve(session, request, intent))

    def _create(self, request: ChargeInvoice, step: Create) -> Step:
        try:
            intent = self._gateway.create_intent(step.intent, key=step.key)
        except GatewayUnknown as error:
            found = self._gateway.find_intent_by_invoice(step.intent.customer, request.invoice_id)
            if found is None or found.status is IntentStatus.CANCELED:
                if error.code != NO_ANSWER:
                    self._database.run(lambda session: resolution.spend_creation_key(session, request))
                raise
            intent = found
        return self._decide(lambda session: resolution.adopt(session, request, intent))

    def _confirm(self, request: ChargeInvoice, step: Confirm) -> Step:
        try:
            intent = self._gateway.confirm_intent(step.intent_id, step.payment_method, key=step.key)
        except GatewayUnknown as error:
            return self._look(request, step, error)
        except GatewayRefused:
            self._database.run(lambda session: resolution.spend_key(session, request, forget_method=True))
            raise
        return self._decide(lambda session: resolution.resolve(session, request, intent, request.attempt))

    def _look(self, request: ChargeInvoice, step: Confirm, error: GatewayUnknown) -> Step:
        """Resolve an unknown outcome by reading. What was not executed is tried again later, not at once.

        Raises:
            GatewayUnknown: the attempt was not executed, as far as the gateway shows.
        """
        intent = self._gateway.retrieve_intent(step.intent_id)
        outcome = self._decide(lambda session: resolution.resolve(session, request, intent))
        if isinstance(outcome, ChargeOutcome):
            return outcome
        if error.code != NO_ANSWER:
            self._database.run(lambda session: resolution.spend_key(session, request))
        raise error

    def _review(self, request: ReviewPayment) -> ChargeOutcome:
        intent_id, newest = self._database.run(lambda session: _under_review(session, request.invoice_id))
        intent = None if intent_id is None else self._gateway.retrieve_intent(intent_id)
        return self._database.run(lambda session: _reviewed(session, request, intent, newest))

    def _decide(self, decide: Callable[[Session], Step]) -> Step:
        return self._database.run(decide)


def _under_review(session: Session, invoice_id: str) -> tuple[str | None, int]:
    """The invoice's intent, and the newest event by now: what comes later may tell of more than is read."""
    payment = payment_of_invoice(session, invoice_id)
    return (payment.intent_id if payment else None), last_event(session)


def _reviewed(session: Session, request: ReviewPayment, intent: Intent | None, newest: int) -> ChargeOutcome:
    invoice, payment = lock_all(session, request.invoice_id)
    if payment is None or intent is None:
        return PENDING if invoice.open_minor else SETTLED
    latest = attempt_of(session, payment, payment.attempt)
    outcome = record(session, invoice, payment, Charged(intent, request.at))
    if outcome is not None and outcome.kind == "declined" and latest is not None:
        note_late_decline(session, invoice, latest, request.at, outcome)
    objects = {intent.id} | ({intent.latest_charge_id} if intent.latest_charge_id else set())
    session.flush()
    events_handled(session, objects, up_to=newest, outcome=f"payment is {payment.status}", at=request.at)
    if outcome is not None or invoice.open_minor == 0:
        return outcome or SETTLED
    return declined(latest) if latest is not None and latest.status in ("failed", "requires_action") else PENDING
