from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy.exc import DBAPIError

from domain.contract import sign
from domain.revenue import Schedule
from models.contract import insert_contract
from models.database import Database, violated_constraint
from models.recognition import store, unfinished
from tests.activities.story import line, per_unit, terms
from tests.models.usage_samples import add_customer

JANUARY, FEBRUARY, MARCH = date(2013, 1, 1), date(2013, 2, 1), date(2013, 3, 1)
USED = Schedule(
    id="sch_1",
    line_id="calls",
    basis="unbilled",
    method="as_used",
    starts_on=JANUARY,
    ends_on=MARCH,
    amount_minor=900,
    recognized_minor=0,
    recognized_through=JANUARY,
    parts=((FEBRUARY, 400),),
    billed=False,
)


@pytest.fixture(autouse=True)
def contract(database: Database) -> None:
    with database.transaction() as session:
        add_customer(session, "b6")
        state = sign("con_1", "cus_b6", terms(line("plan", per_unit("100.00"))))
        insert_contract(session, state, clock_id=None, at=datetime(2012, 12, 1, tzinfo=UTC))


def stored(database: Database, *schedules: Schedule) -> list[Schedule]:
    with database.transaction() as session:
        store(session, "con_1", schedules)
        return unfinished(session, "con_1")


def test_a_schedule_comes_back_as_it_was_stored(database: Database) -> None:
    assert stored(database, USED) == [USED]
    assert stored(database) == [USED]


def test_a_schedule_that_has_grown_replaces_what_was_stored(database: Database) -> None:
    stored(database, USED)
    grown = replace(USED, ends_on=date(2013, 4, 1), amount_minor=1_500, recognized_minor=900, parts=())
    assert stored(database, grown) == [grown]


def test_a_schedule_is_finished_once_it_is_billed_and_wholly_recognised(database: Database) -> None:
    recognised = replace(USED, recognized_minor=900, recognized_through=MARCH)
    assert stored(database, recognised) == [recognised]
    assert stored(database, replace(recognised, billed=True)) == []


def test_a_schedule_of_an_unknown_invoice_line_is_refused_at_commit(database: Database) -> None:
    with pytest.raises(DBAPIError) as raised:
        stored(database, replace(USED, invoice_line_id="il_unknown"))
    assert violated_constraint(raised.value) == "fk_revenue_schedule_invoice_line_id_invoice_line"


def test_a_schedule_without_days_is_refused(database: Database) -> None:
    with pytest.raises(DBAPIError) as raised:
        stored(database, replace(USED, ends_on=JANUARY))
    assert violated_constraint(raised.value) == "ck_revenue_schedule_ends_after_it_starts"
