"""Test clocks: time that moves when it is told to, for the contracts that hang on it."""

from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import Response
from pydantic import AwareDatetime, Field
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from api import temporal
from api.calls import Call, CurrentCall
from api.fields import Input, Name, Output
from api.pages import Cursor, Limit, Page, decode_cursor, page
from api.problems import Problem, invalid, not_found, unavailable
from api.routing import api_router, needs
from domain import keys
from domain.life import ClockLife
from models import clock as clocks
from models.clock import TestClock

ANSWER_SECONDS: Final = 25
YEARS: Final = (1970, 2200)

router = api_router("/v1/test-clocks", "Test clocks")

Instant = Annotated[AwareDatetime, Field(examples=["2013-01-01T05:00:00Z"])]


class NewTestClock(Input):
    name: Name = Field(description="What it is for.", examples=["year 2013"])
    now: Instant


class Advance(Input):
    to: Instant
    exclusive: bool = Field(
        default=False, description="Do only what is due before `to`: what is due at that very instant waits."
    )


class TestClockOut(Output):
    __test__ = False

    id: str
    name: str
    now: datetime
    status: Literal["ready", "advancing"]
    target: datetime | None = Field(description="Where it goes while it is advancing.")
    created_at: datetime


def business_time(session: Session, clock_id: str) -> datetime:
    """The instant at which something happens now on the clock.

    Raises:
        Problem: 503, it is on its way.
    """
    clock = clocks.get_clock(session, clock_id)
    assert clock is not None
    if clock.status == "advancing":
        detail = "The contract's test clock is advancing. Send the same request again once it is ready."
        raise Problem(503, "clock-advancing", detail, headers={"Retry-After": "1"})
    return clock.now_at


def _shown(row: TestClock) -> TestClockOut:
    return TestClockOut(
        id=row.id,
        name=row.name,
        now=row.now_at,
        status=row.status,  # type: ignore[arg-type]  # the database checks it
        target=row.target_at,
        created_at=row.created_at,
    )


@router.post(
    "",
    status_code=201,
    operation_id="createTestClock",
    summary="Create a test clock",
    dependencies=[needs("clocks:write")],
)
def create_test_clock(body: NewTestClock, call: CurrentCall, response: Response) -> TestClockOut:
    """Contracts that are signed on it wait for it instead of real time. It only moves forward."""
    _check_year(body.now, "/now")
    row = call.parts.database.run(lambda session: _create(session, call, body))
    response.headers["Location"] = f"/v1/test-clocks/{row.id}"
    return _shown(row)


def _check_year(instant: datetime, pointer: str) -> None:
    if not YEARS[0] <= instant.year <= YEARS[1]:
        raise invalid(f"The year must lie between {YEARS[0]} and {YEARS[1]}.", pointer)


def _create(session: Session, call: Call, body: NewTestClock) -> TestClock:
    row = TestClock(id=call.new_id("clk"), name=body.name, now_at=body.now, created_at=call.at)
    if clocks.insert_clock(session, row):
        call.audit(session, "clock.created", row.id)
    return session.get_one(TestClock, row.id)


@router.get(
    "", operation_id="listTestClocks", summary="List test clocks, newest first", dependencies=[needs("clocks:read")]
)
def list_test_clocks(call: CurrentCall, cursor: Cursor = None, limit: Limit = 50) -> Page[TestClockOut]:
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        rows = clocks.list_clocks(session, after=after, limit=limit + 1)
    return page(rows, limit, _shown)


@router.get(
    "/{clock_id}", operation_id="getTestClock", summary="Read a test clock", dependencies=[needs("clocks:read")]
)
def get_test_clock(clock_id: str, call: CurrentCall) -> TestClockOut:
    with call.parts.database.transaction() as session:
        return _shown(_existing(session, clock_id))


def _existing(session: Session, clock_id: str) -> TestClock:
    row = clocks.get_clock(session, clock_id)
    if row is None:
        raise not_found("test clock", clock_id)
    return row


@router.post(
    "/{clock_id}/advance",
    operation_id="advanceTestClock",
    summary="Move a test clock forward",
    responses={202: {"model": TestClockOut}, 503: {}},
    dependencies=[needs("clocks:write")],
)
async def advance_test_clock(clock_id: str, body: Advance, call: CurrentCall, response: Response) -> TestClockOut:
    """200 once all that is due by then is done: each period billed with its own dates, each retry tried.

    202 where that takes longer: read the clock at the Location until it is `ready`. With `exclusive`, a change can
    still be made at `to` before what is due at that instant, which the next advance does.
    """
    _check_year(body.to, "/to")
    row = await run_in_threadpool(call.parts.database.run, lambda session: _existing(session, clock_id))
    if body.to < row.now_at:
        raise invalid(f"The clock shows {row.now_at.isoformat()}; it only moves forward.", "/to")
    reply = await _advance(call, row, body)
    response.status_code = 200 if reply.result else 202
    response.headers["Location"] = f"/v1/test-clocks/{clock_id}"
    return await run_in_threadpool(get_test_clock, clock_id, call)


async def _advance(call: Call, row: TestClock, body: Advance) -> temporal.Reply[datetime]:
    with temporal.as_problems("", gone=unavailable("The test clock's workflow")):
        client = temporal.connected(call.parts.temporal)
        await temporal.start_clock(client, ClockLife(row.id, row.now_at))
        reply = await temporal.ask(
            client,
            keys.clock_workflow_id(row.id),
            "advance_before" if body.exclusive else "advance",
            body.to,
            key=call.new_id("adv"),
            kind=datetime,
            seconds=ANSWER_SECONDS,
        )
    await run_in_threadpool(call.parts.database.run, lambda session: _begun(session, call, row.id, body.to))
    return reply


def _begun(session: Session, call: Call, clock_id: str, to: datetime) -> None:
    """Show the advance that was accepted, should its first step not have done so yet."""
    clocks.begin_advance(session, clock_id, to)
    call.audit(session, "clock.advanced", clock_id)
