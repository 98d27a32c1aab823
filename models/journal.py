"""The journal: entries that only ever come, balanced by the database itself, posted once per key."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from uuid import uuid4

import orjson
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, Session, SQLModel

from domain.journal import Entry
from models.base import BIG, INSTANT, MINOR
from models.period import period_of


class JournalEntry(SQLModel, table=True):
    """The header of an entry. It counts in `period` by `posting_on`; it was true on `economic_on`."""

    __tablename__ = "journal_entry"
    __table_args__ = (
        UniqueConstraint("book", "idempotency_key"),
        ForeignKeyConstraint(["book", "period"], ["accounting_period.book", "accounting_period.period"]),
        CheckConstraint("line_count >= 2", name="two_lines_at_least"),
        CheckConstraint("octet_length(payload_hash) = 32", name="hash_is_sha256"),
        CheckConstraint("reverses_entry_id <> id", name="reverses_another"),
        Index("ix_journal_entry_posting_on_sequence", "posting_on", "sequence"),
    )

    id: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(always=True), nullable=False))
    book: str
    period: str
    posting_on: date
    economic_on: date
    kind: str
    source_type: str
    source_id: str
    idempotency_key: str
    payload_hash: bytes = Field(sa_type=LargeBinary)
    contract_id: str | None = Field(default=None, index=True)
    customer_id: str | None = Field(default=None, index=True)
    invoice_id: str | None = Field(default=None, index=True)
    reverses_entry_id: str | None = Field(default=None, foreign_key="journal_entry.id", unique=True)
    line_count: int
    # When it was recorded: a fact about the record, so the database's clock tells it.
    created_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": text("clock_timestamp()")})


class JournalLine(SQLModel, table=True):
    """A debit (positive) or credit (negative) of an account, in the transaction's and in the book's currency."""

    __tablename__ = "journal_line"
    __table_args__ = (
        CheckConstraint("amount_minor <> 0 OR functional_minor <> 0", name="amount_not_zero"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_iso_4217"),
        Index("ix_journal_line_account_contract_id", "account", "contract_id"),
    )

    entry_id: str = Field(primary_key=True, foreign_key="journal_entry.id")
    line_no: int = Field(primary_key=True)
    account: str = Field(foreign_key="account.code")
    currency: str
    amount_minor: int = Field(sa_type=MINOR)
    functional_minor: int = Field(sa_type=MINOR)
    contract_id: str | None = None
    invoice_id: str | None = None
    line_id: str | None = None


class EntryMismatch(ValueError):
    """The idempotency key was posted before, with another content."""


def post(session: Session, entry: Entry) -> str:
    """Return the id of the entry, posting it unless its key was posted before.

    Its balance is checked when the transaction commits.

    Raises:
        EntryMismatch: if the key was posted with another content.
        sqlalchemy.exc.DBAPIError: if the period is closed, or an account unknown.
    """
    return post_all(session, [entry])[0]


def post_all(session: Session, entries: Sequence[Entry]) -> list[str]:
    """Like `post` for each of `entries`, in one round trip however many they are."""
    if not entries:
        return []
    headers = [_header(entry) for entry in entries]
    lines = [line for header, entry in zip(headers, entries, strict=True) for line in _lines(header, entry)]
    documents = {"headers": orjson.dumps(headers).decode(), "lines": orjson.dumps(lines).decode()}
    posted = set(session.execute(_POST, documents).scalars())
    ids = [str(header["id"]) for header in headers]
    if len(posted) == len(ids):
        return ids
    stored = _stored(session, headers)
    for header in headers:
        if stored[header["book"], header["idempotency_key"]][1] != header["payload_hash"]:
            raise EntryMismatch(f"the key {header['idempotency_key']} was posted before with another content")
    return [stored[header["book"], header["idempotency_key"]][0] for header in headers]


def _header(entry: Entry) -> dict[str, object]:
    content: dict[str, object] = {
        "book": entry.book,
        "posting_on": entry.posting_on,
        "economic_on": entry.economic_on or entry.posting_on,
        "kind": entry.kind,
        "source_type": entry.source_type,
        "source_id": entry.source_id,
        "contract_id": entry.contract_id,
        "customer_id": entry.customer_id,
        "invoice_id": entry.invoice_id,
        "reverses_entry_id": entry.reverses_entry_id,
    }
    lines = [(p.account, p.amount_minor, p.line_id, p.currency, p.functional_minor) for p in entry.postings]
    payload = orjson.dumps([content, entry.currency, lines], option=orjson.OPT_SORT_KEYS)
    return content | {
        # Not derived from the key: of two that post it at once, the second must meet the first at the key alone.
        "id": f"je_{uuid4().hex}",
        "period": period_of(entry.posting_on),
        "idempotency_key": entry.idempotency_key,
        "payload_hash": hashlib.sha256(payload).hexdigest(),
        "line_count": len(entry.postings),
    }


def _lines(header: dict[str, object], entry: Entry) -> list[dict[str, object]]:
    return [
        {
            "entry_id": header["id"],
            "line_no": number,
            "account": posting.account,
            "currency": posting.currency or entry.currency,
            "amount_minor": posting.amount_minor,
            "functional_minor": posting.amount_minor if posting.functional_minor is None else posting.functional_minor,
            "contract_id": entry.contract_id,
            "invoice_id": entry.invoice_id,
            "line_id": posting.line_id,
        }
        for number, posting in enumerate(entry.postings, start=1)
    ]


def _stored(session: Session, headers: Sequence[dict[str, object]]) -> dict[tuple[object, object], tuple[str, str]]:
    keys = {"books": [header["book"] for header in headers], "keys": [header["idempotency_key"] for header in headers]}
    return {(row.book, row.idempotency_key): (row.id, row.payload_hash) for row in session.execute(_STORED, keys)}


# Known keys are filtered out before the insert, whose trigger refuses a closed period: posting again what was posted
# before the close must give the first entry. One order for all batches, so that two never wait for each other.
_POST = text("""
    WITH posted AS (
      INSERT INTO journal_entry (
        id, book, period, posting_on, economic_on, kind, source_type, source_id, idempotency_key, payload_hash,
        contract_id, customer_id, invoice_id, reverses_entry_id, line_count
      )
      SELECT id, book, period, posting_on, economic_on, kind, source_type, source_id, idempotency_key,
        decode(payload_hash, 'hex'), contract_id, customer_id, invoice_id, reverses_entry_id, line_count
      FROM json_to_recordset(CAST(:headers AS json)) AS h (
        id text, book text, period text, posting_on date, economic_on date, kind text, source_type text, source_id text,
        idempotency_key text, payload_hash text, contract_id text, customer_id text, invoice_id text,
        reverses_entry_id text, line_count int
      )
      WHERE NOT EXISTS (
        SELECT FROM journal_entry e WHERE e.book = h.book AND e.idempotency_key = h.idempotency_key
      )
      ORDER BY book, period, idempotency_key
      ON CONFLICT (book, idempotency_key) DO NOTHING
      RETURNING id
    ), lined AS (
      INSERT INTO journal_line (
        entry_id, line_no, account, currency, amount_minor, functional_minor, contract_id, invoice_id, line_id
      )
      SELECT l.* FROM json_to_recordset(CAST(:lines AS json)) AS l (
        entry_id text, line_no int, account text, currency text, amount_minor bigint, functional_minor bigint,
        contract_id text, invoice_id text, line_id text
      ) JOIN posted ON posted.id = l.entry_id
    )
    SELECT id FROM posted
""")
_STORED = text("""
    SELECT book, idempotency_key, id, encode(payload_hash, 'hex') AS payload_hash FROM journal_entry
    WHERE (book, idempotency_key) IN (SELECT * FROM unnest(CAST(:books AS text[]), CAST(:keys AS text[])))
""")
