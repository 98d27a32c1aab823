"""Invoices beyond their contract's bounds are held until a person releases them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cases.contract import Contract
from domain.commands import Release
from tests.domain.shell import change, flat, terms

PLAN = {"id": "plan", "price": flat("31.00")}
MARCH = datetime(2026, 3, 15, tzinfo=UTC)


def run(bounds: dict[str, Any], price: str = "62.00") -> Contract:
    """The contract in the middle of March, with another price from February on."""
    contract = Contract.signed(terms(PLAN, start="2026-01-01", bounds=bounds))
    contract.advance(datetime(2026, 1, 20, tzinfo=UTC))
    contract.apply(change("plan", price=flat(price), effective="next_period"), datetime(2026, 1, 20, tzinfo=UTC))
    contract.advance(MARCH)
    return contract


def standing(contract: Contract) -> list[tuple[str, str, bool]]:
    return [(str(d.issued_on), d.status, d.held) for d in contract.books.documents.values()]


@pytest.mark.parametrize(
    ("bounds", "held"),
    [
        ({"total": "61.99"}, True),
        ({"total": "62.00"}, False),
        ({"change_percent": "99"}, True),
        ({"change_percent": "100"}, False),
        ({"lines": 1}, False),
        ({"per_day": 1}, False),
    ],
)
def test_an_invoice_beyond_a_bound_is_held_and_not_collected(bounds: dict[str, Any], held: bool) -> None:
    """31.00 in January and 62.00 in February: 100 percent more."""
    january, february, *_ = standing(run(bounds))
    assert january == ("2026-01-01", "paid", False)
    assert february == ("2026-02-01", "open" if held else "paid", held)


def test_what_is_released_is_collected() -> None:
    contract = run({"total": "61.99"})
    contract.apply(Release(), MARCH)
    contract.advance(MARCH, including=True)
    assert standing(contract)[1:] == [("2026-02-01", "paid", False), ("2026-03-01", "paid", False)]


def test_more_lines_than_agreed_are_held() -> None:
    contract = Contract.signed(
        terms(PLAN, {"id": "more", "price": flat("1.00")}, start="2026-01-01", bounds={"lines": 1})
    )
    contract.advance(datetime(2026, 1, 2, tzinfo=UTC))
    assert standing(contract) == [("2026-01-01", "open", True)]


def test_the_second_invoice_of_a_day_is_held_where_one_was_agreed() -> None:
    contract = Contract.signed(terms(PLAN, start="2026-01-01", bounds={"per_day": 1}))
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    contract.advance(noon)
    contract.apply(change("plan", price=flat("62.00")), noon)
    assert standing(contract) == [("2026-01-01", "paid", False), ("2026-01-01", "open", True)]
