from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from domain.catalogue import Plan, PlanTerms, Product
from models.catalogue import (
    PlanVersion,
    change_draft,
    get_version,
    insert_draft,
    insert_plan,
    insert_product,
    latest_published,
    list_plans,
    list_versions,
    publish,
    retire,
    terms_of,
)
from models.database import APPLICATION_ROLE, Database, violated_constraint
from tests.models.ledger_samples import raw_connection, wait_for_a_lock

AT = datetime(2026, 3, 1, tzinfo=UTC)


def terms(amount: str = "99.90", currency: str = "USD") -> PlanTerms:
    line = {"id": "seats", "price": {"model": "flat", "amount": amount}, "every": "month", "bill": "advance"}
    return PlanTerms.model_validate({"currency": currency, "lines": [line]})


@pytest.fixture(autouse=True)
def plan(database: Database) -> None:
    with database.transaction() as session:
        assert insert_product(session, Product(id="crm", name="CRM"), AT)
        assert insert_plan(session, Plan(id="pro", product="crm", name="Pro"), AT)


def drafted(database: Database, request_id: str, amount: str = "99.90") -> int:
    with database.transaction() as session:
        found = insert_draft(session, "pro", terms(amount), request_id=request_id, at=AT)
        assert found is not None
        return found[0].version


def change(database: Database, version: int, work: Callable[[PlanVersion], None]) -> None:
    with database.transaction() as session:
        row = get_version(session, "pro", version)
        assert row is not None
        work(row)


def put_forward(database: Database, *, retired: bool = False) -> None:
    """Publish the first version, and maybe retire it."""
    drafted(database, "plv_1")
    change(database, 1, lambda row: publish(row, AT))
    if retired:
        change(database, 1, lambda row: retire(row, AT))


def test_what_has_an_id_is_stored_once(database: Database) -> None:
    with database.transaction() as session:
        assert not insert_product(session, Product(id="crm", name="Other"), AT)
        assert not insert_plan(session, Plan(id="pro", product="crm", name="Other"), AT)
        assert [row.name for row in list_plans(session, after=None, limit=10, product_id="crm")] == ["Pro"]
        assert list_plans(session, after=None, limit=10, product_id="erp") == []


def test_versions_count_from_one_and_a_request_makes_one(database: Database) -> None:
    assert [drafted(database, request) for request in ("plv_1", "plv_2", "plv_1", "plv_3")] == [1, 2, 1, 3]
    with database.transaction() as session:
        assert insert_draft(session, "none", terms(), request_id="plv_4", at=AT) is None
        assert [row.version for row in list_versions(session, "pro", after=None, limit=2)] == [3, 2]
        assert [row.version for row in list_versions(session, "pro", after=2, limit=2)] == [1]


def test_two_who_draft_at_once_get_two_versions(database: Database) -> None:
    with database.transaction() as first, ThreadPoolExecutor(1) as pool:
        insert_draft(first, "pro", terms(), request_id="plv_1", at=AT)
        second = pool.submit(drafted, database, "plv_2")
        wait_for_a_lock(database)
        first.commit()
        assert second.result() == 2


def test_the_latest_is_the_highest_that_is_published(database: Database) -> None:
    for number in (1, 2, 3):
        drafted(database, f"plv_{number}")
    with database.transaction() as session:
        assert latest_published(session, "pro") is None
    for number in (1, 2):
        change(database, number, lambda row: publish(row, AT))
    with database.transaction() as session:
        latest = latest_published(session, "pro")
        assert latest is not None and latest.version == 2
    change(database, 2, lambda row: retire(row, AT))
    with database.transaction() as session:
        latest = latest_published(session, "pro")
        assert latest is not None and latest.version == 1


def test_a_draft_can_be_changed(database: Database) -> None:
    drafted(database, "plv_1")
    change(database, 1, lambda row: change_draft(row, terms("120.00", "EUR")))
    with database.transaction() as session:
        row = get_version(session, "pro", 1)
        assert row is not None and (row.currency, terms_of(row)) == ("EUR", terms("120.00", "EUR"))


@pytest.mark.parametrize("retired", [False, True])
@pytest.mark.parametrize(
    "values",
    [
        {"terms": {}},
        {"currency": "EUR"},
        {"version": 7},
        {"published_at": AT + timedelta(days=1)},
        {"created_at": AT + timedelta(days=1)},
        {"request_id": "plv_other"},
    ],
    ids=lambda values: next(iter(values)),
)
def test_what_was_published_never_changes(database: Database, retired: bool, values: dict[str, Any]) -> None:
    put_forward(database, retired=retired)

    def overwrite(row: PlanVersion) -> None:
        for name, value in values.items():
            setattr(row, name, value)

    with pytest.raises(DBAPIError) as refused:
        change(database, 1, overwrite)
    assert violated_constraint(refused.value) == "catalogue_is_final"


@pytest.mark.parametrize(
    ("status", "published_at", "retired_at"), [("draft", "NULL", "NULL"), ("published", "published_at", "NULL")]
)
def test_a_version_never_goes_back(database: Database, status: str, published_at: str, retired_at: str) -> None:
    put_forward(database, retired=True)
    with raw_connection(database) as raw, pytest.raises(Exception, match="what was published or redeemed is final"):
        raw.execute(
            f"UPDATE plan_version SET status = '{status}', published_at = {published_at}, retired_at = {retired_at}"
        )


def test_a_draft_is_not_retired(database: Database) -> None:
    drafted(database, "plv_1")
    with raw_connection(database) as raw, pytest.raises(Exception, match="what was published or redeemed is final"):
        raw.execute("UPDATE plan_version SET status = 'retired', published_at = now(), retired_at = now()")


@pytest.mark.parametrize("statement", ["DELETE FROM plan_version", "TRUNCATE plan_version CASCADE"])
def test_a_version_is_never_gone(database: Database, statement: str) -> None:
    with raw_connection(database) as raw, pytest.raises(Exception, match="what was published or redeemed is final"):
        raw.execute(statement.encode())


def test_the_product_itself_may_do_all_this_and_no_more(database: Database) -> None:
    application = Database(database.url, role=APPLICATION_ROLE)
    drafted(application, "plv_1")
    change(application, 1, lambda row: change_draft(row, terms("120.00")))
    change(application, 1, lambda row: publish(row, AT))
    change(application, 1, lambda row: retire(row, AT))
    application.dispose()
    for statement in ("DELETE FROM plan", "DELETE FROM product", "UPDATE plan_version SET created_at = now()"):
        with (
            raw_connection(database, role=APPLICATION_ROLE) as raw,
            pytest.raises(Exception, match="permission denied"),
        ):
            raw.execute(statement.encode())
