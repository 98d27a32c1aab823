"""Foreign keys that are checked when the transaction commits."""

from sqlalchemy import Column, ForeignKey, String


def deferred(target: str, *, primary_key: bool = False, nullable: bool = False, unique: bool = False) -> Column[str]:
    """A column that refers to a document: it is stored last, since its number is taken last."""
    key = ForeignKey(target, deferrable=True, initially="DEFERRED")
    return Column(String, key, primary_key=primary_key, nullable=nullable, unique=unique or None)
