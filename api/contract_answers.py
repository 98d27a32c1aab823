"""How contracts are shown."""

from collections.abc import Sequence
from datetime import date, datetime

from pydantic import Field

from api.amounts import Amount, Quantity
from api.fields import Output
from domain import grid
from domain.due import service_end
from domain.period import local_date
from domain.prices import Price
from domain.state import ContractState, LineState, Reason, Status
from domain.terms import Terms
from models.contract import Contract, ContractEvent, state_of


class NextDue(Output):
    """What time brings next."""

    at: datetime
    on: date = Field(description="The local date in the contract's time zone.")
    reason: Reason


class ContractSummary(Output):
    id: str = Field(examples=["con_0f6d2c1b"])
    customer_id: str
    clock_id: str | None
    status: Status
    version: int = Field(description="Rises with every change; send it as `expected_version` of the next one.")
    currency: str
    starts_at: datetime
    ends_at: datetime | None = Field(description="The first instant without service, as far as it is settled.")
    next_due: NextDue | None = Field(
        description="Null once the contract has ended, or while it waits for a payment method."
    )
    monthly_value: Amount = Field(description="The monthly recurring value of the lines with a fixed quantity.")
    open_balance: Amount = Field(description="What its invoices still ask for.")
    workflow_started_at: datetime | None = Field(description="Null while its workflow waits to be started.")
    created_at: datetime


class UpcomingOut(Output):
    """A change that takes effect with the line's next period."""

    quantity: Quantity | None
    price: Price | None


class LineProgress(Output):
    """How far one line of the terms has been billed."""

    id: str
    billed_through: date = Field(description="The first day that is not billed yet.")
    period_start: date | None = Field(description="Null where the line is billed once.")
    period_end: date | None = Field(description="The first day of the next period; null where it is billed once.")
    served: bool = Field(description="False while the contract is paused, and once the line was removed.")
    upcoming: UpcomingOut | None


class ContractEventOut(Output):
    """One decision of the contract's workflow."""

    sequence: int
    at: datetime = Field(description="Business time.")
    happened: str = Field(examples=["billed on 2013-02-01"])
    version: int
    status: Status


class ContractOut(ContractSummary):
    terms: Terms = Field(description="The terms as they are now, with all changes that are in effect.")
    term_ends_on: date | None
    service_ends_on: date | None
    lines: list[LineProgress]
    awaits_payment_method: bool = Field(
        description="Its trial is over, and billing starts with the customer's first payment method."
    )
    unpaid: list[str] = Field(description="Ids of the invoices that are due and were not settled.")
    history: list[ContractEventOut] = Field(description="The latest decisions, oldest first.")


def summary(row: Contract, open_minor: int) -> ContractSummary:
    return ContractSummary(
        id=row.id,
        customer_id=row.customer_id,
        clock_id=row.clock_id,
        status=row.status,  # type: ignore[arg-type]  # the database checks it
        version=row.version,
        currency=row.currency,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        next_due=_next_due(row),
        monthly_value=Amount.of(row.mrr_minor, row.currency),
        open_balance=Amount.of(open_minor, row.currency),
        workflow_started_at=row.workflow_started_at,
        created_at=row.created_at,
    )


def contract_out(row: Contract, open_minor: int, events: Sequence[ContractEvent]) -> ContractOut:
    state = state_of(row)
    return ContractOut(
        **dict(summary(row, open_minor)),
        terms=state.terms,
        term_ends_on=state.term_ends_on,
        service_ends_on=service_end(state),
        lines=[_progress(state, line) for line in state.lines],
        awaits_payment_method=state.awaits_payment_method,
        unpaid=list(state.unpaid),
        history=[event_out(event) for event in events],
    )


def event_out(row: ContractEvent) -> ContractEventOut:
    return ContractEventOut.model_validate(row, from_attributes=True)


def _next_due(row: Contract) -> NextDue | None:
    if row.next_due_at is None or row.next_due_reason is None:
        return None
    on = local_date(row.next_due_at, row.terms["timezone"])
    return NextDue(at=row.next_due_at, on=on, reason=row.next_due_reason)  # type: ignore[arg-type]  # ours


def _progress(state: ContractState, progress: LineState) -> LineProgress:
    waiting = progress.upcoming
    return LineProgress(
        id=progress.id,
        billed_through=progress.billed_through,
        period_start=_boundary(state, progress, 0),
        period_end=_boundary(state, progress, 1),
        served=not (progress.off or progress.removed),
        upcoming=UpcomingOut(quantity=waiting.quantity, price=waiting.price) if waiting else None,
    )


def _boundary(state: ContractState, progress: LineState, later: int) -> date | None:
    line = state.terms.line(progress.id)
    return None if line.every == "once" else grid.period_start(state, line, progress, progress.index + later)
