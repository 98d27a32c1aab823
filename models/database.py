"""The one door to PostgreSQL: transactions, and what is retried when one fails."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

T = TypeVar("T")

# Made by the first migration, where the migrating user may make roles.
APPLICATION_ROLE = "perennial_app"

ATTEMPTS_MAX = 6
FIRST_PAUSE_SECONDS = 0.02

SERIALIZATION_FAILURE = "40001"
DEADLOCK_DETECTED = "40P01"
LOCK_NOT_AVAILABLE = "55P03"
# Class 08 is a lost connection, 57P01 to 57P03 a server that stops, crashed or starts.
CONNECTION_LOST = ("08", "57P01", "57P02", "57P03")


class Database:
    """A pool of connections and the only place of the product that commits.

    Every transaction is READ COMMITTED in the time zone UTC. A statement, a wait for a lock and an idle
    transaction are bounded, so that nothing stuck holds the locks of others for long. With `role`, it acts with
    the rights of that role alone: `APPLICATION_ROLE` cannot change what only ever comes.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        statement_timeout_s: int = 60,
        lock_timeout_s: int = 15,
        role: str | None = None,
    ) -> None:
        options = {
            "TimeZone": "UTC",
            "statement_timeout": f"{statement_timeout_s}s",
            "lock_timeout": f"{lock_timeout_s}s",
            "idle_in_transaction_session_timeout": "60s",
        }
        if role is not None:
            options["role"] = role
        self.url = url
        self.engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
            connect_args={"options": " ".join(f"-c {name}={value}" for name, value in options.items())},
        )

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a session that commits when the block ends and rolls back when it raises.

        Objects stay readable after the commit.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def run(self, work: Callable[[Session], T]) -> T:
        """Return what `work` returns, in one transaction of its own.

        On a serialization failure, a deadlock or a lost connection the whole of `work` runs again, a bounded
        number of times. A connection lost during the commit leaves its outcome unknown, so `work` must find
        its own rows by their natural keys when it runs twice.

        Raises:
            sqlalchemy.exc.DBAPIError: any other database error, or the last of the repeated ones.
        """
        for attempt in range(1, ATTEMPTS_MAX):
            try:
                return self._once(work)
            except DBAPIError as error:
                if not is_transient(error):
                    raise
            pause_s = FIRST_PAUSE_SECONDS * 2**attempt
            time.sleep(pause_s * random.uniform(0.5, 1.5))
        return self._once(work)

    def _once(self, work: Callable[[Session], T]) -> T:
        with self.transaction() as session:
            return work(session)

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def is_transient(error: DBAPIError) -> bool:
    """Whether the same transaction may succeed when it is run again from its start."""
    if error.connection_invalidated:
        return True
    state = sqlstate(error)
    if state is None:
        # psycopg gives no state where no server answered: refused, reset or timed out.
        return type(error.orig).__name__ in {"OperationalError", "InterfaceError", "ConnectionTimeout"}
    return state in (SERIALIZATION_FAILURE, DEADLOCK_DETECTED) or state.startswith(CONNECTION_LOST)


def sqlstate(error: DBAPIError) -> str | None:
    """The five-character SQLSTATE of `error`, None where the server sent none."""
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None


def violated_constraint(error: DBAPIError) -> str | None:
    """The name of the constraint or trigger rule that refused, None where the error names none."""
    diagnostics = getattr(error.orig, "diag", None)
    name = getattr(diagnostics, "constraint_name", None)
    return name if isinstance(name, str) else None
