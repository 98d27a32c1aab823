"""What the books hold comes back from the database as it was stored, and stored again once more as it was changed."""

from dataclasses import fields
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.books import Books
from domain.terms import Terms
from models.books import LoadedBooks, load, store
from models.database import Database
from tests.models.books_strategies import books
from tests.models.usage_samples import add_contract, add_customer

AT = datetime(2013, 1, 1, tzinfo=UTC)
TERMS = Terms.model_validate(
    {
        "currency": "USD",
        "start": "2013-01-01",
        "lines": [{"id": "plan", "price": {"model": "flat", "amount": "1"}, "every": "month", "bill": "advance"}],
    }
)
SETTING: dict[str, Any] = {"zone": "Europe/Paris", "currency": "USD", "book": "main"}
NUMBERS = count(1)
CHANGEABLE = {
    "documents": {
        "status", "credit_applied_minor", "credited_minor", "paid_minor", "refunded_minor", "written_off_minor",
        "bad_debt_minor", "undone_minor", "written_off_on", "disputed_minor", "held",
    },
    "credits": {"amount_minor", "remaining_minor"},
}  # fmt: skip


@pytest.fixture
def customer(database: Database) -> None:
    with database.transaction() as session:
        add_customer(session, "b6")


def signed(database: Database) -> str:
    with database.transaction() as session:
        return add_contract(session, "b6", number=next(NUMBERS))


def kept(database: Database, held: LoadedBooks) -> dict[str, Any]:
    """What is there of the books after they were stored, and of what was asked for."""
    with database.transaction() as session:
        store(session, held, terms=TERMS, at=AT)
    with database.transaction() as session:
        found = load(session, held.contract_id, everything=True, **SETTING)
    return contents(found)


def contents(held: Books) -> dict[str, Any]:
    return {
        field.name: getattr(held, field.name) for field in fields(Books) if field.name not in ("entries", "touched")
    }


@given(data=st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.usefixtures("customer")
def test_books_come_back_as_they_were_stored(database: Database, data: st.DataObject) -> None:
    held = data.draw(books(signed(database)))
    assert kept(database, held) == contents(held)
