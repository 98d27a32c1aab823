"""What is read of issued invoices."""

from datetime import date

from models.database import Database
from models.invoice import open_balances, to_collect_anew
from tests.activities.gateway import FakeGateway
from tests.activities.story import Story, line, per_unit, terms
from tests.activities.till import Till


def to_collect(database: Database) -> list[str]:
    with database.transaction() as session:
        return list(to_collect_anew(session, "cus_1"))


def test_a_new_payment_method_is_tried_for_what_was_declined_until_it_is_paid(database: Database) -> None:
    till = Till(database, FakeGateway(outcomes=["card_declined"]))
    till.charge()
    assert to_collect(database) == [till.invoice_id]
    till.charge(2)
    assert to_collect(database) == []


def test_a_new_payment_method_is_not_tried_before_the_due_date(database: Database) -> None:
    Till(database, FakeGateway(), payment_terms_days=14)
    assert to_collect(database) == []


def test_what_contracts_owe_is_added_up_by_contract(database: Database) -> None:
    story = Story(database, terms(line("plan", per_unit("10.00"))))
    story.until(date(2013, 3, 1))
    with database.transaction() as session:
        assert open_balances(session, ["con_1", "con_2"]) == {"con_1": 30_00}
