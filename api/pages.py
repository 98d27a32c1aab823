"""Lists by cursor: newest first, stable while rows are added, at most `LIMIT_MAX` at a time."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Final, Generic, Protocol, TypeVar

from fastapi import Query
from pydantic import Field

from api.fields import Output
from api.problems import Fault, Problem

LIMIT_MAX: Final = 100


class Numbered(Protocol):
    """A row with its place in the order rows were added."""

    @property
    def sequence(self) -> int | None: ...


Row = TypeVar("Row")
NumberedRow = TypeVar("NumberedRow", bound=Numbered)
Item = TypeVar("Item")

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many to return.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")]


class Page(Output, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next_cursor: str | None = Field(description="Send as `cursor` for the next page; null on the last one.")


def page(rows: Sequence[NumberedRow], limit: int, shown: Callable[[NumberedRow], Item]) -> Page[Item]:
    """A page of rows, of which the caller has fetched one more than `limit` to see whether more follow."""
    return page_by(rows, limit, shown, lambda row: row.sequence)


def page_by(
    rows: Sequence[Row], limit: int, shown: Callable[[Row], Item], place: Callable[[Row], int | None]
) -> Page[Item]:
    """A page of rows that are ordered by `place`."""
    next_cursor = encode_cursor(place(rows[limit - 1])) if len(rows) > limit else None
    return Page(items=[shown(row) for row in rows[:limit]], next_cursor=next_cursor)


def encode_cursor(sequence: int | None) -> str:
    assert sequence is not None
    return base64.urlsafe_b64encode(f"s{sequence}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> int | None:
    """The place after which the next page begins.

    Raises:
        Problem: 422, no cursor of this service.
    """
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    if not (text[:1] == "s" and text[1:].isdigit() and len(text) <= 19):
        detail = "This is no cursor. Send `next_cursor` of the page before, or leave it out."
        raise Problem(422, "invalid-request", detail, (Fault(detail=detail, parameter="cursor"),))
    return int(text[1:])
