"""The metadata every table belongs to, and the column types money and time are stored in."""

from sqlalchemy import BigInteger, Numeric
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlmodel import SQLModel

# SQLModel maps `int` to 32 bits and `datetime` to a column without time zone: name the type on every such field.
MINOR = BigInteger()  # money in minor units
BIG = BigInteger()  # sequences and other 64-bit counters
INSTANT = TIMESTAMP(timezone=True)
QUANTITY = Numeric()  # exact, of any precision
JSON = JSONB()

# Generated names must not depend on the server, or migrations could not drop what they created.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = SQLModel.metadata
