"""What a contract would bill and recognise: terms that nobody signed, or a contract as it stands, with what-if steps.

The in-memory engine runs the same core as the workflows. Nothing is stored.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, Field, model_validator
from sqlmodel import Session

from api.amounts import Amount
from api.calls import Call, CurrentCall
from api.contracts import existing_contract
from api.fields import Input, Output
from api.invoices import StepOut
from api.problems import conflict, invalid
from api.routing import api_router, needs
from cases.balances import balances, revenue, revenue_by_line
from cases.contract import Contract
from cases.memory import story_of
from cases.story import Story, StoryDocument
from domain.books import Books, RatedPeriod
from domain.commands import Change
from domain.errors import DomainError
from domain.metering import Event
from domain.money import to_minor
from domain.offers import Day
from domain.period import first_instant, local_date
from domain.prices import Exact
from domain.rating import Usage
from domain.state import Bill, Item, Status
from domain.terms import Slug, Terms
from models.books import load
from models.contract import state_of
from models.usage_source import DatabaseUsage

DAYS_MAX: Final = 3_660
ONE_DAY: Final = timedelta(days=1)

router = api_router("/v1/simulations", "Simulations")


class WhatIfEvent(Input):
    id: str = Field(min_length=1, max_length=200)
    at: AwareDatetime
    value: Exact | None = None
    properties: dict[str, str] = Field(default_factory=dict)


class WhatIfUsage(Input):
    meter: Slug
    events: Annotated[tuple[WhatIfEvent, ...], Field(max_length=10_000)]


class WhatIf(Input):
    """One thing that might happen, on a day (at its first instant) or at an instant."""

    at: AwareDatetime | Day
    change: Change | None = None
    usage: WhatIfUsage | None = None
    declines: str | None = Field(default=None, description="From now on every charge is declined with this code.")
    accepts: Literal["all"] | None = Field(default=None, description="From now on every charge succeeds.")

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        given = [name for name in ("change", "usage", "declines", "accepts") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give one of change, usage, declines, accepts")
        return self


class NewSimulation(Input):
    terms: Terms | None = Field(default=None, description="Terms that nobody signed; or else a contract's id.")
    contract_id: str | None = None
    until: Day = Field(description="The last day.")
    steps: Annotated[tuple[WhatIf, ...], Field(max_length=1_000)] = ()

    @model_validator(mode="after")
    def _starts_from_one(self) -> Self:
        if (self.terms is None) == (self.contract_id is None):
            raise ValueError("give either terms or a contract_id")
        return self


class SimulatedLine(Output):
    line: str
    kind: str
    period_start: date
    period_end: date = Field(description="Exclusive.")
    net: Amount
    steps: list[StepOut]


class SimulatedDocument(Output):
    issued_on: date
    due_on: date
    net: Amount
    tax: Amount
    total: Amount
    credit_applied: Amount
    status: str
    lines: list[SimulatedLine]


class NextSimulated(Output):
    on: date
    reason: str


class Simulation(Output):
    """What would happen up to the end of the last day. Of a contract that runs it tells what comes from now on."""

    currency: str
    status: Status
    invoices: list[SimulatedDocument]
    credit_notes: list[SimulatedDocument]
    revenue: dict[str, Amount] = Field(description="By month.")
    revenue_by_line: dict[str, dict[str, Amount]]
    balances: dict[date, dict[str, Amount]] = Field(
        description="At the end of each month and of the last day; of a contract that runs what is added to today's."
    )
    next_due: NextSimulated | None


@router.post(
    "", operation_id="simulate", summary="Tell what a contract would bill", dependencies=[needs("contracts:read")]
)
def simulate(body: NewSimulation, call: CurrentCall) -> Simulation:
    """Invoices, credit notes, revenue and balances from the core that bills; nothing is stored."""
    with call.parts.database.transaction() as session:
        contract, since = _contract(session, call, body)
        _check_length(body, since)
        _run(contract, body, since)
    return _shown(story_of(contract), _month_ends(since, body.until), since if body.contract_id else None)


def _contract(session: Session, call: Call, body: NewSimulation) -> tuple[Contract, date]:
    """The contract to run, and the day from which it runs."""
    if body.terms is not None:
        return Contract.signed(body.terms), body.terms.start
    assert body.contract_id is not None
    state = state_of(existing_contract(session, body.contract_id))
    if state.ended:
        raise conflict("contract-ended", f"The contract is {state.status}; nothing comes of it any more.")
    terms = state.terms
    books = load(
        session,
        state.contract_id,
        zone=terms.timezone,
        currency=terms.currency,
        book=terms.legal_entity,
        everything=True,
    )
    usage = KnownUsage(DatabaseUsage(session, state.contract_id))
    return Contract(state, books, usage), local_date(state.decided_at or call.at, terms.timezone)


class KnownUsage:
    """The usage that has arrived so far; what was billed of it stays as it is."""

    def __init__(self, known: DatabaseUsage) -> None:
        self._known = known

    def usage(self, item: Item, until: datetime | None = None) -> Usage:
        return self._known.usage(item, until)

    def changed(self, period: RatedPeriod) -> bool:
        return False

    def billed(self, books: Books, bill: Bill) -> None:
        """Nothing comes late in a simulation."""


def _check_length(body: NewSimulation, since: date) -> None:
    if not since <= body.until <= since + ONE_DAY * DAYS_MAX:
        raise invalid(f"Give a day from {since} on, at most {DAYS_MAX} days later.", "/until")


def _run(contract: Contract, body: NewSimulation, since: date) -> None:
    zone = contract.state.terms.timezone
    ends_at = first_instant(body.until + ONE_DAY, zone)
    for index, step in enumerate(body.steps):
        at = step.at if isinstance(step.at, datetime) else first_instant(step.at, zone)
        if not first_instant(since, zone) <= at < ends_at:
            raise invalid(f"Give an instant from {since} to the end of {body.until}.", f"/steps/{index}/at")
        try:
            contract.advance(at)
            _do(contract, step, at)
        except DomainError as error:
            raise invalid(error.message, f"/steps/{index}{error.field}", code="refused-change") from error
    for day in _month_ends(since, body.until):
        at = first_instant(day + ONE_DAY, zone)
        contract.advance(at)
        contract.recognise(at)


def _do(contract: Contract, step: WhatIf, at: datetime) -> None:
    if step.change is not None:
        contract.apply(step.change, at)
    elif step.usage is not None:
        _use(contract, step.usage)
    else:
        contract.declines = step.declines


def _use(contract: Contract, usage: WhatIfUsage) -> None:
    if not contract.takes_events:
        raise DomainError("a contract that runs takes usage through POST /v1/usage: simulate its terms", "/usage")
    try:
        meter = contract.state.terms.meter(usage.meter)
    except KeyError:
        known = ", ".join(meter.id for meter in contract.state.terms.meters) or "none"
        raise DomainError(f"there is no meter {usage.meter!r}; there are {known}", "/usage/meter") from None
    events = (Event(event.id, event.at, event.value, event.properties) for event in usage.events)
    contract.use(meter.event_name, events)


def _month_ends(since: date, until: date) -> list[date]:
    days, month = [], since
    while (month := (month.replace(day=1) + timedelta(days=32)).replace(day=1)) <= until:
        days.append(month - ONE_DAY)
    return [*days, until]


def _shown(story: Story, days: list[date], since: date | None) -> Simulation:
    currency = story.currency
    months = revenue(story)
    return Simulation(
        currency=currency,
        status=story.status,  # type: ignore[arg-type]  # the core's own word
        invoices=[_document(one, currency) for one in story.invoices if since is None or one.date >= since],
        credit_notes=[_document(one, currency) for one in story.credit_notes if since is None or one.date >= since],
        revenue=_amounts(months, currency),
        revenue_by_line={line: _amounts(parts, currency) for line, parts in revenue_by_line(story).items()},
        balances={day: _amounts({n: a for n, a in balances(story, day).items() if a}, currency) for day in days},
        next_due=NextSimulated(on=story.next_due[0], reason=story.next_due[1]) if story.next_due else None,
    )


def _document(document: StoryDocument, currency: str) -> SimulatedDocument:
    return SimulatedDocument(
        issued_on=document.date,
        due_on=document.due_on,
        net=_amount(document.net, currency),
        tax=_amount(document.tax, currency),
        total=_amount(document.total, currency),
        credit_applied=_amount(document.credit_applied, currency),
        status=document.status,
        lines=[
            SimulatedLine(
                line=line.line,
                kind=line.kind,
                period_start=line.period[0],
                period_end=line.period[1],
                net=_amount(line.amount, currency),
                steps=[
                    StepOut(
                        label=step.label,
                        quantity=None if step.quantity is None else f"{step.quantity:f}",
                        unit_price=None if step.unit_price is None else f"{step.unit_price:f}",
                        amount=f"{step.amount:f}",
                    )
                    for step in line.steps
                ],
            )
            for line in document.lines
        ],
    )


def _amounts(found: Mapping[str, Decimal], currency: str) -> dict[str, Amount]:
    return {name: _amount(amount, currency) for name, amount in found.items()}


def _amount(amount: Decimal, currency: str) -> Amount:
    return Amount.of(to_minor(amount, currency), currency)
