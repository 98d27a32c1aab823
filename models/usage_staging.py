"""A batch of events on its way into the table: copied into one that only its transaction sees, as COPY is fastest."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import cast

import psycopg
from sqlalchemy import text
from sqlmodel import Session

# In the order of the columns of `usage_staged`.
StagedRow = tuple[int, str, str, bytes, str | None, str | None, str | None, str, datetime, Decimal | int | None, bytes]

# What COPY takes for a separator, or for the beginning of an escape.
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_NULL = r"\N"


def stage(session: Session, rows: Iterable[StagedRow]) -> None:
    """Put the rows into the table `usage_staged`, which empties itself when the transaction ends."""
    session.execute(_TABLE)
    connection = cast("psycopg.Connection[object]", session.connection().connection.driver_connection)
    with connection.cursor() as cursor, cursor.copy("COPY usage_staged FROM STDIN") as copy:
        copy.write("".join(map(_line, rows)))


def _line(row: StagedRow) -> str:
    position, source, event_id, body_hash, customer_key, requested_id, contract_id, event, at, value, properties = row
    return (
        f"{position}\t{_text(source)}\t{_text(event_id)}\t\\\\x{body_hash.hex()}\t{_text(customer_key)}\t"
        f"{_text(requested_id)}\t{_text(contract_id)}\t{_text(event)}\t{at.isoformat()}\t"
        f"{_NULL if value is None else value}\t{_text(properties.decode())}\n"
    )


def _text(value: str | None) -> str:
    if value is None:
        return _NULL
    return value.translate(_ESCAPES) if "\\" in value or not value.isprintable() else value


_TABLE = text("""
    CREATE TEMPORARY TABLE IF NOT EXISTS usage_staged (
      position int, source text, event_id text, body_hash bytea, customer_key text, requested_contract_id text,
      contract_id text, event text, at timestamptz, value numeric, properties jsonb
    ) ON COMMIT DELETE ROWS;
    DELETE FROM usage_staged;
""")
