"""From the rows of a file to contracts: rows with one external id are the lines of one contract."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from adoption.asked import Adoption, Problem
from adoption.rows import COLUMNS, OF_CONTRACT, Cells, Row, advice, read_rows
from domain.adoption import LineOpening
from domain.errors import DomainError
from domain.prices import ZERO
from domain.terms import Terms

# Errors of the terms as a whole name the line, and then the field.
OF_LINE = re.compile(r"^line ([^:]+): (\w+)")
RENAMED = {"term": "term_months"}


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one contract, by the ids of its lines, and the contract that they make, if they do."""

    external_id: str
    rows: dict[str, int]
    first: int
    adoption: Adoption | None

    def problem(self, fault: DomainError) -> Problem:
        """Where in the file the fault is."""
        row, column = self._place([part for part in fault.field.split("/") if part])
        return Problem(row, column, fault.message, self.external_id)

    def _place(self, path: Sequence[str]) -> tuple[int, str]:
        match path:
            case ["lines", line, *rest]:
                return self.rows.get(line, self.first), rest[0] if rest else "line"
            case ["terms", "lines", index, *rest]:
                return list(self.rows.values())[int(index)], _column(rest, "line")
            case ["terms", *rest]:
                return self.first, _column(rest, "external_id")
            case [name]:
                return self.first, name
            case _:
                return self.first, "external_id"


@dataclass(slots=True)
class Found:
    """What a file says. `customers` are the references to customers, with the rows that name them first."""

    groups: list[Group] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    customers: dict[str, tuple[int, str]] = field(default_factory=dict)


def read(content: bytes) -> Found:
    """The contracts of a CSV file and all that is wrong with it by itself."""
    rows, problems = read_rows(content)
    found = Found(problems=problems)
    by_id: dict[str, list[Cells]] = {}
    for one in rows:
        external_id = one.cells.get("external_id", "")
        if external_id:
            by_id.setdefault(external_id, []).append(one)
        if customer := one.cells.get("customer"):
            found.customers.setdefault(customer, (one.number, external_id))
    for external_id, mine in by_id.items():
        found.groups.append(_group(external_id, mine, found.problems))
    return found


def _group(external_id: str, rows: Sequence[Cells], problems: list[Problem]) -> Group:
    mine = [Problem(number, column, message, external_id) for number, column, message in _disagreements(rows)]
    good = [(one.number, one.row) for one in rows if one.row is not None]
    by_line = {row.line: number for number, row in reversed(good)}
    group = Group(external_id, {row.line: by_line[row.line] for _, row in good}, rows[0].number, None)
    if mine or len(good) < len(rows):
        problems += mine
        return group
    try:
        return Group(external_id, group.rows, group.first, _adoption([row for _, row in good]))
    except ValidationError as error:
        found = {_place_of(item, good): advice(item) for item in reversed(error.errors())}
        problems += [Problem(*place, message, external_id) for place, message in found.items()]
    return group


def _disagreements(rows: Sequence[Cells]) -> Iterator[tuple[int, str, str]]:
    """Where the rows of a contract contradict each other, or themselves."""
    first, lines, meters = rows[0], dict[str, int](), dict[str, str]()
    for one in rows:
        for column in OF_CONTRACT:
            told, here = first.cells.get(column), one.cells.get(column)
            if told != here:
                yield one.number, column, f"{here or 'empty'} here, {told or 'empty'} in row {first.number}"
        if one is not first and "customer_credit" in one.cells:
            yield one.number, "customer_credit", f"it belongs on the contract's first row, {first.number}"
        line = one.cells.get("line", "")
        if line and lines.setdefault(line, one.number) != one.number:
            yield one.number, "line", f"row {lines[line]} is this line already"
        if one.row is None:
            continue
        yield from ((one.number, column, message) for column, message in _contradictions(one.row))
        if one.row.meter and one.row.aggregate:
            counted = meters.setdefault(one.row.meter, one.row.aggregate)
            if counted != one.row.aggregate:
                yield one.number, "aggregate", f"{one.row.meter} is counted by {counted} in another row"


def _contradictions(row: Row) -> Iterator[tuple[str, str]]:
    if (row.meter is None) != (row.aggregate is None):
        yield ("aggregate" if row.meter else "meter"), "a meter and its aggregate go together"
    if row.renew is not None and row.term_months is None:
        yield "term_months", "a contract that renews has a term"
    if row.price.startswith("{"):
        if row.price_model is not None:
            yield "price_model", "the price names its model itself"
        try:
            _price(row)
        except ValueError as error:
            yield "price", f"not JSON: {error}"
    elif row.price_model is None:
        yield "price_model", "give flat or per_unit, or the price as JSON"


def _price(row: Row) -> Any:
    if row.price.startswith("{"):
        return json.loads(row.price, parse_float=Decimal)
    return {"model": row.price_model, "amount": row.price}


def _adoption(rows: Sequence[Row]) -> Adoption:
    """The contract that the rows make.

    Raises:
        ValidationError: if its terms are wrong, with places in the terms.
    """
    first = rows[0]
    terms: dict[str, Any] = {
        "currency": first.currency,
        "timezone": first.timezone,
        "start": first.start,
        "anchor_day": first.anchor_day,
        "payment_terms_days": first.payment_terms_days,
        "pays": first.pays,
        "legal_entity": first.legal_entity,
        "meters": [
            {"id": id_, "aggregate": how} for id_, how in {r.meter: r.aggregate for r in rows if r.meter}.items()
        ],
        "lines": [_line(row) for row in rows],
    }
    if first.term_months is not None:
        terms["term"] = {"months": first.term_months, "renew": first.renew or "none"}
    return Adoption(
        external_id=first.external_id,
        customer=first.customer,
        terms=Terms.model_validate(terms),
        lines={row.line: LineOpening(billed_through=row.billed_through, deferred=row.deferred) for row in rows},
        customer_credit=first.customer_credit or ZERO,
    )


def _line(row: Row) -> dict[str, Any]:
    same = ("description", "quantity", "meter", "every", "bill", "recognize")
    return {"id": row.line, "price": _price(row)} | {name: getattr(row, name) for name in same}


def _place_of(item: Any, rows: Sequence[tuple[int, Row]]) -> tuple[int, str]:
    """The row and the column of an error in the terms."""
    match item["loc"]:
        case ("lines", int(index), *rest):
            named = re.match(r"^line [^:]+: (\w+)", advice(item))
            return rows[index][0], _column(rest or ([named[1]] if named else []), "line")
        case (name, *_):
            return rows[0][0], _column([str(name)], "external_id")
    if named := OF_LINE.match(advice(item)):
        numbers = {row.line: number for number, row in rows}
        return numbers.get(named[1], rows[0][0]), _column([named[2]], "line")
    return rows[0][0], "external_id"


def _column(path: Sequence[object], otherwise: str) -> str:
    """The column that holds a field of the terms."""
    name = RENAMED.get(str(path[0]), str(path[0])) if path else otherwise
    return name if name in COLUMNS else otherwise
