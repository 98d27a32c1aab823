"""How quotes are shown to those who make them."""

from collections.abc import Sequence
from datetime import date, datetime

from pydantic import Field

from api.fields import Output
from domain.quote import QuoteStatus, terms_hash
from domain.quote_approval import Excess
from domain.terms import Terms
from models.quote import Quote, QuoteEvent, state_of


class QuoteSummary(Output):
    id: str = Field(examples=["quo_0f6d2c1b"])
    customer_id: str
    clock_id: str | None
    status: QuoteStatus
    version: int = Field(description="Rises with every revision; send it as `expected_version` of the next step.")
    currency: str
    valid_until: date = Field(description="The last day on which it can be accepted, in the terms' time zone.")
    expires_at: datetime
    contract_id: str | None = Field(description="The contract that it became.")
    workflow_started_at: datetime | None = Field(description="Null while its workflow waits to be started.")
    created_at: datetime


class AcceptanceOut(Output):
    """Who accepted which version, when, and from where."""

    version: int
    terms_hash: str
    name: str
    email: str
    address: str | None = Field(description="As the customer stated it.")
    remote_address: str | None = Field(description="Where the request came from.")
    at: datetime


class QuoteEventOut(Output):
    sequence: int
    at: datetime = Field(description="Business time.")
    happened: str = Field(examples=["submitted for approval"])
    by: str | None = Field(description="The API key; null for the customer and for time.")
    remark: str | None
    version: int
    status: QuoteStatus


class QuoteOut(QuoteSummary):
    terms: Terms
    terms_hash: str = Field(description="SHA-256 of the terms as JSON with sorted keys.")
    beyond_limits: list[Excess] = Field(description="Why this version needs an approval.")
    drafted_by: str
    submitted_by: str | None
    approved_by: str | None
    remark: str | None = Field(description="Why it was rejected, declined or withdrawn.")
    acceptance: AcceptanceOut | None
    history: list[QuoteEventOut] = Field(description="Oldest first.")


class SentQuote(QuoteOut):
    link: str | None = Field(
        description="The path that opens the quote to the customer. It is shown in this answer only; a repeat of the "
        "request has null.",
        examples=["/v1/public/quotes/9f8e7d"],
    )


class QuoteVersionOut(Output):
    version: int
    terms: Terms
    terms_hash: str
    valid_until: date
    drafted_by: str
    at: datetime


def summary(row: Quote, now: datetime) -> QuoteSummary:
    """The quote as it is at the business time `now`."""
    state = state_of(row)
    return QuoteSummary(
        id=row.id,
        customer_id=row.customer_id,
        clock_id=row.clock_id,
        status=state.status_at(now),
        version=row.version,
        currency=row.currency,
        valid_until=state.valid_until,
        expires_at=row.expires_at,
        contract_id=row.contract_id,
        workflow_started_at=row.workflow_started_at,
        created_at=row.created_at,
    )


def quote_out(row: Quote, now: datetime, events: Sequence[QuoteEvent]) -> QuoteOut:
    """The quote as it is at the business time `now`, with all that happened to it."""
    state = state_of(row)
    accepted = state.acceptance
    return QuoteOut(
        **dict(summary(row, now)),
        terms=state.terms,
        terms_hash=terms_hash(state.terms),
        beyond_limits=list(state.excesses),
        drafted_by=state.drafted_by,
        submitted_by=state.submitted_by,
        approved_by=state.approved_by,
        remark=state.remark,
        acceptance=AcceptanceOut.model_validate(accepted, from_attributes=True) if accepted else None,
        history=[QuoteEventOut.model_validate(event, from_attributes=True) for event in events],
    )
