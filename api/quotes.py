"""Quotes: drafted here, and from then on changed by their workflows alone. What is read comes from the database."""

from datetime import date
from typing import Annotated, Final, Literal

from fastapi import Query, Response
from pydantic import Discriminator, Field, Tag, field_validator
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from api import temporal
from api.calls import Call, CurrentCall
from api.contract_terms import terms_on_plan
from api.fields import Input
from api.pages import Cursor, Limit, Page, decode_cursor, page
from api.problems import conflict, invalid
from api.quote_answers import QuoteOut, QuoteSummary, QuoteVersionOut, SentQuote, quote_out, summary
from api.quote_asking import LINK_PREFIX, ask_quote, existing_quote, link_digest, mint_link_token, started
from api.quote_preview import QuotePreview, preview
from api.routing import api_router, needs
from domain.catalogue import PlanRef, TermsOnPlan
from domain.line import Line
from domain.offers import Day
from domain.quote import QuoteState, QuoteStatus, check_valid_until
from domain.quote_commands import Approve, QuoteCommand, Reject, Remark, Revise, Send, Submit, Withdraw
from domain.quote_life import QuoteAnswer
from domain.terms import Terms
from models import catalogue
from models import quote as quotes
from models.clock import get_clock
from models.customer import resolve_customer
from models.quote import business_time

READ: Final = needs("quotes:read")
WRITE: Final = needs("quotes:write")
APPROVE: Final = needs("quotes:approve")

router = api_router("/v1/quotes", "Quotes")

Reference = Annotated[str, Field(min_length=1, max_length=200)]
ExpectedVersion = Annotated[
    int | None,
    Field(ge=1, description="The version that the step was decided on; 409 where the quote has moved on."),
]


class _WithLines(Input):
    terms: Terms

    @field_validator("terms")
    @classmethod
    def _on_no_plan(cls, terms: Terms) -> Terms:
        if terms.plan is not None:
            raise ValueError("plan: name the plan beside the terms, and leave its lines out")
        return terms


class _OnPlan(Input):
    plan: PlanRef
    terms: TermsOnPlan


class _NewQuote(Input):
    customer: Reference = Field(description="The customer's id, or its key.", examples=["airline-UA"])
    clock: Reference | None = Field(default=None, description="A test clock to live on, instead of real time.")
    valid_until: Day = Field(description="The last day on which it can be accepted, in the terms' time zone.")


class NewQuote(_NewQuote, _WithLines):
    pass


class NewQuoteOnPlan(_NewQuote, _OnPlan):
    pass


class _Revision(Input):
    valid_until: Day | None = Field(default=None, description="As before if absent.")
    expected_version: ExpectedVersion = None


class Revision(_Revision, _WithLines):
    pass


class RevisionOnPlan(_Revision, _OnPlan):
    pass


class Step(Input):
    expected_version: ExpectedVersion = None


class Rejection(Step):
    reason: Remark


class Withdrawal(Step):
    reason: Remark | None = None


def _kind(body: object) -> Literal["on a plan", "with lines"]:
    named = "plan" in body if isinstance(body, dict) else isinstance(body, _OnPlan)
    return "on a plan" if named else "with lines"


AnyNewQuote = Annotated[
    Annotated[NewQuote, Tag("with lines")] | Annotated[NewQuoteOnPlan, Tag("on a plan")], Discriminator(_kind)
]
AnyRevision = Annotated[
    Annotated[Revision, Tag("with lines")] | Annotated[RevisionOnPlan, Tag("on a plan")], Discriminator(_kind)
]


@router.post("", status_code=201, operation_id="createQuote", summary="Draft a quote", dependencies=[WRITE])
async def create_quote(body: AnyNewQuote, call: CurrentCall, response: Response) -> QuoteOut:
    """A draft. Submit it, have it approved where it goes beyond the limits, and send it."""
    quote_id = await run_in_threadpool(call.parts.database.run, lambda session: _draft(session, call, body))
    await started(call.parts, quote_id, call.at)
    response.headers["Location"] = f"/v1/quotes/{quote_id}"
    return await run_in_threadpool(get_quote, quote_id, call)


