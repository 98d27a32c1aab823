"""Quotes as their customers see them. The link is the credential: whoever has it may read, accept and decline."""

from datetime import date, datetime
from typing import Annotated, Final

from fastapi import Path, Response
from pydantic import Field
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from api import temporal
from api.fields import Email, Input, Name, Output
from api.parts import Parts, parts_of
from api.problems import Problem, conflict
from api.quote_asking import ask_quote, link_digest
from api.quote_preview import QuotePreview, preview
from api.routing import api_router, public
from domain import keys
from domain.quote import QuoteState, QuoteStatus, terms_hash
from domain.quote_commands import Accept, Decline, QuoteCommand, Remark
from domain.terms import Terms
from models import quote as quotes
from models.audit import AuditEntry, record
from models.customer import get_customer
from models.quote import Quote, business_time

BODY_BYTES_MAX: Final = 16 * 1024
ACTOR: Final = "public-link"
SHOWN: Final[frozenset[QuoteStatus]] = frozenset({"sent", "accepted", "declined"})

router = api_router("/v1/public/quotes/{token}", "Public quotes")

Token = Annotated[str, Path(description="The last part of the link.")]


class PublicQuote(Output):
    """What is offered, to the letter, and what it comes to."""

    status: QuoteStatus
    version: int = Field(description="Send it back to accept exactly this.")
    customer: str
    valid_until: date
    expires_at: datetime
    terms: Terms
    terms_hash: str = Field(description="SHA-256 of the terms as JSON with sorted keys; it is kept with an acceptance.")
    preview: QuotePreview
    accepted_at: datetime | None
    accepted_by: str | None


class NewAcceptance(Input):
    version: Annotated[int, Field(ge=1, description="The version that was read; 409 where there is another by now.")]
    name: Name
    email: Email
    address: Annotated[str, Field(min_length=1, max_length=500)] | None = None


class NewRefusal(Input):
    reason: Remark | None = None


class QuoteAnswered(Output):
    status: QuoteStatus = Field(description="Still `sent` with 202: then read the quote again.")
    version: int
    contract_id: str | None = None
    accepted_at: datetime | None = None


@router.get(
    "",
    operation_id="readPublicQuote",
    summary="Read a quote by its link",
    responses={410: {}},
    dependencies=[public(body_bytes_max=BODY_BYTES_MAX)],
)
def read_public_quote(token: Token, request: Request) -> PublicQuote:
    """404 where the link never worked or was replaced, 410 where the quote has expired or was withdrawn."""
    parts = parts_of(request)
    with parts.database.transaction() as session:
        row, state = _shown(session, parts, token)
        customer = get_customer(session, row.customer_id)
        assert customer is not None
    accepted = state.acceptance
    return PublicQuote(
        status=state.status,
        version=state.version,
        customer=customer.name,
        valid_until=state.valid_until,
        expires_at=state.expires_at,
        terms=state.terms,
        terms_hash=terms_hash(state.terms),
        preview=preview(state.terms),
        accepted_at=accepted.at if accepted else None,
        accepted_by=accepted.name if accepted else None,
    )


@router.post(
    "/accept",
    operation_id="acceptPublicQuote",
    summary="Accept a quote by its link",
    responses={202: {"model": QuoteAnswered}, 409: {}, 410: {}, 503: {}},
    dependencies=[public(body_bytes_max=BODY_BYTES_MAX)],
)
async def accept_public_quote(token: Token, body: NewAcceptance, request: Request, response: Response) -> QuoteAnswered:
    """The contract is signed. Accepted again, the same version gives the same contract."""
    parts = parts_of(request)
    command = Accept(
        version=body.version,
        name=body.name,
        email=body.email,
        address=body.address,
        remote_address=request.client.host if request.client else None,
    )
    state = await run_in_threadpool(parts.database.run, lambda session: _shown(session, parts, token)[1])
    if state.status == "sent":
        await _answer(request, state, command, key=f"accept/{body.version}", action="quote.accepted")
        state = await run_in_threadpool(parts.database.run, lambda session: _shown(session, parts, token)[1])
    if state.acceptance is not None and state.acceptance.version != body.version:
        raise conflict("stale-version", f"Version {state.acceptance.version} was accepted.", "/version")
    return _answered(state, "accepted", response)


@router.post(
    "/decline",
    operation_id="declinePublicQuote",
    summary="Decline a quote by its link",
    responses={202: {"model": QuoteAnswered}, 409: {}, 410: {}, 503: {}},
    dependencies=[public(body_bytes_max=BODY_BYTES_MAX)],
)
async def decline_public_quote(
    token: Token,
    request: Request,
    response: Response,
    body: NewRefusal = NewRefusal(),  # noqa: B008
) -> QuoteAnswered:
    parts = parts_of(request)
    state = await run_in_threadpool(parts.database.run, lambda session: _shown(session, parts, token)[1])
    if state.status == "sent":
        await _answer(
            request, state, Decline(reason=body.reason), key=f"decline/{state.version}", action="quote.declined"
        )
        state = await run_in_threadpool(parts.database.run, lambda session: _shown(session, parts, token)[1])
    return _answered(state, "declined", response)


def _shown(session: Session, parts: Parts, token: str) -> tuple[Quote, QuoteState]:
    """The quote that the link opens.

    Raises:
        Problem: 404, none; 410, it has expired or was withdrawn.
    """
    digest = link_digest(parts, token)
    row = quotes.find_by_link(session, digest) if digest else None
    if row is None:
        raise Problem(404, "not-found", "There is no quote at this link. Ask for a new one.")
    state = quotes.state_of(row)
    status = state.status_at(business_time(session, row, parts.clock()))
    if status not in SHOWN:
        how = f"was valid until {state.valid_until}" if status == "expired" else "was withdrawn"
        raise Problem(410, "quote-gone", f"This quote {how}. Ask for a new one.")
    return row, state


async def _answer(request: Request, state: QuoteState, command: QuoteCommand, *, key: str, action: str) -> None:
    """Ask the workflow. One that has ended meanwhile has its answer in the database."""
    parts = parts_of(request)
    with temporal.as_problems("", gone=_ended()):
        try:
            await ask_quote(
                parts, state.quote_id, command, key=keys.derived("qst", state.quote_id, key), at=parts.clock()
            )
        except temporal.NoSuchWorkflow:
            return
    entry = AuditEntry(
        at=parts.clock(),
        actor=ACTOR,
        request_id=request.state.request_id,
        route=f"{request.method} {request.scope['route'].path}",
        action=action,
        object_id=state.quote_id,
    )
    await run_in_threadpool(parts.database.run, lambda session: record(session, entry))


def _answered(state: QuoteState, wanted: QuoteStatus, response: Response) -> QuoteAnswered:
    """200 once it is as wanted, 202 while the workflow is still at it, 409 where it was answered otherwise."""
    if state.status not in (wanted, "sent"):
        raise _ended()
    response.status_code = 202 if state.status == "sent" else 200
    accepted = state.acceptance
    return QuoteAnswered(
        status=state.status,
        version=state.version,
        contract_id=accepted.contract_id if accepted else None,
        accepted_at=accepted.at if accepted else None,
    )


def _ended() -> Problem:
    return conflict("quote-ended", "This quote has been answered already.")
