"""The rows of a file of contracts: which columns there are, and what a cell may hold."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, ValidationError

from adoption.asked import ExternalId, Problem, Reference
from domain.line import Aggregate, Frequency, Frozen, Recognition, Slug
from domain.offers import Day
from domain.prices import ZERO, NonNegative


def _iso(value: object) -> object:
    """Text such as 2026-07-01, and nothing else: a number would be read as seconds since 1970."""
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError("expected a day such as 2026-07-01") from None


def _whole(value: object) -> object:
    if not (isinstance(value, str) and value.isascii() and value.isdigit()):
        raise ValueError("expected a whole number")
    return value


IsoDay = Annotated[Day, BeforeValidator(_iso)]
Whole = Annotated[int, BeforeValidator(_whole), Field(le=10**6)]


class Row(Frozen):
    """One line of a contract. The first fields are the contract's and stand on each of its rows."""

    external_id: ExternalId
    customer: Reference
    currency: str
    timezone: str = "UTC"
    start: IsoDay
    term_months: Whole | None = None
    renew: Literal["none", "auto"] | None = None
    anchor_day: Whole | None = None
    payment_terms_days: Whole = 0
    pays: Literal["automatically", "on_invoice"] = "automatically"
    legal_entity: Slug = "main"
    line: Slug
    description: Annotated[str, Field(max_length=200)] | None = None
    price: str
    price_model: Literal["flat", "per_unit"] | None = None
    quantity: NonNegative | None = None
    meter: Slug | None = None
    aggregate: Aggregate | None = None
    every: Frequency
    bill: Literal["advance", "arrears"]
    recognize: Recognition | None = None
    billed_through: IsoDay
    deferred: NonNegative = ZERO
    customer_credit: NonNegative | None = None


COLUMNS: Final = tuple(Row.model_fields)
REQUIRED: Final = tuple(name for name, field in Row.model_fields.items() if field.is_required())
OF_CONTRACT: Final = COLUMNS[: COLUMNS.index("line")]


@dataclass(frozen=True, slots=True)
class Cells:
    """A row as it stands in the file; empty cells are left out. `row` is None where a cell is wrong."""

    number: int
    cells: Mapping[str, str]
    row: Row | None


def read_rows(content: bytes) -> tuple[list[Cells], list[Problem]]:
    """The rows of a CSV file, and all that is wrong with its form and its cells."""
    try:
        text = content.decode("utf-8-sig")
        records = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        return [], [Problem(0, "", f"not a CSV file in UTF-8: {error}")]
    if not records:
        return [], [Problem(0, "", "the file is empty; its first row names the columns")]
    header = [name.strip() for name in records[0]]
    if problems := list(_header_problems(header)):
        return [], problems
    rows: list[Cells] = []
    for number, record in enumerate(records[1:], start=2):
        if any(cell.strip() for cell in record):
            rows.append(_row(number, header, record, problems))
    if not rows:
        problems.append(Problem(0, "", "the file has no rows below its header"))
    return rows, problems


def _header_problems(header: Sequence[str]) -> Iterator[Problem]:
    for name in dict.fromkeys(header):
        if name not in COLUMNS:
            yield Problem(1, name, f"there is no such column; there are {', '.join(COLUMNS)}")
        if header.count(name) > 1:
            yield Problem(1, name, "the column stands here more than once")
    for name in REQUIRED:
        if name not in header:
            yield Problem(1, name, "the column is missing")


def _row(number: int, header: Sequence[str], record: Sequence[str], problems: list[Problem]) -> Cells:
    cells = {name: cell.strip() for name, cell in zip(header, record, strict=False) if cell.strip()}
    external_id = cells.get("external_id", "")
    if len(record) > len(header):
        message = f"the row has {len(record)} cells, the header {len(header)}; quote cells that hold a comma"
        problems.append(Problem(number, "", message, external_id))
        return Cells(number, cells, None)
    try:
        return Cells(number, cells, Row.model_validate(cells))
    except ValidationError as error:
        found = {str(item["loc"][0]): advice(item) for item in reversed(error.errors())}
        problems += [Problem(number, column, message, external_id) for column, message in found.items()]
        return Cells(number, cells, None)


def advice(item: Any) -> str:
    """What a validation error says, for whoever filled in the cell."""
    if item["type"] == "missing":
        return "this is required"
    message = str(item["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
