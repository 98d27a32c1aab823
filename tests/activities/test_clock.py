"""The step that moves a test clock, run directly against real workflows."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import date, datetime

import pytest
from temporalio.client import Client

from activities.clock import Clock
from activities.signatures import ClockTarget
from domain.contract import sign
from domain.terms import Terms
from models.clock import TestClock, get_clock, insert_clock
from models.contract import insert_contract
from models.database import Database
from tests.activities.gateway import FakeGateway
from tests.activities.story import line, per_unit, terms
from tests.api.given import rows
from tests.api.live import add_customer
from tests.live import working

START = datetime.fromisoformat("2012-12-31T00:00:00+00:00")
MARCH = datetime.fromisoformat("2013-03-01T00:00:00+00:00")
MONTHLY = terms(line("plan", per_unit("10.00")))
BILLED = [(date(2013, 1, 1),), (date(2013, 2, 1),), (date(2013, 3, 1),)]
ISSUED = "SELECT issued_on FROM invoice ORDER BY contract_id, document"


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
async def works(database: Database, temporal: Client, gateway: FakeGateway) -> AsyncIterator[None]:
    async with working(temporal, database, gateway):
        yield


@pytest.fixture
def clock(database: Database, temporal: Client) -> Clock:
    """The step of a clock that shows the last day of 2012."""
    with database.transaction() as session:
        insert_clock(session, TestClock(id=clock_id(database), name="year 2013", now_at=START, created_at=START))
    return Clock(database, temporal)


def clock_id(database: Database) -> str:
    """Ids are told apart by the test's database, since the tests of a session share a Temporal server."""
    return f"clk_{(database.url).rpartition('/')[2]}"


def sign_contract(database: Database, number: int = 1, agreed: Terms = MONTHLY) -> str:
    """The id of a contract on the clock, whose workflow nobody has started."""
    contract_id = f"con_{database.url.rpartition('/')[2]}_{number}"
    with database.transaction() as session:
        insert_contract(session, sign(contract_id, "cus_b6", agreed), clock_id=clock_id(database), at=START)
    return contract_id


def now_of(database: Database) -> tuple[datetime, str]:
    with database.transaction() as session:
        found = get_clock(session, clock_id(database))
    assert found is not None
    return found.now_at, found.status


@pytest.mark.usefixtures("works")
async def test_contracts_that_nobody_has_started_are_started_and_bill_each_month_once(
    clock: Clock, database: Database
) -> None:
    add_customer(database)
    for number in range(3):
        sign_contract(database, number)
    assert await clock.advance_members(ClockTarget(clock_id(database), MARCH)) == 9
    assert rows(database, ISSUED) == BILLED * 3
    assert now_of(database) == (MARCH, "ready")
    assert rows(database, "SELECT count(*) FROM contract WHERE workflow_started_at IS NULL") == [(0,)]


@pytest.mark.usefixtures("works")
async def test_a_clock_that_was_moved_twice_to_one_instant_does_nothing_twice(clock: Clock, database: Database) -> None:
    add_customer(database)
    sign_contract(database)
    target = ClockTarget(clock_id(database), MARCH)
    await clock.advance_members(target)
    before = rows(database, "SELECT * FROM contract_event")
    assert await clock.advance_members(target) == 0
    assert rows(database, "SELECT * FROM contract_event") == before
    assert rows(database, ISSUED) == BILLED


@pytest.mark.usefixtures("works")
async def test_two_that_move_a_clock_at_once_bill_each_month_once(clock: Clock, database: Database) -> None:
    add_customer(database)
    sign_contract(database)
    target = ClockTarget(clock_id(database), MARCH)
    await asyncio.gather(clock.advance_members(target), clock.advance_members(target))
    assert rows(database, ISSUED) == BILLED
    assert now_of(database) == (MARCH, "ready")


async def die_in_a_charge(clock: Clock, target: ClockTarget, gateway: FakeGateway, charge: int) -> threading.Event:
    """Let the step end while the gateway holds that charge, counted from 1; set the event to let the gateway go on."""
    held, released = threading.Event(), threading.Event()

    def hold(method: str) -> None:
        if method == "confirm" and len(gateway.captures) == charge - 1:
            held.set()
            assert released.wait(60)

    gateway.during = hold
    dying = asyncio.create_task(clock.advance_members(target))
    assert await asyncio.to_thread(held.wait, 60)
    dying.cancel()
    await asyncio.wait({dying})
    return released


