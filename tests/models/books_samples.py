"""Books of one contract, by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import event

from domain.books import BookedLine, CustomerCredit, Document, RatedPeriod, Schedule
from domain.journal import Entry, Posting
from domain.prices import PerUnit
from domain.state import Item
from domain.terms import Terms
from models.books import LoadedBooks, load, store
from models.database import Database
from models.usage_source import DatabaseUsage
from tests.models.usage_samples import sign

AT = datetime(2013, 1, 1, tzinfo=UTC)
JANUARY, FEBRUARY, MARCH = date(2013, 1, 1), date(2013, 2, 1), date(2013, 3, 1)
TERMS = Terms.model_validate(
    {
        "currency": "USD",
        "start": "2013-01-01",
        "tax": [{"name": "VAT", "rate": "20"}],
        "lines": [
            {
                "id": "plan",
                "description": "The plan",
                "price": {"model": "flat", "amount": "1"},
                "every": "month",
                "bill": "advance",
            }
        ],
    }
)
SETTING: dict[str, Any] = {"zone": "Europe/Paris", "currency": "USD", "book": "main"}


def signed(database: Database) -> str:
    with database.transaction() as session:
        return sign(session, "UA")


def found(database: Database, contract_id: str = "con_UA_1", **asked: Any) -> LoadedBooks:
    with database.transaction() as session:
        return load(session, contract_id, **SETTING, **asked)


def kept(database: Database, books: LoadedBooks, usage: DatabaseUsage | None = None) -> dict[str, str]:
    with database.transaction() as session:
        return store(session, books, terms=TERMS, at=AT, input_hash="hash", usage=usage)


def month(number: int) -> tuple[date, date]:
    return date(2013, number, 1), date(2013 + number // 12, number % 12 + 1, 1)


def add_invoice(books: LoadedBooks, number: int, *, status: str = "open", **more: Any) -> Document:
    """An invoice over 100.00 for the month of that number, with the schedule of its one line, wholly earned."""
    starts_on, ends_on = month(number)
    schedule = Schedule(
        f"sch_{number}", "plan", "position", "daily", starts_on, ends_on, 10_000, 10_000, ends_on,
        invoice_line_id=f"il_{number}",
    )  # fmt: skip
    line = BookedLine(
        f"il_{number}", "plan", "charge", starts_on, ends_on, 10_000, 0, "daily", schedule.id, quantity="1"
    )
    values: dict[str, Any] = {
        "id": f"inv_{number}",
        "kind": "invoice",
        "sequence": number,
        "issued_on": starts_on,
        "issued_at": AT,
        "due_on": starts_on,
        "net_minor": 10_000,
        "tax_minor": 0,
        "total_minor": 10_000,
        "status": status,
        "lines": [line],
        "paid_minor": 10_000 if status == "paid" else 0,
    }
    document = Document(**(values | more))
    books.documents[document.id] = document
    books.keep(schedule)
    return document


def add_credit(books: LoadedBooks, number: int, remaining_minor: int, **more: Any) -> CustomerCredit:
    values: dict[str, Any] = {"source": "payment", "source_id": f"pay_{number}", "invoice_id": None}
    values |= {"amount_minor": 1_000, "remaining_minor": remaining_minor, "sequence": number}
    credit = CustomerCredit(f"ccr_{number}", **(values | more))
    books.credits[credit.id] = credit
    return credit


def usage_item(starts_on: date = JANUARY, ends_on: date = FEBRUARY, **more: Any) -> Item:
    """The seats that were flown in those days."""
    values: dict[str, Any] = {
        "line": "seats",
        "kind": "usage",
        "bill": "arrears",
        "start": starts_on,
        "end": ends_on,
        "part_days": 31,
        "whole_days": 31,
        "price": PerUnit(model="per_unit", amount="0.10"),  # type: ignore[arg-type]
        "recognize": "as_used",
        "event": "departure",
        "aggregate": "sum",
        "reads": "seats",
        "from_at": datetime.combine(starts_on, datetime.min.time(), UTC),
        "to_at": datetime.combine(ends_on, datetime.min.time(), UTC),
        "period_start": starts_on,
    }
    return Item(**(values | more))


def rated_period(*items: Item) -> RatedPeriod:
    first, last = items[0], items[-1]
    return RatedPeriod(f"rp_{first.start:%m}", first.line, first.start, last.end, items, 1_000)


def entry(amount_minor: int = 100) -> Entry:
    postings = (Posting("receivable", amount_minor), Posting("revenue", -amount_minor))
    return Entry(
        idempotency_key="invoice/inv_1",
        kind="invoice",
        source_type="invoice",
        source_id="inv_1",
        posting_on=JANUARY,
        currency="USD",
        postings=postings,
    )


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The statements that are sent to the database meanwhile."""
    sent: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        sent.append(" ".join(statement.split())[:60])

    event.listen(database.engine, "before_cursor_execute", note)
    yield sent
    event.remove(database.engine, "before_cursor_execute", note)
