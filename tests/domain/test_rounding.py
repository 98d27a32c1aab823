from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from domain.rating import Group, Usage
from domain.rounding import Rounding, rounded


def quantity(number: str, **stated: Any) -> str:
    return f"{rounded(Usage(Decimal(number)), Rounding(**stated)).total:f}"


@pytest.mark.parametrize(
    ("mode", "to", "number", "expected"),
    [
        ("nearest", "1", "2.5", "3"),
        ("nearest", "1", "2.499999999999999999999999999999999999", "2"),
        ("nearest", "1", "-2.5", "-3"),
        ("nearest", "0.01", "1.005", "1.01"),
        ("nearest", "1000", "1499", "1000"),
        ("nearest", "1000", "1500", "2000"),
        ("up", "1", "2.000000000000000000000000000000000001", "3"),
        ("up", "1", "2", "2"),
        ("up", "1", "-2.1", "-3"),
        ("up", "0.25", "1.01", "1.25"),
        ("up", "1000", "1", "1000"),
        ("up", "1000", "0", "0"),
        ("down", "1", "2.999", "2"),
        ("down", "1", "-2.999", "-2"),
        ("down", "0.1", "0.19", "0.1"),
        ("down", "1000", "999", "0"),
    ],
)
def test_a_quantity_is_rounded_to_a_multiple(mode: str, to: str, number: str, expected: str) -> None:
    assert Decimal(quantity(number, mode=mode, to=to)) == Decimal(expected)


def test_the_nearest_multiple_is_taken_unless_stated() -> None:
    assert quantity("7.4", to=5) == "5"


def test_total_and_groups_are_rounded_each_for_itself_and_events_not_at_all() -> None:
    """1.4 and 1.4 are 2.8: two and two, of a total of three."""
    events = (Decimal("1.4"), Decimal("1.4"))
    usage = Usage(Decimal("2.8"), tuple(Group({"origin": name}, Decimal("1.4")) for name in ("EWR", "JFK")), events)
    assert rounded(usage, Rounding(mode="up", to=Decimal(1))) == Usage(
        Decimal(3), (Group({"origin": "EWR"}, Decimal(2)), Group({"origin": "JFK"}, Decimal(2))), events
    )
    assert rounded(usage, None) == usage


@pytest.mark.parametrize("to", ["0", "-1", 0.5, "1e3"])
def test_what_is_no_positive_decimal_is_refused(to: object) -> None:
    with pytest.raises(ValidationError):
        Rounding.model_validate({"to": to})
