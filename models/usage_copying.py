"""Rows of usage on their way into the tables by COPY, which is the fastest way in: no staging, no statement a row."""

from collections.abc import Iterable
from typing import Any, Literal, cast

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

# What COPY takes for a separator, or for the beginning of an escape.
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})

# A field without a character is NULL; no text of an event is empty.
_INTO = {
    "keys": "COPY usage_key (source, event_id, seq, at, body_hash) FROM STDIN (NULL '')",
    "events": """COPY usage_event (
      seq, at, source, event_id, customer_key, requested_contract_id, contract_id, event, value, properties
    ) FROM STDIN (NULL '')""",
}


def copy_in(session: Session, table: Literal["keys", "events"], lines: Iterable[str]) -> None:
    """Write the lines, each of them the table's fields in their order as `line` joins them.

    Raises:
        sqlalchemy.exc.DBAPIError: as any statement does; here the driver is asked without SQLAlchemy in between.
    """
    connection = session.connection()
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    statement = _INTO[table]
    try:
        with driver.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            copy.write("".join(lines))
    except psycopg.Error as error:
        raise DBAPIError.instance(
            statement, None, error, psycopg.Error, connection_invalidated=driver.closed, dialect=connection.dialect
        ) from error


def line(*fields: str, end: str = "\n") -> str:
    """A line of COPY; `end` is as COPY reads it."""
    joined = "\t".join(fields)
    if "\\" in joined or "\n" in joined or "\r" in joined or joined.count("\t") >= len(fields):
        joined = "\t".join(field.translate(_ESCAPES) for field in fields)
    return joined + end
