from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from sqlalchemy import text

from models.database import Database
from models.number import next_number

WRITERS, TAKEN = 8, 40


class GivenUp(Exception):
    """Rolls a transaction back."""


def test_a_series_starts_at_one_and_is_counted_by_kind(database: Database) -> None:
    with database.transaction() as session:
        assert next_number(session, "main", "invoice") == "INV-000001"
        assert next_number(session, "main", "invoice") == "INV-000002"
        assert next_number(session, "main", "credit_note") == "CN-000001"
        assert next_number(session, "branch", "invoice") == "INV-000001"


def test_a_number_may_grow_beyond_six_digits(database: Database) -> None:
    with database.transaction() as session:
        next_number(session, "main", "invoice")
        session.connection().exec_driver_sql("UPDATE number_series SET last_number = 999999")
        assert next_number(session, "main", "invoice") == "INV-1000000"


def test_a_transaction_that_is_rolled_back_gives_its_number_back(database: Database) -> None:
    with pytest.raises(GivenUp), database.transaction() as session:
        next_number(session, "main", "invoice")
        raise GivenUp
    with database.transaction() as session:
        assert next_number(session, "main", "invoice") == "INV-000001"


def test_eight_writers_that_roll_back_now_and_then_leave_no_gap(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("CREATE TABLE taken (number text PRIMARY KEY)"))

    def write(seed: int) -> int:
        random, kept = Random(seed), 0
        while kept < TAKEN:
            try:
                with database.transaction() as session:
                    number = next_number(session, "main", "invoice")
                    session.execute(text("INSERT INTO taken VALUES (:number)"), {"number": number})
                    if random.random() < 0.3:
                        raise GivenUp
            except GivenUp:
                continue
            kept += 1
        return kept

    with ThreadPoolExecutor(WRITERS) as pool:
        assert sum(pool.map(write, range(WRITERS))) == WRITERS * TAKEN
    with database.transaction() as session:
        numbers = list(session.execute(text("SELECT number FROM taken ORDER BY number")).scalars())
    assert numbers == [f"INV-{number:06}" for number in range(1, WRITERS * TAKEN + 1)]
