"""Test clocks: time that only moves when somebody moves it, for the contracts that hang on it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Identity
from sqlmodel import Field, SQLModel

from models.base import BIG, INSTANT


class TestClock(SQLModel, table=True):
    """A clock that stands at `now_at`, and goes to `target_at` while it is advancing."""

    __tablename__ = "test_clock"
    __table_args__ = (
        CheckConstraint("status IN ('ready', 'advancing')", name="status_known"),
        CheckConstraint("(status = 'advancing') = (target_at IS NOT NULL)", name="advances_to_a_target"),
    )
    __test__ = False  # pytest would take it for a test by its name

    id: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    name: str
    now_at: datetime = Field(sa_type=INSTANT)
    status: str = "ready"
    target_at: datetime | None = Field(default=None, sa_type=INSTANT)
    created_at: datetime = Field(sa_type=INSTANT)
