"""Gapless numbers of legal documents: one counter row for each legal entity and series, never a sequence."""

from sqlalchemy import CheckConstraint, text
from sqlmodel import Field, Session, SQLModel

from models.base import BIG


class NumberSeries(SQLModel, table=True):
    """The last number that a series gave out. Its row lock puts issuing transactions in a row."""

    __tablename__ = "number_series"
    __table_args__ = (CheckConstraint("last_number >= 0", name="counts_up_from_zero"),)

    legal_entity: str = Field(primary_key=True)
    series: str = Field(primary_key=True)
    prefix: str
    last_number: int = Field(sa_type=BIG)


# Gives back the next number of :series, six digits at least, and holds the series until the transaction ends.
NUMBER_SQL = """
    INSERT INTO number_series AS s (legal_entity, series, prefix, last_number)
    VALUES (:legal_entity, :series, :prefix, 1)
    ON CONFLICT (legal_entity, series) DO UPDATE SET last_number = s.last_number + 1
    RETURNING s.prefix || lpad(s.last_number::text, greatest(6, length(s.last_number::text)), '0') AS number
"""
PREFIXES = {"invoice": "INV-", "credit_note": "CN-"}


def next_number(session: Session, legal_entity: str, series: str) -> str:
    """The next number of a series, such as "INV-000001".

    Take it last: every other transaction that wants a number of this series waits until this one ends. A
    transaction that is rolled back gives its number back.
    """
    values = {"legal_entity": legal_entity, "series": series, "prefix": PREFIXES[series]}
    number: str = session.execute(text(NUMBER_SQL), values).scalar_one()
    return number
