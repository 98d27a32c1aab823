"""How a quote's workflow is started and asked, and the links that open quotes to customers."""

import re
import secrets
from datetime import datetime
from typing import Final

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from api import temporal
from api.parts import Parts
from api.problems import Problem, not_found
from domain import keys
from domain.quote_commands import QuoteCommand
from domain.quote_life import AskQuote, QuoteAnswer, QuoteLife
from models import quote as quotes
from models.clock import get_clock
from models.quote import Quote
from workflows import quote_starting

ANSWER_SECONDS: Final = 10
POLL_SECONDS: Final = 2
LINK_PREFIX: Final = "/v1/public/quotes/"
_TOKEN_BYTES: Final = 32
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def mint_link_token() -> str:
    """What nobody can guess. Only its keyed hash is stored."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def link_digest(parts: Parts, token: str) -> str | None:
    """What is stored of a link's token; None where it cannot be one."""
    return parts.keys.digest(f"quote/{token}") if _TOKEN.fullmatch(token) else None


async def ask_quote(
    parts: Parts, quote_id: str, command: QuoteCommand, *, key: str, at: datetime, expected_version: int | None = None
) -> temporal.Reply[QuoteAnswer]:
    """The reply of the quote's workflow to a command with the id `key`; `at` is the instant of the request.

    Raises:
        Problem: 404, there is no such quote; 503, its test clock is advancing.
        Refused: the workflow does not do it.
        NoSuchWorkflow: nothing can become of the quote any more.
        Unreachable: it was not accepted in time.
    """
    clock_now, is_open = await run_in_threadpool(parts.database.run, lambda session: _dated(session, quote_id, at))
    client, workflow_id = temporal.connected(parts.temporal), keys.quote_workflow_id(quote_id)
    if not is_open:
        # The very command that ended it may be asked for again, by a caller who missed the answer.
        return await temporal.reply_to(client, workflow_id, None, key=key, kind=QuoteAnswer, seconds=POLL_SECONDS)
    if not await started(parts, quote_id, at):
        raise temporal.Unreachable
    request = AskQuote(command, expected_version, clock_now)
    return await temporal.ask(client, workflow_id, "change", request, key=key, kind=QuoteAnswer, seconds=ANSWER_SECONDS)


async def started(parts: Parts, quote_id: str, at: datetime) -> bool:
    """Whether the quote's workflow is known to have been started, if need be now."""
    life = await run_in_threadpool(parts.database.run, lambda session: _unstarted_life(session, quote_id))
    if life is None:
        return True
    try:
        await _start(parts, life)
    except temporal.Unreachable:
        return False
    await run_in_threadpool(parts.database.run, lambda session: quotes.mark_started(session, quote_id, at))
    return True


async def _start(parts: Parts, life: QuoteLife) -> None:
    try:
        await quote_starting.start_quote(temporal.connected(parts.temporal), life, within=temporal.CALL_TIME)
    except WorkflowAlreadyStartedError:
        return
    except (RPCError, RuntimeError) as error:
        raise temporal.Unreachable from error


def existing_quote(session: Session, quote_id: str) -> Quote:
    row = quotes.get_quote(session, quote_id)
    if row is None:
        raise not_found("quote", quote_id)
    return row


def _unstarted_life(session: Session, quote_id: str) -> QuoteLife | None:
    row = existing_quote(session, quote_id)
    return quotes.life_of(session, row) if row.workflow_started_at is None else None


def _dated(session: Session, quote_id: str, at: datetime) -> tuple[datetime | None, bool]:
    """The business time of a command, where a test clock tells it, and whether the quote is still open."""
    row = existing_quote(session, quote_id)
    is_open = quotes.state_of(row).open
    if row.clock_id is None or not is_open:
        return None, is_open
    clock = get_clock(session, row.clock_id)
    assert clock is not None
    if clock.status == "advancing":
        detail = "The quote's test clock is advancing. Send the same request again once it is ready."
        raise Problem(503, "clock-advancing", detail, headers={"Retry-After": "1"})
    return clock.now_at, is_open
