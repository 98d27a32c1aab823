"""A contract's books in the database: loaded as far as a decision needs them, stored as far as it changed them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import orjson
from sqlalchemy import text
from sqlmodel import Session

from domain.books import Books, CustomerCredit, Document
from domain.keys import derived
from domain.revenue import is_done
from domain.state import Decision
from domain.terms import Terms
from models.books_papers import new_document
from models.books_reading import READ, statement
from models.books_writing import Rows, nothing, rows_of, write
from models.exact import dumps
from models.issuing import issue
from models.journal import post_all
from models.usage_source import DatabaseUsage


@dataclass(slots=True)
class LoadedBooks(Books):
    """Books that remember what of them is stored."""

    stored: Rows = field(default_factory=nothing, repr=False, compare=False)


def reach(decision: Decision) -> date | None:
    """The earliest day that the decision's items reach back to; None where it has none."""
    items = (*(decision.bill.items if decision.bill else ()), *decision.accruals)
    return min((min(item.start, item.period_start or item.start) for item in items), default=None)


class UnknownContract(LookupError):
    """There is no such contract."""


def lock(session: Session, contract_id: str) -> None:
    """Keep other writers of the contract out until this transaction ends, as recording a decision does.

    Whoever changes the books without a decision takes it before anything else, and before loading.

    Raises:
        UnknownContract: if there is no such contract.
    """
    if session.execute(_LOCK, {"contract_id": contract_id}).first() is None:
        raise UnknownContract(f"there is no contract {contract_id}")


def load(
    session: Session,
    contract_id: str,
    *,
    zone: str,
    currency: str,
    book: str,
    invoices: Collection[str] = (),
    since: date | None = None,
    everything: bool = False,
) -> LoadedBooks:
    """The contract's books, as far as they matter: what is unfinished, open, unused, running or late.

    `since` is the `reach` of a decision: documents, schedules, rated periods, windows and plans that go beyond it are
    there too. Of `invoices` there is all that belongs to them, also what is finished.
    The caller holds the contract's lock; the documents that are read are locked.

    Raises:
        UnknownContract: if there is no such contract.
    """
    query = statement(everything=everything, since=since is not None, named=bool(invoices))
    values: dict[str, object] = {"contract_id": contract_id, "book": book}
    if not everything:
        values |= {"since": since} if since is not None else {}
        values |= {"invoices": list(invoices)} if invoices else {}
    read = READ.validate_json(session.execute(query, values).scalar_one())
    if read.customer_id is None:
        raise UnknownContract(f"there is no contract {contract_id}")
    books = LoadedBooks(
        contract_id=contract_id,
        customer_id=read.customer_id,
        currency=currency,
        book=book,
        zone=zone,
        documents={row.id: row for row in read.documents},
        schedules={row.id: row for row in read.schedules},
        credits={row.id: row for row in read.credits},
        grants={row.id: row for row in read.grants},
        windows={row.id: row for row in read.windows},
        periods={row.id: row for row in read.periods},
        plans={row.id: row for row in read.plans},
        closed_until=read.closed_until,
    )
    for id_ in [id_ for id_ in books.running if is_done(books.schedules[id_])]:
        del books.running[id_]
    books.stored = rows_of(books)
    return books


def store(
    session: Session,
    books: LoadedBooks,
    *,
    terms: Terms,
    at: datetime,
    input_hash: str = "",
    usage: DatabaseUsage | None = None,
) -> dict[str, str]:
    """Store what was changed and post the entries; return the numbers of the new documents by their ids.

    The gapless numbers come last, since others wait for them until the commit: nothing may follow. `input_hash` is of
    what the documents were made from, `usage` where their usage was read, `at` the business instant. The books must
    not be used afterwards.

    Raises:
        EntryMismatch: if an entry was posted before with another content.
        sqlalchemy.exc.DBAPIError: if a document exists already, an amount breaks its bounds, or a month is closed.
    """
    new = [document for document in books.documents.values() if document.id not in books.stored["documents"]]
    values = {
        "contract_id": books.contract_id,
        "customer_id": books.customer_id,
        "currency": books.currency,
        "at": at,
        "plan_of": _plan_of(books),
        "counted": {id_: usage.counted(period) for id_, period in books.periods.items()} if usage else {},
    }
    write(session, _changes(books, new, usage.rated_again if usage else ()), values)
    post_all(session, books.entries)
    papers = [new_document(books, found, terms=terms, input_hash=input_hash, usage=usage) for found in new]
    return {paper.id: issue(session, paper) for paper in papers}


def _changes(books: LoadedBooks, new: Sequence[Document], rated_again: Collection[str]) -> dict[str, list[bytes]]:
    """The rows to write, by table. A period that was rated again is written even where that changed nothing."""
    before, issued = books.stored, {document.id for document in new}
    changed = {
        name: {
            id_: row
            for id_, row in table.items()
            if row != before[name].get(id_) or (name == "periods" and id_ in rated_again)
        }
        for name, table in rows_of(books).items()
    }
    corrected = [books.documents[id_] for id_ in changed["documents"] if id_ not in issued]
    rows = {name: list(table.values()) for name, table in changed.items()}
    rows["documents"] = [changed["documents"][document.id] for document in corrected]
    rows["lines"] = [dumps(line) for document in corrected for line in _credited(document, before["documents"])]
    rows["uses"] = [dumps(use) for use in _uses(books, new)]
    return rows


def _credited(document: Document, before: Mapping[str, bytes]) -> Iterator[dict[str, object]]:
    """What was credited of the lines of which it is not what it was before."""
    known = {line["id"]: line for line in orjson.loads(before[document.id])["lines"]}
    for line in document.lines:
        taken = {"credited_minor": line.credited_minor, "credited_tax_minor": line.credited_tax_minor}
        if any(known[line.id][name] != minor for name, minor in taken.items()):
            yield {"id": line.id, **taken}


def _uses(books: LoadedBooks, new: Sequence[Document]) -> Iterator[dict[str, object]]:
    """Which credit paid how much of each new invoice: what is gone of the credits, oldest first."""
    gone = {credit.id: _remained(books, credit) - credit.remaining_minor for credit in _oldest_first(books)}
    for document in new:
        left = document.credit_applied_minor if document.kind == "invoice" else 0
        for credit_id, available in gone.items():
            taken = min(left, available)
            if taken > 0:
                gone[credit_id] -= taken
                left -= taken
                yield {"credit_id": credit_id, "invoice_id": document.id, "amount_minor": taken}


def _oldest_first(books: Books) -> list[CustomerCredit]:
    return sorted(books.credits.values(), key=lambda credit: credit.sequence)


def _remained(books: LoadedBooks, credit: CustomerCredit) -> int:
    before = books.stored["credits"].get(credit.id)
    return credit.amount_minor if before is None else int(orjson.loads(before)["remaining_minor"])


def _plan_of(books: Books) -> dict[str, str]:
    """The plans of the schedules that are pieces of one."""
    pieces = {
        derived("sch", books.contract_id, "plan", plan.id, number): plan.id
        for plan in books.plans.values()
        for number in range(plan.schedules + 2)
    }
    return {id_: plan_id for id_, plan_id in pieces.items() if id_ in books.schedules}


_LOCK = text("SELECT id FROM contract WHERE id = :contract_id FOR UPDATE")
