"""Prices in words."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from domain.prices import Price
from domain.wording import in_words

PRICE: TypeAdapter[Price] = TypeAdapter(Price)


@pytest.mark.parametrize(
    ("price", "words"),
    [
        ({"model": "flat", "amount": "75.00"}, "75.00 USD flat"),
        ({"model": "per_unit", "amount": "38000.00", "included": "2"}, "38,000.00 USD each, 2 included"),
        ({"model": "package", "size": "10000", "amount": "125.00"}, "125.00 USD for each started 10,000"),
        (
            {"model": "graduated", "tiers": [{"up_to": "10", "unit": "4.50"}, {"up_to": None, "unit": "4.10"}]},
            "graduated prices from 4.50 USD",
        ),
        (
            {"model": "volume", "tiers": [{"up_to": None, "unit": "4.10"}], "maximum": "99.00"},
            "volume prices from 4.10 USD, at most 99.00 USD",
        ),
        ({"model": "stairstep", "tiers": [{"up_to": None, "flat": "9.00"}]}, "steps from 9.00 USD"),
        (
            {
                "model": "matrix",
                "cells": [{"when": {"origin": "JFK"}, "unit": "703.50"}, {"when": {"origin": "EWR"}, "unit": "612.00"}],
                "minimum": "5000.00",
            },
            "612.00 to 703.50 USD by property, at least 5,000.00 USD",
        ),
    ],
)
def test_a_price_is_one_phrase(price: dict[str, Any], words: str) -> None:
    assert in_words(PRICE.validate_python(price), "USD") == words
