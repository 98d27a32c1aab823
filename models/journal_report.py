"""What the journal says: its entries, the trial balance, revenue by month, contract positions."""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from sqlalchemy import text, tuple_
from sqlmodel import Session, col, select

from domain.journal import MAIN_BOOK
from models.journal import JournalEntry, JournalLine


class AccountBalance(NamedTuple):
    """An account's balance in minor units, on its debit side if positive, else on its credit side."""

    account: str
    currency: str
    debit_minor: int
    credit_minor: int

    @property
    def balance_minor(self) -> int:
        return self.debit_minor - self.credit_minor


class MonthRevenue(NamedTuple):
    """Revenue posted to a month ("2013-06"), in minor units; what was taken back is subtracted."""

    month: str
    currency: str
    revenue_minor: int


class PositionSplit(NamedTuple):
    """The positions of all contracts by the side they stand on, both as amounts of at least zero."""

    currency: str
    contract_asset_minor: int
    deferred_revenue_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """Which entries to list; what is None does not restrict. `posted_to` is exclusive."""

    contract_id: str | None = None
    customer_id: str | None = None
    invoice_id: str | None = None
    account: str | None = None
    kind: str | None = None
    posted_from: date | None = None
    posted_to: date | None = None
    book: str = MAIN_BOOK


class Cursor(NamedTuple):
    """Where a page of entries ended."""

    posting_on: date
    sequence: int


class ListedEntry(NamedTuple):
    """An entry with its lines, and the cursor that continues after it."""

    entry: JournalEntry
    lines: tuple[JournalLine, ...]
    cursor: Cursor


def trial_balance(session: Session, at: date | None = None, book: str = MAIN_BOOK) -> list[AccountBalance]:
    """Every account that was posted to up to and including the day `at`, with its sums of debits and credits."""
    rows = session.execute(_TRIAL_BALANCE, {"at": at, "book": book})
    return [AccountBalance(row[0], row[1], int(row[2]), int(row[3])) for row in rows]


def revenue_by_month(session: Session, book: str = MAIN_BOOK, contract_id: str | None = None) -> list[MonthRevenue]:
    """Revenue by month and currency, oldest first, of one contract or of all."""
    rows = session.execute(_REVENUE, {"book": book, "contract_id": contract_id})
    return [MonthRevenue(row[0], row[1], int(row[2])) for row in rows]


def position_split(session: Session, at: date | None = None, book: str = MAIN_BOOK) -> list[PositionSplit]:
    """The account `contract_position` as a balance sheet shows it: contract assets apart from deferred revenue."""
    rows = session.execute(_POSITIONS, {"at": at, "book": book})
    return [PositionSplit(row[0], int(row[1]), int(row[2])) for row in rows]


def entries(
    session: Session, wanted: EntryFilter, *, after: Cursor | None = None, limit: int = 100
) -> list[ListedEntry]:
    """At most `limit` entries in the order of their posting day, beginning after the cursor `after`."""
    order = (col(JournalEntry.posting_on), col(JournalEntry.sequence))
    headers = select(JournalEntry).where(JournalEntry.book == wanted.book)
    for column in ("contract_id", "customer_id", "invoice_id", "kind"):
        if (value := getattr(wanted, column)) is not None:
            headers = headers.where(getattr(JournalEntry, column) == value)
    if wanted.posted_from is not None:
        headers = headers.where(JournalEntry.posting_on >= wanted.posted_from)
    if wanted.posted_to is not None:
        headers = headers.where(JournalEntry.posting_on < wanted.posted_to)
    if wanted.account is not None:
        touched = select(JournalLine.entry_id).where(JournalLine.account == wanted.account)
        headers = headers.where(col(JournalEntry.id).in_(touched))
    if after is not None:
        headers = headers.where(tuple_(*order) > tuple_(after.posting_on, after.sequence))
    found = session.exec(headers.order_by(*order).limit(limit)).all()
    lines = _lines_of(session, [entry.id for entry in found])
    return [ListedEntry(entry, tuple(lines[entry.id]), _cursor(entry)) for entry in found]


def _cursor(entry: JournalEntry) -> Cursor:
    assert entry.sequence is not None
    return Cursor(entry.posting_on, entry.sequence)


def _lines_of(session: Session, entry_ids: list[str]) -> dict[str, list[JournalLine]]:
    theirs = select(JournalLine).where(col(JournalLine.entry_id).in_(entry_ids))
    lines: dict[str, list[JournalLine]] = {entry_id: [] for entry_id in entry_ids}
    for line in session.exec(theirs.order_by(col(JournalLine.line_no))):
        lines[line.entry_id].append(line)
    return lines


_TRIAL_BALANCE = text("""
    SELECT l.account, l.currency, coalesce(sum(l.amount_minor) FILTER (WHERE l.amount_minor > 0), 0),
      coalesce(-sum(l.amount_minor) FILTER (WHERE l.amount_minor < 0), 0)
    FROM journal_line l JOIN journal_entry e ON e.id = l.entry_id
    WHERE e.book = :book AND e.posting_on <= coalesce(CAST(:at AS date), 'infinity')
    GROUP BY l.account, l.currency ORDER BY l.account, l.currency
""")
_REVENUE = text("""
    SELECT e.period, l.currency, -sum(l.amount_minor)
    FROM journal_line l JOIN journal_entry e ON e.id = l.entry_id JOIN account a ON a.code = l.account
    WHERE e.book = :book AND a.class = 'revenue'
      AND (CAST(:contract_id AS text) IS NULL OR l.contract_id = :contract_id)
    GROUP BY e.period, l.currency ORDER BY e.period, l.currency
""")
_POSITIONS = text("""
    SELECT currency, sum(greatest(position, 0)), sum(greatest(-position, 0))
    FROM (
      SELECT l.contract_id, l.currency, sum(l.amount_minor) AS position
      FROM journal_line l JOIN journal_entry e ON e.id = l.entry_id
      WHERE e.book = :book AND l.account = 'contract_position'
        AND e.posting_on <= coalesce(CAST(:at AS date), 'infinity')
      GROUP BY l.contract_id, l.currency
    ) AS contract_positions
    GROUP BY currency ORDER BY currency
""")
