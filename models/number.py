"""Gapless numbers of legal documents: one counter row for each legal entity and series, never a sequence."""

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from models.base import BIG


class NumberSeries(SQLModel, table=True):
    """The last number that a series gave out. Its row lock puts issuing transactions in a row."""

    __tablename__ = "number_series"
    __table_args__ = (CheckConstraint("last_number >= 0", name="counts_up_from_zero"),)

    legal_entity: str = Field(primary_key=True)
    series: str = Field(primary_key=True)
    prefix: str
    last_number: int = Field(sa_type=BIG)
