"""What the books hold comes back from the database as it was stored, and stored again once more as it was changed."""

from dataclasses import fields, replace
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
from tests.models.books_strategies import books, part, settle
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


@pytest.fixture
def customer(database: Database) -> None:
    with database.transaction() as session:
        add_customer(session, "b6")


def signed(database: Database) -> str:
    with database.transaction() as session:
        return add_contract(session, "b6", number=next(NUMBERS))


def kept(database: Database, held: LoadedBooks) -> LoadedBooks:
    """The books as they are read after they were stored."""
    with database.transaction() as session:
        store(session, held, terms=TERMS, at=AT)
    with database.transaction() as session:
        return load(session, held.contract_id, everything=True, **SETTING)


def contents(held: Books) -> dict[str, Any]:
    """All that outlasts a transaction."""
    passing = {"entries", "touched", "corrections"}
    return {field.name: getattr(held, field.name) for field in fields(Books) if field.name not in passing}


@st.composite
def changed(draw: st.DrawFn, held: LoadedBooks) -> LoadedBooks:
    """The books after all changed that may: documents are settled anew, rows of the same id become others."""
    others = draw(books(held.contract_id))
    for document in held.documents.values():
        settle(draw, document)
    for name in ("grants", "windows", "periods", "plans"):
        getattr(held, name).update(getattr(others, name))
    for id_, schedule in others.schedules.items():
        known = held.schedules.get(id_)
        held.keep(replace(schedule, invoice_line_id=known.invoice_line_id if known else None))
    for credit in held.credits.values():
        credit.remaining_minor = part(draw, credit.amount_minor)
    return held


@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.usefixtures("customer")
def test_books_come_back_as_they_were_stored_and_as_they_were_changed(database: Database, data: st.DataObject) -> None:
    held = data.draw(books(signed(database)))
    found = kept(database, held)
    assert contents(found) == contents(held)
    again = data.draw(changed(found))
    assert contents(kept(database, again)) == contents(again)
