"""Books as anyone might leave them, within what the database allows.

Values are made for every field that a dataclass has, so that a field which is not stored shows.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.books import (
    BookedLine,
    CustomerCredit,
    Document,
    DocumentStatus,
    Grant,
    Plan,
    RatedPeriod,
    Schedule,
    Window,
)
from domain.filters import Compares, Equals, Exists, Filter, OneOf
from domain.keys import derived
from domain.prices import Price
from domain.rating import Step
from domain.rounding import Rounding
from domain.state import Item
from models.books import LoadedBooks

T = TypeVar("T")

_PRICE: TypeAdapter[Price] = TypeAdapter(Price)
PRICES = [
    _PRICE.validate_python(price)
    for price in (
        {"model": "per_unit", "amount": "0.000001", "included": "10.50"},
        {"model": "flat", "amount": "-12.30"},
        {"model": "graduated", "tiers": [{"up_to": 10, "unit": "1.5"}, {"up_to": None, "unit": "0.1", "flat": "7"}]},
        {"model": "matrix", "cells": [{"when": {"region": "eu"}, "unit": "2"}], "otherwise": "1.00"},
    )
]
ONE_DAY = timedelta(days=1)
MOST = 10**15

days = st.dates(date(2012, 1, 1), date(2016, 12, 31))
decimals = st.decimals(-(10**9), 10**9, places=6)
SIMPLE: dict[object, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(0, 10**6),
    str: st.sampled_from(["plan", "calls", "Größe 1", 'a "quoted" \\ name']),
    date: days,
    datetime: st.datetimes(datetime(2012, 1, 1), datetime(2016, 12, 31)).map(lambda at: at.replace(tzinfo=UTC)),
    Decimal: decimals,
    NoneType: st.none(),
    Rounding: st.sampled_from([Rounding(to=Decimal("0.01")), Rounding(mode="up", to=Decimal(1000))]),
}


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a field's type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in SIMPLE:
        return SIMPLE[hint]
    if hint in (Item, Step):
        return items if hint is Item else some(Step)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, UnionType):
        return st.one_of(*(of_type(part) for part in arguments))
    assert origin is tuple, f"no values are known for {hint}"
    if arguments[-1] is Ellipsis:
        return st.lists(of_type(arguments[0]), max_size=2).map(tuple)
    return st.tuples(*(of_type(part) for part in arguments))


def some(kind: type[T], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[T]:
    """Any value of the dataclass; of the fields that are given, one of those."""
    hints = get_type_hints(kind)
    made = {name: given[name] if name in given else of_type(hint) for name, hint in hints.items()}
    return st.builds(kind, **made)


signed = st.integers(-MOST, MOST)
conditions: st.SearchStrategy[Filter] = st.sampled_from(
    [
        Equals(property="origin", op="ne", value='a "quoted" \\ name'),
        OneOf(property="origin", op="in", value=("EWR", "Größe 1")),
        Compares(property="seats", op="gte", value=Decimal("1.50")),
        Exists(property="seats", op="exists", value=False),
    ]
)
filters = st.lists(conditions, max_size=2).map(tuple)
items: st.SearchStrategy[Item] = some(Item, price=st.sampled_from(PRICES), filters=filters)
plain = decimals.map(lambda number: f"{number:f}")
delivered = st.lists(st.tuples(days, plain), max_size=2).map(tuple)

# Made once: hypothesis is slow to take in a strategy. What rows must agree on is put right afterwards.
LINES = st.lists(some(BookedLine, net_minor=signed, tax_minor=signed, quantity=plain), max_size=2)
DOCUMENTS = st.lists(some(Document, lines=LINES), max_size=3)
SCHEDULES = st.lists(some(Schedule, amount_minor=signed, recognized_minor=signed, progress=delivered), max_size=3)
CREDITS = st.lists(some(CustomerCredit), max_size=2)
GRANTS = st.lists(some(Grant), max_size=2)
WINDOWS = st.lists(some(Window, counted_minor=signed), max_size=2)
PERIODS = st.lists(some(RatedPeriod, billed_minor=signed), max_size=2)
PLANS = st.lists(some(Plan, billed_minor=signed, amount_minor=signed), max_size=2)


@st.composite
def books(draw: st.DrawFn, contract_id: str) -> LoadedBooks:
    """The books of a contract that was just signed, with anything in them."""
    found = LoadedBooks(contract_id, "cus_b6", "USD", "main", "Europe/Paris")
    found.documents = _named(contract_id, draw(DOCUMENTS))
    found.schedules = _named(contract_id, [_lasting(row) for row in draw(SCHEDULES)])
    found.credits = _named(contract_id, [_given(row) for row in draw(CREDITS)])
    found.grants = _named(contract_id, [_granted(row) for row in draw(GRANTS)])
    found.windows = _named(contract_id, [_lasting(row) for row in draw(WINDOWS)])
    found.periods = _named(contract_id, [_lasting(row) for row in draw(PERIODS)])
    found.plans = _named(contract_id, [_lasting(row) for row in draw(PLANS)])
    for number, document in enumerate(found.documents.values(), start=1):
        document.correction_id = document.correction_id and derived("cor", document.id)
        document.sequence = document.sequence if document.correction_id else number
        for position, line in enumerate(document.lines):
            line.id = derived("il", document.id, position)
            line.schedule_id = draw(st.sampled_from([None, *found.schedules]))
        settle(draw, document)
    _linked(draw, found)
    return found


def settle(draw: st.DrawFn, document: Document) -> None:
    """Give the document amounts that agree with each other and with its status."""
    document.total_minor = left = document.net_minor + document.tax_minor
    for name in ("credit_applied_minor", "credited_minor", "paid_minor", "written_off_minor"):
        setattr(document, name, part(draw, left))
        left -= getattr(document, name)
    document.refunded_minor, document.disputed_minor = (part(draw, document.paid_minor) for _ in range(2))
    if document.written_off_minor and document.written_off_on is None:
        document.written_off_on = draw(days)
    ended: list[DocumentStatus] = ["void", "uncollectible", "open" if left else "paid"]
    document.status = "issued" if document.kind == "credit_note" else draw(st.sampled_from(ended))
    for line in document.lines:
        line.credited_minor, line.credited_tax_minor = part(draw, line.net_minor), part(draw, line.tax_minor)


def part(draw: st.DrawFn, whole: int) -> int:
    """A part of `whole`, of its sign."""
    found = draw(st.integers(0, abs(whole)))
    return found if whole >= 0 else -found


def _named(contract_id: str, rows: list[T]) -> dict[str, T]:
    ids = (derived(type(row).__name__, contract_id, number) for number, row in enumerate(rows))
    return {id_: replace(row, id=id_) for id_, row in zip(ids, rows, strict=True)}  # type: ignore[type-var]


def _linked(draw: st.DrawFn, found: LoadedBooks) -> None:
    """Let rows name others that there are."""
    documents: list[str | None] = [None, *found.documents]
    lines = [None, *(line.id for document in found.documents.values() for line in document.lines)]
    for number, document in enumerate(found.documents.values(), start=1):
        document.corrects = draw(st.sampled_from(documents[:number]))
    for schedule in list(found.schedules.values()):
        found.keep(replace(schedule, invoice_line_id=draw(st.sampled_from(lines))))
    for credit in found.credits.values():
        note = draw(st.sampled_from(documents))
        credit.source, credit.source_id = ("credit_note", note) if note else ("payment", credit.source_id)
        credit.invoice_id = draw(st.sampled_from(documents))


def _lasting(row: T) -> T:
    """The row with an end after its start."""
    starts_on, ends_on = row.starts_on, row.ends_on  # type: ignore[attr-defined]
    return replace(row, ends_on=max(ends_on, starts_on + ONE_DAY))  # type: ignore[type-var]


def _granted(grant: Grant) -> Grant:
    used, earned = min(grant.used_minor, grant.granted_minor), min(grant.earned_minor, grant.paid_minor)
    return replace(grant, used_minor=used, earned_minor=earned)


def _given(credit: CustomerCredit) -> CustomerCredit:
    amount = max(credit.amount_minor, 1)
    return replace(credit, amount_minor=amount, remaining_minor=min(credit.remaining_minor, amount))