def _draft(session: Session, call: Call, body: NewQuote | NewQuoteOnPlan) -> str:
    quote_id = call.new_id("quo")
    if quotes.get_quote(session, quote_id) is not None:
        return quote_id
    customer = resolve_customer(session, body.customer)
    if customer is None:
        raise invalid("There is no customer with this id or key. Create it first.", "/customer")
    clock = None if body.clock is None else get_clock(session, body.clock)
    if body.clock is not None and clock is None:
        raise invalid("There is no test clock with this id. Create it first.", "/clock")
    terms, listed = _offered(session, body)
    check_valid_until(body.valid_until, terms, clock.now_at if clock else call.at)
    state = QuoteState(
        quote_id=quote_id,
        customer_id=customer.id,
        terms=terms,
        valid_until=body.valid_until,
        drafted_by=call.actor.key_id,
        listed=listed,
        spread_seconds=call.parts.spread_seconds,
    )
    if quotes.insert_quote(session, state, clock_id=body.clock, at=call.at):
        call.audit(session, "quote.drafted", quote_id)
    return quote_id


def _offered(session: Session, body: _WithLines | _OnPlan) -> tuple[Terms, tuple[Line, ...]]:
    """The complete terms, and the lines as their plan publishes them."""
    if isinstance(body, _WithLines):
        return body.terms, ()
    terms = terms_on_plan(session, body.plan, body.terms)
    assert terms.plan is not None
    version = catalogue.get_version(session, terms.plan.id, terms.plan.version)
    assert version is not None
    return terms, catalogue.terms_of(version).lines


@router.get("", operation_id="listQuotes", summary="List quotes, newest first", dependencies=[READ])
def list_quotes(
    call: CurrentCall,
    cursor: Cursor = None,
    limit: Limit = 50,
    customer: Annotated[str | None, Query(max_length=200, description="The customer's id, or its key.")] = None,
    status: Annotated[QuoteStatus | None, Query(description="As its workflow last recorded it.")] = None,
) -> Page[QuoteSummary]:
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        found = resolve_customer(session, customer) if customer is not None else None
        if customer is not None and found is None:
            return Page(items=[], next_cursor=None)
        customer_id = found.id if found else None
        rows = quotes.list_quotes(session, after=after, limit=limit + 1, customer_id=customer_id, status=status)
        return page(rows, limit, lambda row: summary(row, business_time(session, row, call.at)))


@router.get("/{quote_id}", operation_id="getQuote", summary="Read a quote", dependencies=[READ])
def get_quote(quote_id: str, call: CurrentCall) -> QuoteOut:
    with call.parts.database.transaction() as session:
        row = existing_quote(session, quote_id)
        now, events = business_time(session, row, call.at), quotes.quote_events(session, quote_id)
    return quote_out(row, now, events)


@router.get(
    "/{quote_id}/versions", operation_id="listQuoteVersions", summary="List a quote's versions", dependencies=[READ]
)
def list_quote_versions(quote_id: str, call: CurrentCall) -> list[QuoteVersionOut]:
    """All versions, oldest first."""
    with call.parts.database.transaction() as session:
        existing_quote(session, quote_id)
        rows = quotes.quote_versions(session, quote_id)
    return [QuoteVersionOut.model_validate(row, from_attributes=True) for row in rows]


@router.get(
    "/{quote_id}/preview",
    operation_id="previewQuote",
    summary="The invoices and the revenue that a quote would bring",
    dependencies=[READ],
)
def preview_quote(quote_id: str, call: CurrentCall) -> QuotePreview:
    with call.parts.database.transaction() as session:
        terms = quotes.state_of(existing_quote(session, quote_id)).terms
    return preview(terms)


@router.post("/{quote_id}/revise", operation_id="reviseQuote", summary="Give a quote other terms", dependencies=[WRITE])
async def revise_quote(quote_id: str, body: AnyRevision, call: CurrentCall, response: Response) -> QuoteOut:
    """A new version, which is a draft. A link to the former one stops working."""

    def other_terms(session: Session) -> tuple[Terms, tuple[Line, ...], date]:
        state = quotes.state_of(existing_quote(session, quote_id))
        return *_offered(session, body), body.valid_until or state.valid_until

    terms, listed, valid_until = await run_in_threadpool(call.parts.database.run, other_terms)
    command = Revise(by=call.actor.key_id, terms=terms, valid_until=valid_until, listed=listed)
    return await _step(call, quote_id, command, body.expected_version, "quote.revised", response)


