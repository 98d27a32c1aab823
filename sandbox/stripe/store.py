"""Everything the server knows, in one SQLite file: objects, the journal, saved answers, deliveries, faults.

There is one connection and one thread that uses it, so a transaction is a request. WAL with synchronous NORMAL
loses nothing when the process is killed.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson

Json = dict[str, Any]

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, created INTEGER NOT NULL,
    customer TEXT, payment_intent TEXT, charge TEXT, source TEXT, type TEXT, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS object_kind ON object (kind, seq);
CREATE INDEX IF NOT EXISTS object_customer ON object (customer, kind, seq) WHERE customer IS NOT NULL;
CREATE INDEX IF NOT EXISTS object_payment_intent ON object (payment_intent, kind, seq) WHERE payment_intent IS NOT NULL;
CREATE INDEX IF NOT EXISTS object_charge ON object (charge, kind, seq) WHERE charge IS NOT NULL;
CREATE INDEX IF NOT EXISTS object_source ON object (source, seq) WHERE source IS NOT NULL;
CREATE TABLE IF NOT EXISTS journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL, object_id TEXT NOT NULL,
    payment_intent TEXT, charge TEXT, customer TEXT, amount INTEGER NOT NULL, currency TEXT NOT NULL,
    request_id TEXT, idempotency_key TEXT, metadata TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS journal_payment_intent ON journal (payment_intent);
CREATE TRIGGER IF NOT EXISTS journal_keeps BEFORE UPDATE ON journal
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER IF NOT EXISTS journal_stays BEFORE DELETE ON journal
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TABLE IF NOT EXISTS saved_answer (
    key TEXT PRIMARY KEY, request_hash BLOB NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL,
    request_id TEXT NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS delivery (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, endpoint_id TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, due_at REAL NOT NULL, created_at REAL NOT NULL, not_before INTEGER,
    last_status INTEGER);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (due_at) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS delivery_event ON delivery (event_id);
CREATE TABLE IF NOT EXISTS fault (id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""
INDEXED: Final = ("customer", "payment_intent", "charge", "source", "type")


class Store:
    """The SQLite file behind the server."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.sql = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
        self.sql.execute("PRAGMA journal_mode = WAL")
        self.sql.execute("PRAGMA synchronous = NORMAL")
        self.sql.execute("PRAGMA busy_timeout = 5000")
        self.sql.executescript(SCHEMA)

    def close(self) -> None:
        self.sql.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commits what the block wrote, or none of it."""
        self.sql.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.sql.execute("ROLLBACK")
            raise
        self.sql.execute("COMMIT")

    def insert(self, obj: Json) -> None:
        self.sql.execute(
            "INSERT INTO object (id, kind, created, customer, payment_intent, charge, source, type, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (obj["id"], obj["object"], obj["created"], *(obj.get(name) for name in INDEXED), orjson.dumps(obj)),
        )

    def update(self, obj: Json) -> None:
        self.sql.execute(
            "UPDATE object SET customer = ?, body = ? WHERE id = ?",
            (obj.get("customer"), orjson.dumps(obj), obj["id"]),
        )

    def delete(self, id_: str) -> None:
        self.sql.execute("DELETE FROM object WHERE id = ?", (id_,))

    def get(self, id_: str) -> Json | None:
        row = self.sql.execute("SELECT body FROM object WHERE id = ?", (id_,)).fetchone()
        return _object(row[0]) if row else None

    def seq_of(self, kind: str, id_: str) -> int | None:
        row = self.sql.execute("SELECT seq FROM object WHERE id = ? AND kind = ?", (id_, kind)).fetchone()
        return int(row[0]) if row else None

    def select(self, kind: str, where: list[str], values: list[Any], *, newest_first: bool, limit: int) -> list[Json]:
        """Objects of a kind that meet every condition of `where`, in the order they were created or reversed."""
        conditions = " AND ".join(["kind = ?", *where])
        order = "DESC" if newest_first else "ASC"
        query = f"SELECT body FROM object WHERE {conditions} ORDER BY seq {order} LIMIT ?"
        return [_object(row[0]) for row in self.sql.execute(query, (kind, *values, limit))]

    def setting(self, name: str) -> Any:
        row = self.sql.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return orjson.loads(row[0]) if row else None

    def set_setting(self, name: str, value: Any) -> None:
        self.sql.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, orjson.dumps(value)))


def _object(body: bytes) -> Json:
    found: Json = orjson.loads(body)
    return found
