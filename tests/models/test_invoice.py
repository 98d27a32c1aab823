from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.contract import sign
from models.contract import insert_contract
from models.database import Database, sqlstate, violated_constraint
from models.invoice import find_document, get_invoice, lines_of, list_invoices, lower_open
from models.issuing import NewDocument, NewLine, issue
from tests.activities.story import line, per_unit, terms
from tests.models.usage_samples import add_customer

JANUARY = datetime(2013, 1, 1, tzinfo=UTC)


@pytest.fixture
def contract(database: Database) -> str:
    with database.transaction() as session:
        add_customer(session, "b6")
        state = sign("con_1", "cus_b6", terms(line("plan", per_unit("100.00"))))
        insert_contract(session, state, clock_id=None, at=JANUARY)
    return "con_1"


def document(number: int, *, kind: str = "invoice", total_minor: int = 10_000, month: int = 1) -> NewDocument:
    on = date(2013, month, 1)
    return NewDocument(
        id=f"inv_{number}",
        kind=kind,
        contract_id="con_1",
        customer_id="cus_b6",
        document=number,
        input_hash="hash",
        currency="USD",
        issued_on=on,
        issued_at=JANUARY,
        due_on=on,
        due_at=JANUARY + timedelta(days=14),
        net_minor=total_minor,
        tax_minor=0,
        total_minor=total_minor,
        credit_applied_minor=0,
        status="open" if kind == "invoice" else "issued",
        corrects_invoice_id=None,
        taxes=(),
        lines=(
            NewLine(
                id=f"il_{number}",
                line_id="plan",
                kind="charge",
                description="Plan",
                period_start=on,
                period_end=on + timedelta(days=31),
                quantity=Decimal("1.50"),
                net_minor=total_minor,
                tax_minor=0,
                steps=(),
            ),
        ),
    )


def issued(database: Database, *documents: NewDocument) -> list[str]:
    return [database.run(lambda session, new=new: issue(session, new)) for new in documents]  # type: ignore[misc]


@pytest.mark.usefixtures("contract")
def test_a_document_and_its_lines_are_stored_under_the_next_number(database: Database) -> None:
    assert issued(database, document(1), document(2, kind="credit_note"), document(3)) == [
        "INV-000001",
        "CN-000001",
        "INV-000002",
    ]
    with database.transaction() as session:
        stored = get_invoice(session, "inv_1")
        assert stored is not None and (stored.number, stored.open_minor) == ("INV-000001", 10_000)
        [only] = lines_of(session, "inv_1")
        assert (only.position, only.quantity, only.net_minor) == (1, Decimal("1.50"), 10_000)
        found = find_document(session, "con_1", 3)
        assert found is not None and found.id == "inv_3"
        note = get_invoice(session, "inv_2")
        assert note is not None and note.open_minor == 0


@pytest.mark.usefixtures("contract")
def test_a_document_is_issued_once(database: Database) -> None:
    issued(database, document(1))
    with pytest.raises(DBAPIError) as raised:
        issued(database, document(1))
    assert sqlstate(raised.value) == "23505"
    assert issued(database, document(2)) == ["INV-000002"]


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE invoice SET total_minor = 1, net_minor = 1",
        "UPDATE invoice SET number = 'INV-000009'",
        "UPDATE invoice SET due_on = due_on + 1",
        "UPDATE invoice SET taxes = '[{}]'",
        "UPDATE invoice SET contract_id = contract_id || 'x'",
        "DELETE FROM invoice",
        "UPDATE invoice_line SET net_minor = 1",
        "UPDATE invoice_line SET schedule_id = NULL, recognize = 'immediately'",
        "UPDATE invoice SET correction_id = 'cor_1'",
        "DELETE FROM invoice_line",
        "TRUNCATE invoice_line CASCADE",
        "SET LOCAL session_replication_role = replica; DELETE FROM invoice_line",
    ],
)
@pytest.mark.usefixtures("contract")
def test_what_was_issued_cannot_be_changed(database: Database, attack: str) -> None:
    issued(database, document(1))
    with pytest.raises(DBAPIError) as raised, database.transaction() as session:
        session.connection().exec_driver_sql(attack)
    assert violated_constraint(raised.value) == "document_is_final"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("paid_minor = 10001", "ck_invoice_never_overpaid"),
        ("paid_minor = -1", "ck_invoice_signs"),
        ("refunded_minor = 1", "ck_invoice_within_paid"),
        ("paid_minor = 5, disputed_minor = 6", "ck_invoice_within_paid"),
        ("bad_debt_minor = -1", "ck_invoice_corrections_signs"),
        ("written_off_minor = 5", "ck_invoice_written_off_on_a_day"),
        ("status = 'paid'", "ck_invoice_paid_in_full"),
        ("paid_minor = 10000", "ck_invoice_open_owes"),
        ("status = 'issued'", "ck_invoice_credit_note_is_issued"),
        ("status = 'lost'", "ck_invoice_status_known"),
    ],
)
@pytest.mark.usefixtures("contract")
def test_a_status_says_what_the_amounts_say(database: Database, change: str, rule: str) -> None:
    issued(database, document(1))
    with pytest.raises(DBAPIError) as raised, database.transaction() as session:
        session.execute(text(f"UPDATE invoice SET {change}"))
    assert violated_constraint(raised.value) == rule


@pytest.mark.usefixtures("contract")
def test_an_invoice_is_paid_once_nothing_is_open(database: Database) -> None:
    issued(database, document(1))
    with database.transaction() as session:
        lower_open(session, "inv_1", credited_minor=4_000)
        before = get_invoice(session, "inv_1")
        assert before is not None and (before.status, before.open_minor) == ("open", 6_000)
    with database.transaction() as session:
        lower_open(session, "inv_1", paid_minor=6_000)
        after = get_invoice(session, "inv_1")
        assert after is not None and (after.status, after.open_minor, after.paid_minor) == ("paid", 0, 6_000)


@pytest.mark.usefixtures("contract")
def test_invoices_are_listed_newest_first(database: Database) -> None:
    issued(database, document(1), document(2, kind="credit_note"), document(3))
    with database.transaction() as session:
        listed = list_invoices(session, after=None, limit=2)
        assert [found.id for found in listed] == ["inv_3", "inv_2"]
        rest = list_invoices(session, after=listed[-1].sequence, limit=2, contract_id="con_1")
        assert [found.id for found in rest] == ["inv_1"]
