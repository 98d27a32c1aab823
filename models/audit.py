"""The audit log: who changed what through the API, written in the transaction of the change. Rows only ever come."""

from datetime import datetime

from sqlalchemy import Column, Identity
from sqlmodel import Field, Session, SQLModel

from models.base import BIG, INSTANT


class AuditEntry(SQLModel, table=True):
    """One change. Ids only: no name, no e-mail, no secret."""

    __tablename__ = "audit_log"

    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(always=True), primary_key=True))
    at: datetime = Field(sa_type=INSTANT, index=True)
    actor: str
    request_id: str
    route: str
    action: str
    object_id: str = Field(index=True)


def record(session: Session, entry: AuditEntry) -> None:
    session.add(entry)
