"""The published cases of kind price, through `rate`."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from domain.money import to_major, to_minor
from domain.prices import Price
from domain.rating import Group, Usage, rate

PUBLIC = Path(__file__).parents[2] / "cases" / "public"
CASES = [case for case in yaml.safe_load((PUBLIC / "prices.yaml").read_text()) if case["kind"] == "price"]
PRICE: TypeAdapter[Price] = TypeAdapter(Price)


def usage(case: Mapping[str, Any]) -> Usage:
    events = [event if isinstance(event, dict) else {"value": event} for event in case.get("events", [])]
    groups = [
        Group({name: text for name, text in event.items() if name != "value"}, Decimal(event["value"]))
        for event in events
    ]
    values = tuple(group.quantity for group in groups)
    return Usage(Decimal(case["quantity"]) if "quantity" in case else sum(values, Decimal(0)), tuple(groups), values)


def test_the_cases_are_there() -> None:
    assert len(CASES) == 40


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_price_gives_the_amount_of_its_case(case: Mapping[str, Any]) -> None:
    currency = case.get("currency", "USD")
    found = rate(PRICE.validate_python(case["price"]), usage(case))
    assert str(to_major(to_minor(found.amount, currency), currency)) == case["expect"]["amount"]
