from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from domain.coupon import Coupon, Redeemed
from models.coupon import (
    coupon_of,
    deactivate_coupon,
    get_coupon,
    insert_coupon,
    list_coupons,
    lock_coupon,
    lock_coupons,
    redeem,
    redeemed,
)
from models.database import APPLICATION_ROLE, Database, violated_constraint
from tests.models.ledger_samples import raw_connection, wait_for_a_lock
from tests.models.usage_samples import add_contract, add_customer

AT = datetime(2026, 3, 1, tzinfo=UTC)
LIMITED = Coupon.model_validate({"code": "LAST", "percent": "12.5", "max_redemptions": 2})


@pytest.fixture(autouse=True)
def contracts(database: Database) -> None:
    """Three contracts: con_b6_1 and con_b6_2, and con_ua_1 of another customer."""
    with database.transaction() as session:
        add_customer(session, "b6")
        add_customer(session, "ua")
        for key, number in (("b6", 1), ("b6", 2), ("ua", 1)):
            add_contract(session, key, number=number)
        insert_coupon(session, LIMITED, AT)


def redeemed_by(database: Database, customer: str, number: int = 1) -> None:
    with database.transaction() as session:
        row = lock_coupon(session, "LAST")
        assert row is not None
        redeem(session, row, contract_id=f"con_{customer}_{number}", customer_id=f"cus_{customer}", at=AT)


@pytest.mark.parametrize(
    "stated",
    [
        {"percent": "12.5", "lines": ["seats"], "periods": 3, "once_per_customer": True},
        {"amount": "5.00", "currency": "USD", "valid_from": AT, "max_redemptions": 7},
        {"amount": "500", "currency": "JPY", "valid_until": AT},
        {"amount": "0.125", "currency": "KWD"},
    ],
)
def test_a_coupon_reads_as_it_was_stored(database: Database, stated: dict[str, Any]) -> None:
    coupon = Coupon.model_validate({"code": "SPRING", **stated})
    with database.transaction() as session:
        assert insert_coupon(session, coupon, AT)
        assert not insert_coupon(session, Coupon(code="SPRING", percent=Decimal(99)), AT)
    with database.transaction() as session:
        row = get_coupon(session, "SPRING")
        assert row is not None and coupon_of(row) == coupon
        assert [row.code for row in list_coupons(session, after=None, limit=5)] == ["SPRING", "LAST"]


def test_each_redemption_is_counted_for_all_and_for_its_customer(database: Database) -> None:
    redeemed_by(database, "b6")
    redeemed_by(database, "ua")
    with database.transaction() as session:
        row = lock_coupon(session, "LAST")
        assert row is not None
        assert redeemed(session, row, "cus_b6") == Redeemed(2, 1, active=True)
        assert redeemed(session, row, "cus_none") == Redeemed(2, 0, active=True)


def test_the_database_itself_holds_the_limit(database: Database) -> None:
    redeemed_by(database, "b6")
    redeemed_by(database, "ua")
    with pytest.raises(IntegrityError) as refused:
        redeemed_by(database, "b6", 2)
    assert violated_constraint(refused.value) == "ck_coupon_redeemed_within_limit"
    with raw_connection(database) as raw:
        assert raw.execute("SELECT redeemed FROM coupon").fetchall() == [(2,)]
        assert raw.execute("SELECT count(*) FROM coupon_redemption").fetchall() == [(2,)]


def test_a_contract_redeems_a_coupon_once(database: Database) -> None:
    redeemed_by(database, "b6")
    with pytest.raises(IntegrityError) as refused:
        redeemed_by(database, "b6")
    assert violated_constraint(refused.value) == "pk_coupon_redemption"


def test_who_comes_second_to_the_last_redemption_sees_the_first(database: Database) -> None:
    """The second waits for the first one's transaction, and then counts what it left."""
    redeemed_by(database, "ua")

    def second() -> Redeemed:
        with database.transaction() as session:
            row = lock_coupons(session, ["LAST"])["LAST"]
            return redeemed(session, row, "cus_b6")

    with database.transaction() as session, ThreadPoolExecutor(1) as pool:
        row = lock_coupons(session, ["LAST"])["LAST"]
        redeem(session, row, contract_id="con_b6_1", customer_id="cus_b6", at=AT)
        waiting = pool.submit(second)
        wait_for_a_lock(database)
        session.commit()
        assert waiting.result() == Redeemed(2, 1, active=True)


def test_coupons_that_do_not_exist_are_not_locked(database: Database) -> None:
    with database.transaction() as session:
        assert lock_coupons(session, ["NONE", "LAST"]).keys() == {"LAST"}
        assert lock_coupons(session, []) == {}


def test_a_coupon_is_deactivated_once(database: Database) -> None:
    for later, was_active in ((1, True), (2, False)):
        with database.transaction() as session:
            found = deactivate_coupon(session, "LAST", AT.replace(day=later))
            assert found is not None
            assert (found[0].deactivated_at, found[1]) == (AT.replace(day=1), was_active)
    with database.transaction() as session:
        assert deactivate_coupon(session, "NONE", AT) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE coupon SET percent = 90",
        "UPDATE coupon SET max_redemptions = 1000",
        "UPDATE coupon SET redeemed = 0",
        "DELETE FROM coupon WHERE code = 'NONE'",
        "UPDATE coupon_redemption SET customer_id = 'cus_ua'",
        "DELETE FROM coupon_redemption",
    ],
)
def test_what_a_coupon_promises_and_who_used_it_never_changes(database: Database, statement: str) -> None:
    redeemed_by(database, "b6")
    with raw_connection(database) as raw, pytest.raises(Exception, match="what was published or redeemed is final"):
        raw.execute(statement.encode())
    with raw_connection(database, role=APPLICATION_ROLE) as raw, pytest.raises(Exception, match=r"denied|is final"):
        raw.execute(statement.encode())


def test_a_withdrawn_coupon_does_not_come_back(database: Database) -> None:
    with database.transaction() as session:
        deactivate_coupon(session, "LAST", AT)
    with pytest.raises(DBAPIError) as refused, database.transaction() as session:
        row = lock_coupon(session, "LAST")
        assert row is not None
        row.deactivated_at = None
    assert violated_constraint(refused.value) == "catalogue_is_final"


def test_the_product_itself_may_redeem_and_withdraw(database: Database) -> None:
    application = Database(database.url, role=APPLICATION_ROLE)
    redeemed_by(application, "b6")
    with application.transaction() as session:
        assert deactivate_coupon(session, "LAST", AT) is not None
    application.dispose()