@pytest.mark.usefixtures("works")
async def test_a_step_that_died_on_its_way_goes_on_where_it_was(
    clock: Clock, database: Database, gateway: FakeGateway
) -> None:
    """It dies while February is being charged; the clock shows its old time until all is done."""
    add_customer(database)
    sign_contract(database)
    target = ClockTarget(clock_id(database), MARCH)
    released = await die_in_a_charge(clock, target, gateway, 2)
    assert now_of(database) == (START, "advancing")
    again = asyncio.create_task(clock.advance_members(target))
    released.set()
    await again
    assert rows(database, ISSUED) == BILLED
    assert len(gateway.captures) == 3
    assert now_of(database) == (MARCH, "ready")


@pytest.mark.usefixtures("works")
async def test_a_step_that_died_waits_for_the_last_charge_when_it_runs_again(
    clock: Clock, database: Database, gateway: FakeGateway
) -> None:
    """Nothing is due any more, since the invoice is issued, but what was due is not done."""
    add_customer(database)
    sign_contract(database)
    target = ClockTarget(clock_id(database), MARCH)
    released = await die_in_a_charge(clock, target, gateway, 3)
    again = asyncio.create_task(clock.advance_members(target))
    # Long enough for a step that does not wait to be over.
    await asyncio.wait({again}, timeout=0.5)
    assert not again.done()
    released.set()
    await again
    assert rows(database, "SELECT status FROM invoice ORDER BY document") == [("paid",)] * 3


@pytest.mark.usefixtures("works")
async def test_a_declined_charge_is_tried_again_on_its_days_before_the_next_month_is_billed(
    clock: Clock, database: Database, gateway: FakeGateway
) -> None:
    add_customer(database)
    contract_id = sign_contract(database)
    gateway.outcomes += ["card_declined"] * 5
    await clock.advance_members(ClockTarget(clock_id(database), MARCH))
    attempts = rows(database, "SELECT business_at, status FROM payment_attempt ORDER BY business_at")
    assert [(at.date(), status) for at, status in attempts] == [
        *((date(2013, 1, day), "failed") for day in (1, 2, 4, 6, 8)),
        (date(2013, 2, 1), "succeeded"),
        (date(2013, 3, 1), "succeeded"),
    ]
    assert rows(database, "SELECT stage FROM collection") == [("exhausted",)]
    assert rows(database, "SELECT id, status FROM contract") == [(contract_id, "past_due")]


@pytest.mark.usefixtures("works")
async def test_an_invoice_is_charged_on_its_due_date(clock: Clock, database: Database) -> None:
    add_customer(database)
    sign_contract(database, agreed=terms(line("plan", per_unit("10.00")), payment_terms_days=14, term={"months": 1}))
    await clock.advance_members(ClockTarget(clock_id(database), MARCH))
    (attempt,) = rows(database, "SELECT business_at, status FROM payment_attempt")
    assert (attempt[0].date(), attempt[1]) == (date(2013, 1, 15), "succeeded")
    assert rows(database, "SELECT status FROM contract") == [("expired",)]


@pytest.mark.usefixtures("works")
async def test_business_time_waits_for_a_gateway_that_is_away(
    clock: Clock, database: Database, gateway: FakeGateway
) -> None:
    """Three calls fail, and with them the first charge: it goes to a collection, which gets an answer."""
    add_customer(database)
    sign_contract(database)
    gateway.faults = {"create": ["dropped"] * 3}
    await clock.advance_members(ClockTarget(clock_id(database), MARCH))
    assert len(gateway.captures) == 3
    attempts = rows(database, "SELECT business_at, status FROM payment_attempt ORDER BY business_at")
    assert [(at.date(), status) for at, status in attempts] == [(on, "succeeded") for (on,) in BILLED]


async def test_a_clock_without_members_just_moves(clock: Clock, database: Database) -> None:
    assert await clock.advance_members(ClockTarget(clock_id(database), MARCH)) == 0
    assert now_of(database) == (MARCH, "ready")