@router.post("/{quote_id}/submit", operation_id="submitQuote", summary="Submit a quote", dependencies=[WRITE])
async def submit_quote(quote_id: str, call: CurrentCall, response: Response, body: Step = Step()) -> QuoteOut:  # noqa: B008
    """Approved at once where it is within the limits; else `beyond_limits` says why it waits for an approval."""
    limits = await run_in_threadpool(call.parts.database.run, quotes.limits_now)
    command = Submit(by=call.actor.key_id, limits=limits)
    return await _step(call, quote_id, command, body.expected_version, "quote.submitted", response)


@router.post("/{quote_id}/approve", operation_id="approveQuote", summary="Approve a quote", dependencies=[APPROVE])
async def approve_quote(quote_id: str, call: CurrentCall, response: Response, body: Step = Step()) -> QuoteOut:  # noqa: B008
    """409 for the keys that wrote or submitted the version: somebody else has to."""
    command = Approve(by=call.actor.key_id)
    return await _step(call, quote_id, command, body.expected_version, "quote.approved", response)


@router.post("/{quote_id}/reject", operation_id="rejectQuote", summary="Reject a quote", dependencies=[APPROVE])
async def reject_quote(quote_id: str, body: Rejection, call: CurrentCall, response: Response) -> QuoteOut:
    """It is a draft again."""
    command = Reject(by=call.actor.key_id, reason=body.reason)
    return await _step(call, quote_id, command, body.expected_version, "quote.rejected", response)


@router.post(
    "/{quote_id}/send",
    operation_id="sendQuote",
    summary="Open a quote to its customer",
    dependencies=[needs("quotes:write", secret_field="link")],
)
async def send_quote(quote_id: str, call: CurrentCall, response: Response, body: Step = Step()) -> SentQuote:  # noqa: B008
    """Answers with a link that needs no key. Sent again it gets a new one, and the former stops working."""
    token = mint_link_token()
    digest = link_digest(call.parts, token)
    assert digest is not None
    command = Send(by=call.actor.key_id, link_digest=digest)
    answer = await _asked(call, quote_id, command, body.expected_version, "quote.sent", response)
    shown = await run_in_threadpool(get_quote, quote_id, call)
    # A repeat whose first answer was lost finds the link of that answer, which nobody can show again.
    is_ours = answer is None or answer.link_digest == digest
    return SentQuote(**dict(shown), link=f"{LINK_PREFIX}{token}" if is_ours else None)


@router.post("/{quote_id}/withdraw", operation_id="withdrawQuote", summary="Withdraw a quote", dependencies=[WRITE])
async def withdraw_quote(
    quote_id: str,
    call: CurrentCall,
    response: Response,
    body: Withdrawal = Withdrawal(),  # noqa: B008
) -> QuoteOut:
    command = Withdraw(by=call.actor.key_id, reason=body.reason)
    return await _step(call, quote_id, command, body.expected_version, "quote.withdrawn", response)


async def _step(
    call: Call, quote_id: str, command: QuoteCommand, expected_version: int | None, action: str, response: Response
) -> QuoteOut:
    await _asked(call, quote_id, command, expected_version, action, response)
    return await run_in_threadpool(get_quote, quote_id, call)


async def _asked(
    call: Call, quote_id: str, command: QuoteCommand, expected_version: int | None, action: str, response: Response
) -> QuoteAnswer | None:
    """The answer of the workflow; None, with 202, where it has accepted the command and is still at it."""
    ended = conflict("quote-ended", "Nothing can become of the quote any more. Make a new one.")
    with temporal.as_problems("", gone=ended):
        reply = await ask_quote(
            call.parts, quote_id, command, key=call.new_id("qst"), at=call.at, expected_version=expected_version
        )
    await run_in_threadpool(call.parts.database.run, lambda session: call.audit(session, action, quote_id))
    response.status_code = 200 if reply.result else 202
    response.headers["Location"] = f"/v1/quotes/{quote_id}"
    return reply.result
